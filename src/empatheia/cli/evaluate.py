"""``empatheia evaluate``: the numbers, on any data of that kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path, typer.Option(help="Dialogues, one JSON record a line (ED format).")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the scores.")]
PresetOption = Annotated[str, typer.Option(help="Which system.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N replies.")]

GreedyOption = Annotated[bool, typer.Option("--greedy", help="One greedy reply, no choice.")]
PredictionsOption = Annotated[
    Path | None, typer.Option(help="Score these instead: a folder of `empatheia predict`.")
]
ChainsOption = Annotated[
    Path | None, typer.Option(help="Chain annotations to compare with, one JSON record a line.")
]
TrainOption = Annotated[
    Path | None, typer.Option(help="ED-format file: count replies found in it word for word.")
]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    from empatheia.cli import (
        evaluate_care,
        evaluate_face,
        evaluate_judge,
        evaluate_media,
        evaluate_voice,
    )

    group = typer.Typer(no_args_is_help=True)
    group.command()(text)
    evaluate_care.register(group)
    evaluate_voice.register(group)
    evaluate_face.register(group)
    evaluate_media.register(group)
    evaluate_judge.register(group)
    app.add_typer(group, name="evaluate", help="Measure a system on data.")


def text(
    data: DataOption,
    out: OutOption,
    preset: PresetOption = "small",
    limit: LimitOption = None,
    greedy: GreedyOption = False,
    train: TrainOption = None,
    predictions: PredictionsOption = None,
    chains: ChainsOption = None,
) -> None:
    """Emotion accuracy, Dist-1/2 and perplexity of every reply; writes scores.json."""
    from rich.progress import Progress

    from empatheia.cli import show
    from empatheia.cli.evaluate_predictions import score_text
    from empatheia.evaluation.text import evaluate_text
    from empatheia.files import check_writable

    check_writable(out)
    if predictions is not None:
        score_text(data, predictions, out, chains, limit)
        return
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("replies", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        scores = evaluate_text(data, out, preset, limit, greedy, train, progress)
    console = show.output()
    for name, score in scores.items():
        if score["value"] is None:
            console.print(f"{name:18}      n/a  (needs {score['needs']})")
            continue
        low, high = score["ci95"]
        console.print(f"{name:18} {score['value']:8.2f}  [{low:.2f}, {high:.2f}]  n={score['n']}")
    score_text(data, out, out, chains, limit, scores)
