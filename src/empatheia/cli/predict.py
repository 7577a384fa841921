"""``empatheia predict``: replies to a whole set of dialogues, in the layout that is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path, typer.Option(help="Dialogues: ED, AvaMERG or a manifest; or folder.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for predictions.jsonl.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N replies.")]
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
    out: OutOption,
    preset: Annotated[str, typer.Option(help="Which parts.")] = "small",
    system: Annotated[str, typer.Option(help="direct, pipeline or empatheia.")] = "direct",
    weights: Annotated[Path | None, typer.Option(help="Folder of `train joint`.")] = None,
    limit: LimitOption = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="One greedy reply, no choice.")] = False,
    media: MediaOption = False,
    teacher_forced: ForcedOption = False,
    format_: FormatOption = "empatheia",
    team: TeamOption = "empatheia",
) -> None:
    """Replies to every listener's turn of a file; a run that was stopped goes on."""
    from rich.progress import Progress

    from empatheia.cli import show
    from empatheia.data.references import read_references
    from empatheia.errors import InputError, unknown
    from empatheia.evaluation.challenge import FORMATS, write_challenge
    from empatheia.evaluation.generate import SYSTEMS, predict_media, predict_text
    from empatheia.files import check_writable

    for kind, given, allowed in (("format", format_, FORMATS), ("system", system, SYSTEMS)):
        if given not in allowed:
            raise InputError(unknown(kind, given, allowed))
    check_writable(out)
    found = read_references(data, limit)
    for fault in found.faults[:5]:
        typer.echo(f"note: {fault}", err=True)
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("replies", total=len(found.items))

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if media or teacher_forced:
            path = predict_media(found, out, preset, progress, teacher_forced, system, weights)
        else:
            path = predict_text(found, out, preset, greedy, progress, weights)
    typer.echo(f"{len(found.items)} replies: {path}")
    if format_ == "avamerg-challenge":
        typer.echo(f"challenge: {write_challenge(found, out, team)}")
