"""How events and replies look in a terminal. Progress goes to standard error, results to output."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from empatheia.types import AudioEvent, ChainEvent, Done, Event, Frame, Reply, TextEvent


def output() -> Console:
    """Standard output, without colours where it is not a terminal."""
    return Console(highlight=False, soft_wrap=True)


def progress_console() -> Console:
    """Standard error, where progress is shown."""
    return Console(stderr=True, highlight=False)


def run_to_end(events: Generator[Event], quiet: bool = False) -> Reply:
    """Drain ``events`` with one line of progress; an interruption closes the generator."""
    console = progress_console()
    frames = 0
    with closing(events), console.status("understanding …") as status:
        for event in events:
            if isinstance(event, Done):
                return event.reply
            if quiet or not sys.stderr.isatty():
                continue
            if isinstance(event, ChainEvent):
                status.update("writing the reply …")
            elif isinstance(event, TextEvent):
                status.update("speaking …")
            elif isinstance(event, AudioEvent):
                status.update("moving the face …")
            elif isinstance(event, Frame):
                frames += 1
                status.update(f"moving the face … {frames} pictures")
    raise RuntimeError("the system ended without a reply")


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, escape(_printable(value)))
    return table


def _printable(text: str) -> str:
    """``text`` without anything that could steer a terminal."""
    return "".join(character for character in text if character.isprintable())


def show_reply(console: Console, reply: Reply) -> None:
    """The chain of empathy (or the help lines of a crisis) and the reply."""
    if reply.chain_of_empathy is not None:
        chain = asdict(reply.chain_of_empathy)
        console.print(_grid((name.replace("_", " "), text) for name, text in chain.items()))
    if reply.safety.action == "screen_off":
        console.print("[yellow]the care screen is switched off[/yellow]")
    console.print(f"\n[bold]{escape(_printable(reply.text))}[/bold]\n")
    if reply.safety.resources:
        lines = ((f"{r.country} {r.name}", f"{r.contact} {r.url}") for r in reply.safety.resources)
        console.print(_grid(lines))


def show_times(console: Console, reply: Reply, paths: Iterable[Path]) -> None:
    """Seconds of each stage, and where the files are."""
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in reply.timings.items())
    console.print(f"[dim]{escape(stages)}[/dim]")
    for path in paths:
        console.print(escape(str(path)))
