"""``empatheia train ear``, ``train eye``, ``train senses``: what hears and sees the speaker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from empatheia.training.loop import Report

DataOption = Annotated[Path, typer.Option(help="Folder with empathetic_dialogues/ (and meld/).")]
RavdessOption = Annotated[Path, typer.Option(help="Folder of RAVDESS speech, 03-01-*.flac or wav.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for log and weights.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change a number of the recipe.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``train`` group."""
    app.command()(ear)
    app.command()(eye)
    app.command()(senses)


def ear(
    ravdess: RavdessOption,
    data: DataOption,
    out: OutOption,
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """The speech encoder: emotions of actors, and emotions and people of rendered voices."""
    from empatheia.speech.world.generator import WorldVoice
    from empatheia.training.ear import EarRecipe, gather, train_ear
    from empatheia.training.senses_run import sentences

    recipe = _prepare(EarRecipe(), set_, out, threads)
    count = recipe.stage.voices
    found = gather(ravdess, WorldVoice.load(), sentences(data), count, recipe.loop.seed, _note)
    figures = train_ear(found, out, recipe, resume, _report(recipe.loop.steps))[1]
    _show(figures, out / "ear.safetensors")


def eye(
    out: OutOption,
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """The video encoder: emotions, ages and genders of drawn people; tested on the avatars."""
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.face.avatar.people import stock
    from empatheia.training.eye import EyeRecipe, draw, strangers, train_eye

    recipe = _prepare(EyeRecipe(), set_, out, threads)
    face, config = DrawnFace.load(size=128), recipe.stage
    clips = draw(face, strangers(config.people), config.clips, 1, _note, config.drawn)
    valid = draw(face, [(a.profile, a.seed) for a in stock()], 8, 2, _note)
    figures = train_eye(clips, valid, out, recipe, resume, _report(recipe.loop.steps))[1]
    _show(figures, out / "eye.safetensors")


def senses(
    ear: Annotated[Path, typer.Option(help="ear.safetensors of `train ear`.")],
    eye: Annotated[Path, typer.Option(help="eye.safetensors of `train eye`.")],
    ravdess: RavdessOption,
    data: DataOption,
    out: OutOption,
    reasoner: Annotated[
        Path | None, typer.Option(help="reasoner.safetensors; the shipped one else.")
    ] = None,
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Sound and pictures as tokens that the language model understands."""
    from empatheia import hub
    from empatheia.training.merg import load_reasoner_file
    from empatheia.training.senses import SensesRecipe
    from empatheia.training.senses_run import load_ear, load_eye, media_of, sentences, train_senses

    recipe = _prepare(SensesRecipe(), set_, out, threads)
    parts = load_ear(ear), load_eye(eye)
    opened = load_reasoner_file(reasoner or hub.shipped("reasoner.safetensors"))
    media = media_of(*parts, ravdess, sentences(data), recipe.stage, _note)
    report = _report(recipe.loop.steps)
    figures = train_senses(data, *parts, opened, media, out, recipe, resume, report, _note)[1]
    _show(figures, out / "senses.safetensors")


def _prepare(recipe: Any, settings: list[str] | None, out: Path, threads: int | None) -> Any:
    """The recipe with its changes; checks what can be checked before work begins."""
    from empatheia.config import override
    from empatheia.files import check_writable

    changed = override(recipe, settings or ())
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return changed


def _report(steps: int) -> Report:
    """A line on standard error every twenty-five steps."""
    from collections.abc import Mapping

    def report(line: Mapping[str, Any]) -> None:
        step = int(line["step"]) + 1
        told = {k: v for k, v in line.items() if k.startswith("valid_")}
        if step % 25 == 0 or told or step == steps:
            valid = "".join(f", {name} {value:.3f}" for name, value in told.items())
            _note(f"{step}/{steps}: loss {line['loss']:.4f}{valid}")

    return report


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _show(figures: dict[str, float], path: Path) -> None:
    for name, value in figures.items():
        typer.echo(f"{name:20} {value:.4f}")
    typer.echo(str(path))
