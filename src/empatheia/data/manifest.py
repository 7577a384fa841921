"""The manifest: one dialogue a line, read and written as a stream.

A line is the JSON of one :class:`empatheia.types.Dialogue`; ``empatheia data schema`` prints its
schema. Paths are relative to the manifest. Values that are unknown are absent. The keys and their
order are fixed, so the same dialogues are the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from empatheia.data.rules import Fault
from empatheia.errors import InputError
from empatheia.files import replacing
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Turn

Record = dict[str, Any]
MEDIA: Final = ("audio", "video", "times")
_PLAIN: Final = ("split", "source", "emotion", "situation", "topic", "subtopic")
_TURN: Final = ("emotion", "emotion8", "emotion_source", "intensity")


def to_record(dialogue: Dialogue, folder: Path | None = None) -> Record:
    """A dialogue as JSON values; media paths relative to ``folder`` (the manifest's)."""
    record: Record = {"id": dialogue.id}
    record |= {k: v for k in _PLAIN if (v := getattr(dialogue, k)) is not None}
    for side in ("speaker", "listener"):
        profile, person = getattr(dialogue, side), getattr(dialogue, f"{side}_id")
        if profile is not None:
            record[f"{side}_profile"] = asdict(profile)
        if person is not None:
            record[f"{side}_id"] = person
    if dialogue.drawn:
        record["drawn"] = list(dialogue.drawn)
    if dialogue.label_sources:
        record["label_sources"] = dict(dialogue.label_sources)
    record["turns"] = [_turn_record(turn, folder) for turn in dialogue.turns]
    return record


def _turn_record(turn: Turn, folder: Path | None) -> Record:
    record: Record = {"role": turn.role, "text": turn.text}
    record |= {k: v for k in _TURN if (v := getattr(turn, k)) is not None}
    for kind in MEDIA:
        path = getattr(turn, kind)
        if path is not None:
            record[kind] = _relative(path, folder)
    if turn.chain is not None:
        record["chain_of_empathy"] = {k: v for k, v in asdict(turn.chain).items() if v}
    return record


def _relative(path: Path, folder: Path | None) -> str:
    if folder is None:
        return path.as_posix()
    return Path(os.path.relpath(path, folder)).as_posix()


def from_record(record: Mapping[str, Any], folder: Path | None = None) -> Dialogue:
    """The dialogue of a record of this layout. Raises InputError saying what is missing.

    Only the layout is checked; labels and order are the business of ``validate``.
    """
    try:
        turns = tuple(_turn(item, folder) for item in record["turns"])
        return Dialogue(
            id=str(record["id"]),
            turns=turns,
            speaker=_profile(record.get("speaker_profile")),
            listener=_profile(record.get("listener_profile")),
            speaker_id=record.get("speaker_id"),
            listener_id=record.get("listener_id"),
            drawn=tuple(record.get("drawn", ())),
            label_sources=tuple(dict(record.get("label_sources", ())).items()),
            **{name: record.get(name) for name in _PLAIN},
        )
    except KeyError as error:
        raise InputError(f"the record has no {error.args[0]!r}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the record has not the layout of a manifest: {error}") from error


def _turn(item: Mapping[str, Any], folder: Path | None) -> Turn:
    chain = item.get("chain_of_empathy")
    paths: dict[str, Any] = {
        k: (folder / item[k] if folder else Path(item[k])) for k in MEDIA if item.get(k)
    }
    if not isinstance(item["text"], str):
        raise TypeError("a text is not a string")
    if not isinstance(item.get("intensity", 0.0), int | float):
        raise TypeError("an intensity is not a number")
    return Turn(
        role=item["role"],
        text=item["text"],
        chain=None if chain is None else chain_of(chain),
        **{name: item.get(name) for name in _TURN},
        **paths,
    )


def chain_of(values: Mapping[str, Any]) -> ChainOfEmpathy:
    """A chain; steps that are not given are empty."""
    return ChainOfEmpathy(*(str(values.get(k) or "") for k in ChainOfEmpathy.__dataclass_fields__))


def _profile(values: Mapping[str, Any] | None) -> Profile | None:
    return None if values is None else Profile(**values)


def dump(dialogue: Dialogue, folder: Path | None = None) -> str:
    """One line of a manifest."""
    return json.dumps(to_record(dialogue, folder), ensure_ascii=False, allow_nan=False)


def write(path: Path, dialogues: Iterable[Dialogue]) -> int:
    """Write a whole manifest or nothing; returns the number of lines."""
    count = 0
    with replacing(path) as handle:
        for dialogue in dialogues:
            handle.write(dump(dialogue, path.parent) + "\n")
            count += 1
    return count


def records(path: Path) -> Iterator[tuple[Record | Fault, int]]:
    """Decoded lines with their numbers (from 1); a line that cannot be read is a fault.

    Raises InputError where the file cannot be opened.
    """
    for line, number in byte_lines(path):
        if line.strip():
            yield decode(line, f"{path.name} line {number}"), number


def byte_lines(path: Path) -> Iterator[tuple[bytes, int]]:
    try:
        with path.open("rb") as handle:
            for number, line in enumerate(handle, 1):
                yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, number
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}. Give a JSON Lines file."
        ) from error


def decode(line: bytes, where: str) -> Record | Fault:
    """One JSON object, or the fault (rules R1 to R3) by the name ``where``."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Fault("R2", where, f"not UTF-8 at byte {error.start}: save the file as UTF-8")
    except (json.JSONDecodeError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deeply")
        return Fault("R1", where, f"not complete JSON: {reason} (column {_column(error)})")
    if not isinstance(value, dict):
        return Fault("R3", where, f"an object is expected, not {type(value).__name__}")
    return value


def _column(error: Exception) -> int:
    return int(getattr(error, "colno", 0))


def read(path: Path) -> Iterator[Dialogue]:
    """Dialogues of a manifest, as a stream. Raises InputError at the first line that is broken."""
    for record, number in records(path):
        if isinstance(record, Fault):
            raise InputError(f"{record.line()}. Run: empatheia data validate {path}")
        try:
            dialogue = from_record(record, path.parent)
        except InputError as error:
            raise InputError(
                f"{path.name} line {number}: {error}. Run: empatheia data validate {path}"
            ) from error
        yield dialogue
