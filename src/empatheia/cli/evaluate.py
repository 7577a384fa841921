"""``empatheia evaluate``: the numbers, on any data of that kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path, typer.Option(help="Dialogues, one JSON record a line (ED format).")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the scores.")]
PresetOption = Annotated[str, typer.Option(help="Which system.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N replies.")]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True)
    group.command()(text)
    app.add_typer(group, name="evaluate", help="Measure a system on data.")


def text(
    data: DataOption, out: OutOption, preset: PresetOption = "small", limit: LimitOption = None
) -> None:
    """Emotion accuracy, Dist-1/2 and perplexity of every reply; writes scores.json."""
    from empatheia.cli import show
    from empatheia.evaluation.text import evaluate_text
    from empatheia.files import check_writable

    check_writable(out)
    scores = evaluate_text(data, out, preset=preset, limit=limit)
    console = show.output()
    for name, score in scores.items():
        low, high = score["ci95"]
        console.print(f"{name:12} {score['value']:8.2f}  [{low:.2f}, {high:.2f}]  n={score['n']}")
