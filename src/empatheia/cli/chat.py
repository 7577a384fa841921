"""``empatheia chat``: the same person answers, turn after turn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli import reply as reply_command
from empatheia.cli import system
from empatheia.errors import InputError

if TYPE_CHECKING:
    from empatheia.types import Dialogue, Reply

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Save voice and face of each turn here; else text only."),
]
_QUIT = ("/quit", "/exit")


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(chat)


def chat(
    profile: reply_command.ProfileOption = None,
    avatar: reply_command.AvatarOption = None,
    seed: reply_command.SeedOption = 0,
    size: reply_command.SizeOption = 256,
    out: OutOption = None,
    no_care_screen: reply_command.NoCareOption = False,
    country: reply_command.CountryOption = None,
) -> None:
    """Talk, turn after turn, with one and the same person. /quit or end of input ends it."""
    from empatheia.cli import show
    from empatheia.types import Dialogue

    wishes = reply_command.read_wishes(profile, avatar, None, size, out)
    system.check_country(country)
    opened = system.open_system(size=size, care=not no_care_screen, country=country)
    chosen = wishes.resolve(opened, None)
    console = show.output()
    dialogue = Dialogue("chat", ())
    number = 0
    for line in _lines():
        try:
            asked = _with_line(dialogue, line)
            events = opened.stream(
                asked, profile=chosen, avatar=avatar, seed=seed, text_only=out is None
            )
            answer = show.run_to_end(events)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            continue
        except KeyboardInterrupt:
            print("stopped; say something else or /quit", file=sys.stderr)
            continue
        number += 1
        dialogue = _answered(asked, answer)
        show.show_reply(console, answer)
        if out is not None:
            show.show_times(console, answer, answer.save(out / f"turn-{number:02d}"))


def _lines() -> Iterator[str]:
    """What is typed, until the end of input or ``/quit``; empty lines are skipped."""
    if sys.stdin is None:
        return
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt)
        except EOFError:
            return
        except UnicodeDecodeError as error:
            raise InputError("standard input is not valid UTF-8. Send it as UTF-8.") from error
        if line.strip() in _QUIT:
            return
        if line.strip():
            yield line


def _with_line(dialogue: Dialogue, line: str) -> Dialogue:
    from empatheia.data.dialogue import add_speaker_turn
    from empatheia.data.text_input import MAX_CHARACTERS

    if len(line) > 8 * MAX_CHARACTERS:
        raise InputError(f"the line has {len(line):,} characters; {MAX_CHARACTERS:,} are allowed.")
    return add_speaker_turn(dialogue, line)


def _answered(dialogue: Dialogue, answer: Reply) -> Dialogue:
    from empatheia.types import Turn

    return replace(dialogue, turns=(*dialogue.turns, Turn("listener", answer.text)))
