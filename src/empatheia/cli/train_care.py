"""``empatheia train care``: the learned part of the care screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command to the ``train`` group."""
    group.command("care")(care)


def care(
    data: Annotated[Path, typer.Option(help="Folder with empathetic_dialogues/ and goemotions/.")],
    text: Annotated[Path, typer.Option(help="text.safetensors of `train text`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for care.safetensors.")],
    phrases: Annotated[
        list[Path] | None,
        typer.Option(help="Lists of phrases (.jsonl); only their tune split is read."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A=B", help="Change a number of the recipe."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")] = None,
) -> None:
    """Fit the classifier of crises on sentence vectors; writes care.safetensors."""
    from empatheia.care.semantic import WEIGHTS
    from empatheia.config import override
    from empatheia.evaluation.care import read_lines
    from empatheia.files import check_writable
    from empatheia.training.care import CareConfig, train_care

    config = override(CareConfig(), set_ or ())
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    lists = [record for path in phrases or () for record in read_lines(path)]
    for name, value in train_care(data, text, lists, out, config, _report).items():
        typer.echo(f"{name:20} {value:.4f}")
    typer.echo(str(out / WEIGHTS))


def _report(name: str, done: int, total: int) -> None:
    if done == total or done % 1600 == 0:
        typer.echo(f"{name}: {done} of {total} read", err=True)
