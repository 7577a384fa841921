"""``empatheia train feelings``: the fine labels of single utterances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command to the ``train`` group."""
    group.command("feelings")(feelings)


def feelings(
    data: Annotated[Path, typer.Option(help="Folder with empathetic_dialogues/ and goemotions/.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for feelings.safetensors.")],
    text: Annotated[
        Path | None, typer.Option(help="text.safetensors of `train text` (the shipped encoder).")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A=B", help="Change a number of the recipe."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")] = None,
) -> None:
    """Fit the head that labels listeners' turns with one of 32; writes feelings.safetensors."""
    from empatheia.config import override
    from empatheia.encoders.feelings import WEIGHTS
    from empatheia.files import check_writable
    from empatheia.presets import load_reasoner
    from empatheia.training.care import load_encoder
    from empatheia.training.feelings import FeelingsConfig, train_feelings

    config = override(FeelingsConfig(), set_ or ())
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    encoder = load_encoder(text) if text else load_reasoner("small")[0].encoder
    for name, value in train_feelings(data, encoder, out, config, _report).items():
        typer.echo(f"{name:34} {value:.2f}")
    typer.echo(str(out / WEIGHTS))


def _report(name: str, done: int, total: int) -> None:
    typer.echo(f"{name}: {done} of {total} read", err=True)
