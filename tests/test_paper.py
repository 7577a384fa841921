"""The paper's system on tiny models in the published layouts: what is missing, and a reply."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from tests.published.models import build, readers, train
from transformers import Wav2Vec2Model
from typer.testing import CliRunner

from empatheia import hub, presets
from empatheia.cli.main import build_app, run
from empatheia.errors import ConfigError, InputError, WeightsError
from empatheia.paper import system
from empatheia.paper.folder import VARIABLE, Models
from empatheia.paper.needs import (
    cache_bytes,
    generator_bytes,
    memory_plan,
    parameters,
    training_plan,
)
from empatheia.paper.reasoner import open_reasoner
from empatheia.paper.system import device
from empatheia.presets import Empatheia, load_folder
from empatheia.training.coe import CoeConfig
from empatheia.training.merg import paper_parts
from empatheia.types import Dialogue, Profile, Speech, Turn

ASKED = Dialogue("d", (Turn("speaker", "I lost my dog today."),))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    made = build(tmp_path_factory.mktemp("models"))
    train(made)
    return made


@pytest.fixture(autouse=True)
def here(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "shipped_reasoner", readers)
    monkeypatch.setenv(VARIABLE, str(models.root))
    monkeypatch.setenv("EMPATHEIA_DEVICE", "cpu")


def test_what_is_missing_is_named_with_its_command(tmp_path: Path) -> None:
    lost = Models(tmp_path, "chatglm3")
    with pytest.raises(WeightsError) as told:
        lost.need([*lost.language(), *lost.generators()])
    line = str(told.value)
    assert "\n" not in line
    assert "9 of its parts" in line
    assert f"empatheia weights get chatglm3 -o {tmp_path}" in line
    assert "weights convert pirenderer FILE" in line
    assert "weights styles voice" in line


def test_without_training_the_command_is_told(models: Models, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="train all --preset paper"):
        Empatheia.from_preset("paper", weights=tmp_path)
    with pytest.raises(InputError, match="--size 512"):
        Empatheia.from_preset("paper", size=512)


def test_adapters_merged_are_adapters_beside(models: Models) -> None:
    from empatheia.training.coe import CoeConfig, add_lora

    path = models.trained / "reasoner.safetensors"
    given = readers()[0]
    merged = open_reasoner(models, given, dtype=torch.float32)
    plain = merged.lm.lm.model.layers[0].self_attn.q_proj.weight.clone()
    merged.take(path, merge=True)
    beside = open_reasoner(models, given, dtype=torch.float32)
    add_lora(beside.lm.lm, CoeConfig(lora_rank=2, lora_alpha=4))
    beside.take(path, merge=False)
    embeddings = torch.randn(1, 7, 16)
    with torch.inference_mode():
        one, other = (r.eval().lm.hidden(embeddings) for r in (merged, beside))
    assert torch.allclose(one, other, atol=1e-5)
    assert not torch.equal(plain, merged.lm.lm.model.layers[0].self_attn.q_proj.weight)


def test_what_is_kept_is_ours_alone(models: Models) -> None:
    kept = hub.load(models.trained / "reasoner.safetensors").tensors
    assert any("lora_A" in name for name in kept)
    assert "lm.added.rows_in" in kept
    assert "senses.speech.query" in " ".join(kept) or any("senses.speech." in n for n in kept)
    assert not any("hubert" in n or ".clip." in n or "embed_tokens" in n for n in kept)
    assert not any(n.startswith("encoder.") for n in kept)


def test_trained_beside_another_model_is_refused(models: Models, tmp_path: Path) -> None:
    other = Models(models.root, "flan-t5-xxl")
    if not other.llm.exists():
        from tests.published.layouts import t5

        t5(other.llm)
    with pytest.raises(WeightsError, match="trained beside 'vicuna'"):
        Empatheia.from_preset("paper-flan-t5-xxl", weights=models.trained)


def test_memory_is_counted_without_memory(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    count = sum(p.numel() for p in open_reasoner(models, readers()[0]).lm.lm.parameters())
    assert parameters(models.llm) == count
    assert cache_bytes(models.llm, 10) == 2 * 2 * 2 * 2 * 8 * 10
    assert "bfloat16" in memory_plan(models, "cpu")[0]
    monkeypatch.setattr("empatheia.paper.needs.free_memory", lambda device: 1000.0)
    with pytest.raises(WeightsError, match="EMPATHEIA_DEVICE=auto"):
        memory_plan(models, "cuda")
    with pytest.raises(WeightsError, match=r"preset paper needs 0\..*to one of several GPUs"):
        training_plan(models, "cuda", 64)


def test_the_plan_counts_voice_and_face_and_what_they_hear_with(models: Models) -> None:
    files = sum(models.file(name).stat().st_size for name in ("voice", "face", "renderer"))
    ear = sum(p.numel() for p in Wav2Vec2Model.from_pretrained(models.wav2vec2).parameters())
    assert generator_bytes(models) == files + 4 * ear


def test_training_says_its_plan_and_lays_all_on_the_gpu_of_its_process(
    models: Models, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {}

    def opened(name: str, made: Callable[[], object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            places[name] = given[-1]
            return made()

        return call

    beside = SimpleNamespace(digest="d")
    reasoner = open_reasoner(models, readers()[0])
    monkeypatch.setattr(system, "one_device", lambda: "cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(system, "open_voice", opened("voice", lambda: beside))
    monkeypatch.setattr(system, "open_face", opened("face", lambda: beside))
    monkeypatch.setattr("empatheia.paper.reasoner.open_reasoner", opened("lm", lambda: reasoner))
    paper_parts("vicuna", None, None, CoeConfig(lora_rank=2))
    assert places == dict.fromkeys(("voice", "face", "lm"), "cuda:1")
    assert "what trains with gradients and AdamW" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, gpus, message in (
        ("gpu", 0, "give cpu, cuda"), ("meta", 0, "give cpu, cuda"), ("auto", 0, "no GPU here"),
        ("cuda:2", 2, "2 GPUs here, counted from 0; give cpu or auto"),
    ):  # fmt: skip
        monkeypatch.setenv("EMPATHEIA_DEVICE", name)
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=gpus: count)
        with pytest.raises(ConfigError, match=message):
            device()


def test_a_folder_knows_its_backbone(models: Models) -> None:
    reasoner, settings = load_folder(models.trained)
    assert type(reasoner).__name__ == "PublishedReasoner"
    assert settings.digest != "random"


def test_reply_on_the_command_line(models: Models, tmp_path: Path) -> None:
    told = ["reply", "I lost my dog.", "--preset", "paper", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(build_app(), told)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "reply.mp4").stat().st_size > 1000
    assert '"preset": "paper"' in (tmp_path / "out" / "reply.json").read_text()


def test_styletalk_moves_to_the_phonemes_of_its_voice(tmp_path: Path) -> None:
    """Without wav2vec2; a recording without phoneme times is refused with what to do."""
    made = build(tmp_path / "models", face="styletalk")
    shutil.rmtree(made.wav2vec2)
    made.need(made.generators())
    voice, face = system.open_voice(made), system.open_face(made)
    phonemes = voice.phonemize("Hello.")
    style = voice.style_for("sad", 0.7, Profile())
    speech = voice.generate(phonemes, voice.encode_content(phonemes), style)
    content = face.encode_content(speech)
    pictures = face.generate(
        face.avatar_for(Profile()), content[:2], face.style_for("sad", 0.7, Profile()), 0
    )
    assert next(iter(pictures)).image.shape == (256, 256, 3)
    with pytest.raises(InputError, match="no phoneme times"):
        face.encode_content(Speech(np.zeros(16_000, np.float32), 16_000))


def copied(models: Models, folder: Path) -> Models:
    """The folder again, to be damaged: its files are hard links, so unlink before writing."""
    shutil.copytree(models.root, folder, copy_function=os.link)
    return Models(folder)


def put(path: Path, contents: bytes) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(contents)


@dataclass
class Touch:
    """Would make a file where it is unpickled."""

    path: str

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
WALL = {"wall": {"file": "wall.png", "age": "young", "gender": "female", "race": "asian"}}


def foreign(broken: Models) -> None:
    (broken.llm / "model.safetensors").unlink()
    torch.save({"a": Touch(str(broken.root / "touched"))}, broken.llm / "pytorch_model.bin")


def other_config(broken: Models) -> None:
    path = broken.llm / "config.json"
    told = json.loads(path.read_text()) | {"intermediate_size": 48}
    put(path, json.dumps(told).encode())


def faceless(broken: Models) -> None:
    picture = cv2.imencode(".png", np.full((300, 300, 3), 90, np.uint8))[1].tobytes()
    put(broken.root / "portraits" / "wall.png", picture)
    put(broken.root / "portraits" / "people.json", json.dumps(WALL).encode())


FAULTS: dict[str, tuple[Callable[[Models], object], str]] = {
    "pointer": (lambda b: put(b.llm / "model.safetensors", LFS), "git lfs pull"),
    "pointer of the voice": (lambda b: put(b.file("voice"), LFS), "git lfs pull"),
    "foreign": (foreign, "do not use it"),
    "cut": (lambda b: put(b.llm / "model.safetensors", b"\0" * 99), "weights get NAME"),
    "other config": (other_config, "of another shape: model.layers.0.mlp"),
    "styles of a face": (
        lambda b: put(b.file("voice-styles"), b.file("face-styles").read_bytes()),
        "weights styles voice",
    ),
    "no face": (faceless, "no upright face"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_folder_is_one_line(
    fault: str,
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = copied(models, tmp_path / "models")
    damage, message = FAULTS[fault]
    damage(broken)
    monkeypatch.setenv(VARIABLE, str(broken.root))
    out = tmp_path / "out"
    told = ["reply", "I lost my dog.", "--preset", "paper", "-o", str(out)]
    capsys.readouterr()
    assert run([*told, *(["--avatar", "wall"] if fault == "no face" else [])]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line
    assert not out.exists()
    assert not (broken.root / "touched").exists()


def test_predict_and_evaluate_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {
        "conv_id": "hit:0_conv:1", "emotion": "sad", "situation": "The dog is lost.",
        "utterances": [{"role": "speaker", "text": "I lost my dog."},
                       {"role": "listener", "text": "Oh no."}],
    }  # fmt: skip
    data, out, scores = (tmp_path / name for name in ("data.jsonl", "out", "scores"))
    data.write_text(json.dumps(asked))
    given = ["--preset", "paper", "--data", str(data)]
    assert run(["predict", *given, "--media", "-o", str(out)]) == 0, capsys.readouterr().err
    assert len(list((out / "media").iterdir())) == 2
    assert run(["evaluate", "text", *given, "-o", str(scores)]) == 0, capsys.readouterr().err
    told = json.loads((scores / "scores.json").read_text())
    assert told["accuracy"]["n"] == 1
    assert told["predictions"]["settings"]["system"].startswith("paper")
    assert told["predictions"]["settings"]["weights"] != "random"
