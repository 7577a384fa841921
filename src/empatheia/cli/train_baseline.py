"""``empatheia train baseline NAME``: majority, tfidf, multi-trs, moel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the ``train`` group."""
    app.command("baseline")(baseline)


def baseline(
    name: Annotated[str, typer.Argument(help="majority, tfidf, multi-trs or moel.")],
    data: Annotated[Path, typer.Option(help="Folder with empathetic_dialogues/.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights and predictions.")],
    on: Annotated[
        Path | None, typer.Option(help="Dialogues to reply to; valid.jsonl of the data by default.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change a number.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run stopped.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")] = None,
) -> None:
    """Train a baseline and write its replies where `empatheia evaluate` scores them."""
    from empatheia.cli.train import _Progress
    from empatheia.config import override
    from empatheia.data.references import read_references
    from empatheia.files import check_writable
    from empatheia.training.baselines import NETWORKS, BaselineRecipe, train_baseline

    recipe = override(BaselineRecipe(), set_ or ())
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    found = read_references(on or data / "empathetic_dialogues" / "valid.jsonl")
    if name in NETWORKS:
        with _Progress(recipe.loop.steps) as report:
            path = train_baseline(name, data, found, out, recipe, resume, report)
    else:
        path = train_baseline(name, data, found, out, recipe)
    typer.echo(f"{len(found.items)} replies: {path}")
