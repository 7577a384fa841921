"""``empatheia data render``: a synthetic AvaMERG from any dialogues."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli.data_options import ManifestArgument

if TYPE_CHECKING:
    from empatheia.data.rules import Fault
    from empatheia.types import Dialogue

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of the new set.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N dialogues.")]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes (all cores).")]
EngineOption = Annotated[str, typer.Option(metavar="local|ray", help="Where it runs.")]
SizeOption = Annotated[int, typer.Option(metavar="256|512", help="Width and height in pixels.")]
CastsOption = Annotated[int, typer.Option(min=1, help="Groups of 120 people that never mix.")]
OnlyOption = Annotated[
    str | None, typer.Option(metavar="listener|speaker", help="Render what one side says.")
]
SpreadOption = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of listeners' turns played with a key drawn by lot."),
]
FeelingsOption = Annotated[bool, typer.Option(help="Read what listeners feel where not told.")]


def register(app: typer.Typer) -> None:
    app.command()(render)


def render(
    manifest: ManifestArgument,
    out: OutOption,
    limit: LimitOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    size: SizeOption = 256,
    seed: int = 0,
    casts: CastsOption = 10,
    listener_emotions: FeelingsOption = True,
    only: OnlyOption = None,
    spread: SpreadOption = 0.0,
) -> None:
    """Give every utterance a voice and a face; the same command goes on after an interruption."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from empatheia.cli import show
    from empatheia.cli.studio import open_studio
    from empatheia.cli.system import check_size
    from empatheia.data import feelings, plan
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import render as work
    from empatheia.data.builder.workers import mapper
    from empatheia.errors import InputError, unknown
    from empatheia.files import check_writable

    check_size(size)
    if only is not None and only not in plan.SIDES:
        raise InputError(unknown("--only", only, plan.SIDES))
    check_writable(out)
    ids = [d.id for d in islice(manifests.read(manifest), limit)]
    dialogues: Iterator[Dialogue] = islice(manifests.read(manifest), limit)
    if listener_emotions:
        from empatheia.presets import utterance_reader

        dialogues = feelings.label_listeners(dialogues, utterance_reader())
    dialogues = feelings.spread(dialogues, spread, seed)
    played = work.cast(dialogues, plan.are_numbers(ids), seed, casts)
    count = min(jobs or os.cpu_count() or 1, max(len(ids), 1))
    roles = (only,) if only else plan.SIDES
    how = mapper(engine, partial(open_studio, "small", size), out, count, seed, roles)
    faults: list[Fault] = []
    started, utterances, made = time.monotonic(), 0, 0
    columns = ("dialogues", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("", total=len(ids))
        for item in work.render(played, out, how):
            faults += item.faults
            utterances += len(item.dialogue.turns)
            made += item.made
            bar.advance(task)
    for fault in faults[:20]:
        typer.echo(fault.line(), err=True)
    spent = time.monotonic() - started
    rate = 3600 * made / spent / count
    typer.echo(f"{made} clips made in {spent:.0f} s, {rate:.0f} an hour and process", err=True)
    typer.echo(
        f"{out / 'manifest.jsonl'}: {len(ids)} dialogues, {utterances} utterances, "
        f"{len(faults)} not rendered"
    )
    if faults:
        raise typer.Exit(2)
