"""``empatheia reply``: one turn, answered in text, voice and face."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli import system
from empatheia.errors import InputError

if TYPE_CHECKING:
    from empatheia.types import Dialogue, Profile

DEFAULT_OUT = Path("out")

TextArgument = Annotated[
    str | None, typer.Argument(help="What happened. '-' or nothing: read standard input.")
]
DialogueOption = Annotated[
    Path | None, typer.Option(help="A dialogue record in JSON; TEXT is added as the next turn.")
]
ProfileOption = Annotated[
    str | None, typer.Option(help="Who replies: age=elderly,gender=female,tone=gentle,race=asian")
]
AvatarOption = Annotated[str | None, typer.Option(help="Who replies, by id: empatheia avatars")]
ChainOption = Annotated[
    list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Correct the machine's reading.")
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Same seed, same reply.")]
SizeOption = Annotated[int, typer.Option(metavar="256|512", help="Width and height in pixels.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for reply.json, reply.wav, reply.mp4.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON.")]
TextOnlyOption = Annotated[bool, typer.Option("--text-only", help="No voice, no face.")]
NoCareOption = Annotated[
    bool, typer.Option("--no-care-screen", help="Do not look for a crisis before replying.")
]
CountryOption = Annotated[
    str | None,
    typer.Option(help="Whose help lines a crisis is answered with: GB; EMPATHEIA_COUNTRY, locale."),
]
AudioOption = Annotated[
    Path | None, typer.Option(help="A recording of it: any format; its words are TEXT's.")
]
VideoOption = Annotated[
    Path | None, typer.Option(help="A video of it: its own sound is heard, unless --audio.")
]
SystemOption = Annotated[
    str,
    typer.Option(
        "--system", metavar="direct|pipeline|empatheia", help="How voice and face are made."
    ),
]
ContentOption = Annotated[
    str, typer.Option(metavar="predicted|exact", help="Whence `empatheia` has its content.")
]
WeightsOption = Annotated[
    Path | None, typer.Option(help="Folder of `train joint`, instead of what ships.")
]
PresetOption = Annotated[
    str, typer.Option(help="small, or paper: on models of EMPATHEIA_MODELS (docs/paper.md).")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(reply)


def reply(
    text: TextArgument = None,
    dialogue: DialogueOption = None,
    profile: ProfileOption = None,
    avatar: AvatarOption = None,
    set_chain: ChainOption = None,
    seed: SeedOption = 0,
    size: SizeOption = 256,
    out: OutOption = None,
    json: JsonOption = False,
    text_only: TextOnlyOption = False,
    no_care_screen: NoCareOption = False,
    country: CountryOption = None,
    audio: AudioOption = None,
    video: VideoOption = None,
    system_: SystemOption = "direct",
    content: ContentOption = "predicted",
    weights: WeightsOption = None,
    preset: PresetOption = "small",
) -> None:
    """Answer what somebody tells, in text, voice and face.

    Files are written to the folder out; --json or --text-only alone write none.
    """
    from empatheia.cli import show

    folder = out if out or json or text_only else DEFAULT_OUT
    wishes = read_wishes(profile, avatar, set_chain, size, folder)
    system.check_country(country)
    asked = read_request(text, dialogue, audio, video)
    opened = system.open_system(
        preset,
        size=size,
        care=not no_care_screen,
        country=country,
        system=system_,
        content=content,
        weights=weights,
    )
    finished = show.run_to_end(
        opened.stream(
            asked,
            profile=wishes.resolve(opened, asked.listener),
            avatar=avatar,
            forced=wishes.forced,
            seed=seed,
            text_only=text_only,
        ),
        quiet=json,
    )
    paths = finished.save(folder) if folder else ()
    if json:
        print(json_module.dumps(finished.as_dict(), indent=2, ensure_ascii=False))
        return
    for note in finished.extra.get("notes", ()):
        print(f"note: {note}", file=sys.stderr)
    console = show.output()
    show.show_reply(console, finished)
    show.show_times(console, finished, paths)


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who should reply and how the chain should read, checked as far as possible beforehand."""

    wanted: Mapping[str, str]
    avatar: str | None
    forced: Mapping[str, str]

    def resolve(self, opened: system.System, default: Profile | None) -> Profile | None:
        """The profile to reply with. Raises InputError on an unknown or contradicting avatar."""
        from empatheia.data.requests import resolve_profile

        person = opened.avatar(self.avatar) if self.avatar else None
        return resolve_profile(self.wanted, person, default)


def read_wishes(
    profile: str | None,
    avatar: str | None,
    set_chain: list[str] | None,
    size: int,
    folder: Path | None,
) -> Wishes:
    """Check the options that need no system. Raises InputError."""
    from empatheia.data.requests import parse_chain, parse_profile
    from empatheia.files import check_writable

    system.check_size(size)
    if folder:
        check_writable(folder)
    wanted = parse_profile(profile) if profile is not None else {}
    return Wishes(wanted, avatar, parse_chain(set_chain or []))


def read_request(
    text: str | None, path: Path | None, audio: Path | None = None, video: Path | None = None
) -> Dialogue:
    """The dialogue to answer, whose last turn is the speaker's. Raises InputError.

    ``audio`` and ``video`` belong to TEXT; without TEXT their words are heard later.
    Standard input is read for ``-``, without TEXT and dialogue, and where the dialogue ends with
    the listener.
    """
    from empatheia.data.dialogue import add_speaker_turn, read_dialogue
    from empatheia.data.text_input import read_text
    from empatheia.types import Dialogue, Turn

    asked = read_dialogue(path) if path else Dialogue("reply", ())
    for name, file in (("--audio", audio), ("--video", video)):
        if file is not None and not file.is_file():
            raise InputError(f"{name}: no file at {file}: give an audio or video file")
    media = audio is not None or video is not None
    complete = bool(asked.turns) and asked.turns[-1].role == "speaker"
    if media and asked.turns and complete:
        raise InputError(
            f"{path} ends with the speaker: --audio and --video need a turn of their own"
        )
    if media and text is None:
        return replace(asked, turns=(*asked.turns, Turn("speaker", "", audio, video)))
    if text == "-" or (text is None and not complete):
        if sys.stdin is None or (text is None and sys.stdin.isatty()):
            missing = f"{path} ends with the listener: add" if path else "nothing to answer: give"
            raise InputError(f'{missing} TEXT, as in: empatheia reply "I lost my keys today."')
        text = read_text(sys.stdin.buffer)
    if text is None:
        return asked
    told = add_speaker_turn(asked, text)
    last = replace(told.turns[-1], audio=audio, video=video) if media else told.turns[-1]
    return replace(told, turns=(*told.turns[:-1], last))
