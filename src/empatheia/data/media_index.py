"""Which files of folders and zips belong to which utterance.

Names in the wild: ``dia14724utt3_18.wav`` as released (utterances from 0, then the person's id);
``dia14724utt4.wav`` as the baseline renames it (no zeros, no person, utterances from 1);
``dia00001utt1.mp4`` as the challenge wants answers (zeros, no person, utterances from 0). The last
two are told apart by the zeros: if any name without a person begins with a zero, all of them count
from 0. ``.json`` beside a wav holds its phoneme times.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from empatheia.data.archives import unpack
from empatheia.data.rules import Fault
from empatheia.errors import InputError
from empatheia.types import Dialogue

NAME: Final = re.compile(r"dia(\d+)utt(\d+)(?:_([A-Za-z0-9-]+))?\.(wav|mp4|json)", re.I)
KINDS: Final = {"wav": "audio", "mp4": "video", "json": "times"}
SUFFIXES: Final = frozenset(f".{ending}" for ending in KINDS)
Key = tuple[str, int]  # conversation without leading zeros, utterance from 0


@dataclass(frozen=True, slots=True)
class Found:
    """One media file; ``person`` is the id in its name."""

    path: Path
    kind: str
    person: str | None


def file_name(dialogue_id: str, turn: int, person: str, ending: str) -> str:
    """The released name: ``dia00042utt3_18.wav``."""
    number = dialogue_id.zfill(5) if dialogue_id.isdecimal() else dialogue_id
    return f"dia{number}utt{turn}_{person}.{ending}"


def index(places: Sequence[Path], unpack_to: Path) -> tuple[dict[Key, list[Found]], list[Fault]]:
    """Files of ``places`` (folders, zips) by utterance, and what could not be unpacked.

    Zips, also those in folders, are unpacked into folders of their own under ``unpack_to``. Raises
    InputError where a place does not exist.
    """
    faults: list[Fault] = []
    paths: list[Path] = []
    for place in places:
        if place.is_dir():
            paths += _walk(place)
            for archive in sorted(place.rglob("*.zip")):
                if archive.with_suffix("").is_dir():
                    continue  # unpacked beside it
                faults += unpack(archive, unpack_to / archive.stem, SUFFIXES)
                paths += _walk(unpack_to / archive.stem)
        elif place.is_file() and place.suffix.lower() == ".zip":
            folder = unpack_to / place.stem
            faults += unpack(place, folder, SUFFIXES)
            paths += _walk(folder)
        else:
            raise InputError(f"no folder or zip at {place}: give where the media is.")
    return _by_utterance(paths), faults


def _walk(folder: Path) -> Iterator[Path]:
    """Media files of a folder and its folders, in a stable order."""
    for parent, names, files in os.walk(folder):
        names.sort()
        for file in sorted(files):
            if file.lower().endswith(tuple(SUFFIXES)) and not file.startswith("."):
                yield Path(parent, file)


def _by_utterance(paths: Sequence[Path]) -> dict[Key, list[Found]]:
    matches = [(path, m) for path in paths if (m := NAME.fullmatch(path.name))]
    from_zero = any(m[3] is None and m[1].startswith("0") for _, m in matches)
    found: dict[Key, list[Found]] = {}
    for path, m in matches:
        turn = int(m[2]) - (0 if m[3] or from_zero else 1)
        key = (m[1].lstrip("0"), turn)
        found.setdefault(key, []).append(Found(path, KINDS[m[4].lower()], m[3]))
    return found


def attach(
    dialogue: Dialogue, files: Mapping[Key, Sequence[Found]], used: set[Key]
) -> tuple[Dialogue, list[Fault]]:
    """``dialogue`` with its files; the first of two for one slot is taken, the other a fault."""
    faults: list[Fault] = []
    number = dialogue.id.removeprefix("dia").lstrip("0")
    turns = []
    persons: dict[str, str | None] = {"speaker": dialogue.speaker_id}
    persons["listener"] = dialogue.listener_id
    for place, turn in enumerate(dialogue.turns):
        chosen: dict[str, Any] = {}
        for item in files.get((number, place), ()):
            used.add((number, place))
            if item.kind in chosen:
                message = f"two files: {chosen[item.kind].name} is taken, {item.path} is not"
                faults.append(Fault("R6", dialogue.id, message, place))
                continue
            chosen[item.kind] = item.path
            if item.person and persons.get(turn.role) is None:
                persons[turn.role] = item.person
        turns.append(replace(turn, **chosen) if chosen else turn)
    found = replace(
        dialogue,
        turns=tuple(turns),
        speaker_id=persons["speaker"],
        listener_id=persons["listener"],
    )
    return found, faults
