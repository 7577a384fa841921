"""``empatheia train``: the stages of training, one command a stage."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from empatheia.training.loop import Report

# command modules of the generators, and of what the system is compared with
OTHERS = (
    "train_voice",
    "train_face",
    "train_care",
    "train_feelings",
    "train_merg",
    "train_baseline",
    "train_senses",
)

DataOption = Annotated[Path, typer.Option(help="Folder with empathetic_dialogues/ and the rest.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for log and checkpoints.")]
PresetOption = Annotated[str, typer.Option(help="Whose recipe: small.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change a number of the recipe.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")]
TextOption = Annotated[Path, typer.Option(help="text.safetensors of `train text`.")]
ReasonerOption = Annotated[Path, typer.Option(help="reasoner.safetensors of `train coe`.")]
BaseOption = Annotated[Path, typer.Option(help="base.safetensors of `train base`.")]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True)
    group.command()(text)
    group.command()(base)
    group.command()(coe)
    group.command()(prefer)
    for name in OTHERS:
        module = f"empatheia.cli.{name}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).register(group)
    app.add_typer(group, name="train", help="Train a part of the system.")


def text(
    data: DataOption,
    out: OutOption,
    preset: PresetOption = "small",
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """The text encoder: emotion of a dialogue, fit of a response, feeling of an utterance."""
    recipe = _prepare("text", preset, set_, threads, out)
    from empatheia.training.text import train_text

    with _Progress(recipe.loop.steps) as report:
        figures = train_text(data, out, recipe.loop, recipe.stage, resume, report)
    _show(figures, out / "text.safetensors")


def base(
    data: DataOption,
    out: OutOption,
    preset: PresetOption = "small",
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Stage 0: the small language model learns to talk."""
    recipe = _prepare("base", preset, set_, threads, out)
    from empatheia.training.base import train_base

    with _Progress(recipe.loop.steps) as report:
        figures = train_base(
            data,
            out,
            recipe.loop,
            recipe.model,
            recipe.vocabulary,
            recipe.batch_size,
            recipe.start,
            resume,
            report,
        )
    _show(figures, out / "base.safetensors")


def coe(
    data: DataOption,
    text: TextOption,
    base: BaseOption,
    out: OutOption,
    preset: PresetOption = "small",
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Stage 1: chain of empathy and reply (L_emp, Eq. 8)."""
    recipe = _prepare("coe", preset, set_, threads, out)
    from empatheia.training.coe import train_coe

    with _Progress(recipe.loop.steps) as report:
        figures = train_coe(data, text, base, out, recipe.loop, recipe.stage, resume, report)
    _show(figures, out / "reasoner.safetensors")


def prefer(
    data: DataOption,
    reasoner: ReasonerOption,
    out: OutOption,
    preset: PresetOption = "small",
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Stage 1b: replies that were judged to fit become likelier (DPO)."""
    recipe = _prepare("prefer", preset, set_, threads, out)
    from empatheia.training.preference import train_prefer

    with _Progress(recipe.loop.steps) as report:
        figures = train_prefer(data, reasoner, out, recipe.loop, recipe.stage, resume, report)
    _show(figures, out / "steady.safetensors")


def _prepare(
    stage: str, preset: str, settings: list[str] | None, threads: int | None, out: Path
) -> Any:
    """The recipe with its changes; checks what can be checked before work begins."""
    from empatheia.config import override
    from empatheia.errors import InputError, unknown
    from empatheia.files import check_writable
    from empatheia.training.recipes import RECIPES

    if preset not in RECIPES:
        raise InputError(unknown("preset", preset, RECIPES))
    recipe = override(RECIPES[preset][stage](), settings or ())
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return recipe


class _Progress:
    """A line on standard error with step, loss and the time that is left."""

    def __init__(self, steps: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from empatheia.cli.show import progress_console

        self._bar = Progress(
            TextColumn("{task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(),
            console=progress_console(),
        )
        self._task = self._bar.add_task("train", total=steps, loss="…")

    def __enter__(self) -> Report:
        self._bar.start()
        return self._report

    def _report(self, line: Mapping[str, Any]) -> None:
        loss = f"{line.get('loss', float('nan')):.3f}"
        self._bar.update(self._task, completed=line["step"] + 1, loss=loss)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _show(figures: Mapping[str, float], path: Path) -> None:
    from empatheia.cli.show import output

    console = output()
    for name, value in figures.items():
        console.print(f"{name:20} {value:.4f}")
    console.print(str(path))
