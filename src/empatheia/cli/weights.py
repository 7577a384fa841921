"""``empatheia weights``: files of others for the paper's system: list, get, convert, verify."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empatheia.errors import InputError, WeightsError, naming, unknown

if TYPE_CHECKING:
    from torch import Tensor, nn

KINDS = ("styletts2", "kokoro", "dreamtalk", "styletalk", "pirenderer")
PACK = ".pt"  # Kokoro's voices
STYLED = {"voice": (".wav", ".flac", ".mp3", PACK), "face": (".mat",)}


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Published weights: list, get, convert, verify.")
    group.command("list")(list_files)
    group.command("get")(get)
    group.command("convert")(convert)
    group.command("verify")(verify)
    group.command("styles")(styles)
    group.command("plan")(plan)
    app.add_typer(group, name="weights")


def list_files() -> None:
    """Every file, where it is, its size and its terms."""
    from empatheia.published.table import FILES

    for row in FILES:
        print(f"{row.name}: {row.what}")
        size = f"about {row.megabytes} MB" if row.megabytes else "size not known"
        print(f"  from {row.where}, {size}, SHA-256 {row.sha256 or 'not known'}")
        print(f"  licence: {row.licence}; commercial use: {'yes' if row.commercial else 'no'}")
        if row.ask:
            print(f"  to get it: {row.ask}")


def get(
    name: Annotated[str, typer.Argument(help="A name of 'empatheia weights list'.")],
    folder: Annotated[Path, typer.Option("--folder", "-o", help="Where to put it.")] = Path(),
) -> None:
    """Download a file or a model's folder, going on where an earlier download stopped."""
    from empatheia.published.download import begun, download, download_folder
    from empatheia.published.table import find

    row = find(name)
    if not row.url and not row.repository:
        raise InputError(f"{name} has no direct address ({row.ask or 'see ' + row.where})")
    target = folder / (name if row.repository else row.url.rpartition("/")[2])
    if not begun(target):  # its terms are told once, before the first byte
        told = "yes" if row.commercial else "no"
        print(f"licence of {name}: {row.licence}; commercial use: {told}", flush=True)
    if row.repository:
        print(download_folder(row.repository, target))
        return
    print(download(row.url, target, row.sha256))
    for url in row.beside:
        print(download(url, folder / f"{name}-{url.rpartition('/')[2]}"))


def convert(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    checkpoint: Annotated[Path, typer.Argument(help="The published file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .safetensors file to write.")],
    config: Annotated[
        Path | None,
        typer.Option(help="config.yml (StyleTTS2) or config.json (Kokoro) published beside it."),
    ] = None,
) -> None:
    """Turn a published file into safetensors: nothing of it is run, every key is checked."""
    from empatheia import hub
    from empatheia.published import strict

    network, state, numbers = _fitted(kind, checkpoint, config)
    strict.check(network, state, str(checkpoint), str(config or ""))
    source = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    name = "styletts2" if kind == "kokoro" else kind
    meta = {"kind": name, "config": numbers, "source": checkpoint.name, "source_sha256": source}
    hub.save(out, state, meta)
    print(f"{out}: {len(state)} tensors, {sum(v.numel() for v in state.values()):,} numbers")
    print(f"SHA-256 of {checkpoint.name}: {source}")


def verify(
    file: Annotated[Path, typer.Argument(help="A file that 'weights convert' wrote.")],
) -> None:
    """Check a converted file: complete, every key and shape, no NaN."""
    from empatheia import hub
    from empatheia.published import strict

    weights = hub.load(file)
    kind = str(weights.meta.get("kind"))
    if kind not in KINDS:
        raise WeightsError(f"{file} says it is {kind!r}: 'empatheia weights convert' writes others")
    network = _network(kind, weights.meta.get("config"), str(file))
    strict.check(network, weights.tensors, str(file))
    bad = [n for n, v in weights.tensors.items() if not bool(v.float().isfinite().all())]
    if bad:
        raise WeightsError(f"{file} has NaN or infinite numbers in {', '.join(bad[:5])}")
    print(f"{file}: {kind}, {len(weights.tensors)} tensors, complete, digest {weights.digest}")


def styles(
    kind: Annotated[str, typer.Argument(help="voice or face.")],
    weights: Annotated[Path, typer.Argument(help="voice.safetensors or face.safetensors.")],
    clips: Annotated[
        Path, typer.Argument(help="Folder of recordings, voice packs or .mat coefficients.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .safetensors table to write.")],
) -> None:
    """Mean styles by emotion and person, of clips whose clips.tsv or names say what they show."""
    from empatheia import hub
    from empatheia.published.clips import read_clips
    from empatheia.published.styles import StyleMeans

    if kind not in STYLED:
        raise InputError(unknown("kind", kind, STYLED))
    encode = _voice_style(weights) if kind == "voice" else _face_style(weights)
    found = read_clips(clips, STYLED[kind])

    def style(path: Path) -> Tensor:
        with naming(path):
            return encode(path)

    means = StyleMeans.of((emotion, who, style(path)) for path, emotion, who in found)
    hub.save(out, means.tensors(), {"kind": f"{kind} styles", "clips": len(found)})
    print(f"{out}: {len(means.tensors())} rows of {len(found)} clips")


def _voice_style(weights: Path) -> Callable[[Path], Tensor]:
    from empatheia.media.audio import read_audio
    from empatheia.published import pickles
    from empatheia.speech.styletts2.generator import StyleTTS2Voice
    from empatheia.speech.styletts2.layout import style_of_pack

    voice = StyleTTS2Voice.load(weights, phonemes="dictionary")

    def style(path: Path) -> Tensor:
        if path.suffix == PACK:
            return style_of_pack(pickles.read(path), voice.style_dim)
        return voice.encode_style(read_audio(path))

    return style


def _face_style(weights: Path) -> Callable[[Path], Tensor]:
    from empatheia.face.dreamtalk.coefficients import read_coefficients
    from empatheia.face.dreamtalk.generator import open_network

    network, _ = open_network(weights)
    return lambda path: network.eval().encode_style(read_coefficients(path).expression).detach()


def plan(
    backbone: Annotated[str, typer.Option(help="Whose sizes.")] = "vicuna",
    tflops: Annotated[float, typer.Option(min=0.001, help="Of the GPU, bfloat16, dense.")] = 312.0,
    bandwidth: Annotated[float, typer.Option(min=0.001, help="Of its memory, GB/s.")] = 2039.0,
    share: Annotated[float, typer.Option(min=0.001, max=1, help="Of both that is reached.")] = 0.4,
) -> None:
    """ESTIMATES of memory and time, counted on networks without memory; the default is an A100."""
    from empatheia.paper.estimates import Machine, estimates

    for line in estimates(backbone, Machine(tflops * 1e12, bandwidth * 1e9, share)):
        print(line)


def _fitted(
    kind: str, path: Path, config: Path | None
) -> tuple[nn.Module, dict[str, Tensor], dict[str, Any]]:
    """The network a file belongs to (without memory), its tensors and its numbers."""
    from empatheia.published import pickles

    if kind not in KINDS:
        raise InputError(unknown("kind", kind, KINDS))
    checkpoint = pickles.read(path)
    if kind in ("styletts2", "kokoro"):
        from empatheia.speech.styletts2 import layout

        voice = layout.config_of(_read_config(kind, config))
        numbers = voice.as_dict()

        def tensors(parts: Mapping[str, Any]) -> dict[str, Tensor]:
            parts = parts.get("net", parts)
            names = [name for name in (*layout.NEEDED, *layout.OPTIONAL) if name in parts]
            return layout.tensors_of({n: pickles.tensors_in(parts[n], n) for n in names}, voice)
    else:
        from dataclasses import asdict

        from empatheia.face.dreamtalk.layout import face_tensors, renderer_tensors
        from empatheia.face.dreamtalk.network import FaceConfig
        from empatheia.face.pirenderer.network import RendererConfig

        face = FaceConfig(kind="dreamtalk" if kind == "dreamtalk" else "styletalk")
        numbers = asdict(RendererConfig() if kind == "pirenderer" else face)

        def tensors(parts: Mapping[str, Any]) -> dict[str, Tensor]:
            return renderer_tensors(parts) if kind == "pirenderer" else face_tensors(parts, face)

    with naming(path):
        if not isinstance(checkpoint, Mapping):
            raise WeightsError(f"no dictionary of tensors, so it is none of {', '.join(KINDS)}")
        found = tensors(checkpoint)
    return _network(kind, numbers, str(config or path)), found, numbers


def _network(kind: str, numbers: object, what: str) -> nn.Module:
    """Without memory. Raises WeightsError."""
    from empatheia.published import strict

    def made(given: Mapping[str, Any]) -> nn.Module:
        if kind in ("styletts2", "kokoro"):
            from empatheia.speech.styletts2.config import StyleTTS2Config
            from empatheia.speech.styletts2.network import StyleTTS2

            return StyleTTS2(StyleTTS2Config.from_dict(given))
        if kind == "pirenderer":
            from empatheia.face.pirenderer.network import PIRenderer, RendererConfig

            return PIRenderer(RendererConfig(**given))
        from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace

        return TalkingFace(FaceConfig(**given))

    return strict.network_of(made, numbers, what)


def _read_config(kind: str, path: Path | None) -> Mapping[str, Any]:
    name = "config.json" if kind == "kokoro" else "config.yml"
    if path is None:
        raise InputError(f"give --config with the {name} that was published beside the weights")
    if not path.is_file():
        raise InputError(f"no file at {path}: give the published {name}")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            values = json.loads(text)
        else:
            import yaml  # type: ignore[import-untyped]

            values = yaml.safe_load(text)
    except Exception as error:  # both parsers have their own trees
        raise InputError(f"{path} cannot be read as {path.suffix or 'yaml'}: {error}") from error
    if not isinstance(values, Mapping):
        raise InputError(f"{path} holds no settings: give the published {name}")
    return values
