"""``empatheia train critic``: who chooses among the replies that the language model offers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.train import (
    DataOption,
    OutOption,
    PresetOption,
    ResumeOption,
    SetOption,
    ThreadsOption,
    _prepare,
    _Progress,
    _show,
)


def register(group: typer.Typer) -> None:
    """Add the command to the ``train`` group."""
    group.command("critic")(critic)


def critic(
    data: DataOption,
    out: OutOption,
    reasoner: Annotated[
        Path | None,
        typer.Option(help="reasoner.safetensors of `train coe`; the shipped one else."),
    ] = None,
    preset: PresetOption = "small",
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Learn to tell a person's reply from the language model's; writes critic.safetensors."""
    recipe = _prepare("critic", preset, set_, threads, out)
    from empatheia import hub
    from empatheia.training.critic import train_critic
    from empatheia.training.merg import load_reasoner_file

    opened = load_reasoner_file(reasoner or hub.shipped("reasoner.safetensors"))
    with _Progress(recipe.loop.steps) as report:
        figures = train_critic(data, opened, out, recipe.loop, recipe.stage, resume, report)
    _show(figures, out / "critic.safetensors")
