"""``empatheia ablate``: the system without each of its parts, trained and measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli.train_merg import (
    DataOption,
    OutOption,
    PresetOption,
    ReasonerOption,
    SensesOption,
    SetOption,
    ThreadsOption,
)

if TYPE_CHECKING:
    from empatheia.experiments.ablation import Variant
    from empatheia.training.merg import Parts

STAGES = ("content", "style", "joint")


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(ablate)


def ablate(
    data: DataOption,
    out: OutOption,
    preset: PresetOption = "small",
    reasoner: ReasonerOption = None,
    senses: SensesOption = None,
    only: Annotated[
        str | None, typer.Option(help="Variants beside full, as in no-cs,no-sd; all by default.")
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Also the full system on another reasoner."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 3,
    limit: Annotated[int, typer.Option(min=0, help="Replies to learn from; 0: all.")] = 0,
    test_limit: Annotated[int, typer.Option(min=0, help="Replies to measure on; 0: all.")] = 0,
    set_: SetOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Each part taken away in turn: trained, measured on held-out replies, compared with the whole.

    --set applies to all stages (as in loop.steps=200), or to one with its name in front
    (content.loop.steps=400). A stopped run goes on when called again.
    """
    from empatheia.cli.train_merg import recipes_of_preset, report_lines
    from empatheia.experiments.ablation import Ablation, with_backbones
    from empatheia.files import digest_of
    from empatheia.training import merg

    backbones = _backbones(backbone or [])
    variants = _chosen(with_backbones(list(backbones)), only, list(backbones))
    recipes = recipes_of_preset(preset, STAGES, [f"limit={limit}", *(set_ or ())], out, threads)
    merg.read_media(data)  # a folder without media is said before weights are opened

    def opener(variant: Variant, expression: Path | None) -> Parts:
        file = backbones.get(variant.backbone, reasoner)
        return merg.small_parts(file, expression, senses if variant.senses else None)

    files = {"reasoner": reasoner, "senses": senses, **backbones}
    about = {
        "preset": preset,
        "weights": {name: digest_of(path) for name, path in files.items() if path},
        "generators": opener(variants["full"], None).digest,
    }
    ablation = Ablation(data, out, opener, recipes, variants, range(seeds), about, test_limit)
    written = ablation.run(
        lambda name, stage: report_lines(f"{name} {stage}", recipes[stage]),
        lambda line: typer.echo(line, err=True),
    )
    typer.echo(written[1].read_text(encoding="utf-8"))
    for path in written:
        typer.echo(str(path))


def _backbones(given: list[str]) -> dict[str, Path]:
    """Names and files. Raises InputError, WeightsError."""
    from empatheia import hub
    from empatheia.errors import InputError

    out = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise InputError(f"--backbone {text!r} is not NAME=FILE, as in other=r.safetensors")
        hub.load(Path(path))
        out[name] = Path(path)
    return out


def _chosen(
    variants: dict[str, Variant], only: str | None, backbones: list[str]
) -> dict[str, Variant]:
    from empatheia.errors import InputError, unknown

    names = list(variants) if only is None else ["full", *only.split(","), *backbones]
    for name in names:
        if name not in variants:
            raise InputError(unknown("variant", name, variants))
    return {name: variants[name] for name in dict.fromkeys(names)}
