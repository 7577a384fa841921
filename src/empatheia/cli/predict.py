"""``empatheia predict``: replies to a whole set of dialogues, in the layout that is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.evaluate_predictions import (
    DataOption,
    GreedyOption,
    LimitOption,
    SystemOption,
    WeightsOption,
    counting,
)

PredictionsOutOption = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for predictions.jsonl.")
]
FormatOption = Annotated[str, typer.Option("--format", help="empatheia or avamerg-challenge.")]
MediaOption = Annotated[bool, typer.Option("--media", help="Also wav and mp4, with care screen.")]
ForcedOption = Annotated[
    bool, typer.Option("--teacher-forced", help="Media of the human reply's own words.")
]
TeamOption = Annotated[str, typer.Option(help="Name of the challenge's zip.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(predict)


def predict(
    data: DataOption,
    out: PredictionsOutOption,
    preset: Annotated[str, typer.Option(help="Which parts.")] = "small",
    system: SystemOption = "direct",
    weights: WeightsOption = None,
    limit: LimitOption = None,
    greedy: GreedyOption = False,
    media: MediaOption = False,
    teacher_forced: ForcedOption = False,
    format_: FormatOption = "empatheia",
    team: TeamOption = "empatheia",
) -> None:
    """Replies to every listener's turn of a file; a run that was stopped goes on."""
    from empatheia.data.references import read_references
    from empatheia.errors import ConfigError, InputError, unknown
    from empatheia.evaluation.challenge import FORMATS, check_team, write_challenge
    from empatheia.evaluation.generate import SYSTEMS, predict_media, predict_text
    from empatheia.files import check_writable

    for kind, given, allowed in (("format", format_, FORMATS), ("system", system, SYSTEMS)):
        if given not in allowed:
            raise InputError(unknown(kind, given, allowed))
    if greedy and (media or teacher_forced):
        raise ConfigError("--greedy is for text alone: leave out it or --media, --teacher-forced")
    check_team(team)
    check_writable(out)
    found = read_references(data, limit)
    for fault in found.faults[:5]:
        typer.echo(f"note: {fault}", err=True)
    with counting("replies", len(found.items)) as progress:
        if media or teacher_forced:
            path = predict_media(found, out, preset, progress, teacher_forced, system, weights)
        else:
            path = predict_text(found, out, preset, greedy, progress, weights, system)
    typer.echo(f"{len(found.items)} replies: {path}")
    if format_ == "avamerg-challenge":
        typer.echo(f"challenge: {write_challenge(found, out, team)}")
