"""A manifest held against the numbered rules V1 to V14, as a stream.

What is remembered between lines are digests of ids, people and texts: some bytes a dialogue.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from empatheia.data import manifest
from empatheia.data.dialogue import ROLES
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32, PROFILE_FIELDS
from empatheia.data.manifest import MEDIA, Record
from empatheia.data.requests import CHAIN_FIELDS
from empatheia.data.rules import NOTICES, RULES, Fault
from empatheia.data.text_input import MAX_CHARACTERS
from empatheia.data.tidy import normal_form
from empatheia.errors import unknown

SHOWN: Final = 200  # faults of one rule that a report keeps word for word
MediaCheck = Callable[[Record, Path], Iterable[Fault]]
Found = Iterator[tuple[str, str, int | None]]  # rule, message, turn


@dataclass(slots=True)
class Verdict:
    """How many records were looked at, and which rules they break."""

    dialogues: int = 0
    utterances: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self.counts[fault.rule] += 1
        if self.counts[fault.rule] <= SHOWN:
            self.faults.append(fault)

    @property
    def errors(self) -> int:
        return sum(n for rule, n in self.counts.items() if rule not in NOTICES)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values, rules in their order."""
        return {
            "dialogues": self.dialogues,
            "utterances": self.utterances,
            "errors": self.errors,
            "rules": {
                rule: {"says": RULES[rule], "broken": self.counts[rule]}
                for rule in RULES
                if self.counts[rule]
            },
            "faults": [fault.as_dict() for fault in self.faults],
        }


@dataclass(slots=True)
class _Seen:
    """What earlier lines said."""

    ids: set[int] = field(default_factory=set)
    texts: dict[int, str] = field(default_factory=dict)
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)


def validate(path: Path, media: MediaCheck | None = None) -> Verdict:
    """Check every line of a manifest. ``media`` also looks into the files (rules M).

    Raises InputError where the manifest cannot be opened.
    """
    verdict, seen = Verdict(), _Seen()
    for record, number in manifest.records(path):
        if isinstance(record, Fault):
            verdict.add(record)
            continue
        name = str(record.get("id") or f"line {number}")[:100]
        verdict.dialogues += 1
        broken = False
        for rule, message, turn in _record(record, path.parent, seen):
            verdict.add(Fault(rule, name, message, turn))
            broken = broken or rule == "V1"
        if broken:
            continue
        verdict.utterances += len(record["turns"])
        if media is not None:
            for fault in media(record, path.parent):
                verdict.add(fault)
    return verdict


def _record(record: Record, folder: Path, seen: _Seen) -> Found:
    """Everything that one record breaks by itself and against earlier ones."""
    turns = record.get("turns")
    if not isinstance(record.get("id"), str) or not record["id"]:
        yield "V1", '"id" must be a string that is not empty', None
    if not isinstance(turns, list) or not all(map(_is_turn, turns)):
        yield "V1", '"turns" must be a list of {"role": speaker|listener, "text": ...}', None
        return
    try:
        manifest.from_record({**record, "id": record.get("id") or "-"})
    except ValueError as error:
        yield "V1", str(error), None
        return
    yield from _identity(record, turns, seen)
    yield from _labels(record)
    yield from _people(record, seen)
    for place, turn in enumerate(turns):
        yield from ((rule, text, place) for rule, text in _turn(turn, record, folder))


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, Mapping) and turn.get("role") in ROLES and isinstance(turn["text"], str)
        if isinstance(turn, Mapping) and "text" in turn
        else False
    )


def _identity(record: Record, turns: list[Record], seen: _Seen) -> Found:
    key = _digest(str(record.get("id")))
    if key in seen.ids:
        yield "V2", "the id was used before", None
    seen.ids.add(key)
    if not turns:
        yield "V3", "no turns", None
        return
    text = _digest("\n".join(normal_form(turn["text"]) for turn in turns))
    if text in seen.texts:
        yield "V13", f"the same words as {seen.texts[text]}", None
    seen.texts.setdefault(text, str(record.get("id")))
    for place, turn in enumerate(turns):
        if turn["role"] != ROLES[place % 2]:
            yield "V4", f"the {ROLES[place % 2]}'s turn was expected", place
            return


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _labels(record: Record) -> Found:
    if record.get("emotion") is not None and record["emotion"] not in EMOTIONS32:
        yield "V6", unknown("emotion", record["emotion"], EMOTIONS32), None


def _people(record: Record, seen: _Seen) -> Found:
    for side in ROLES:
        profile = record.get(f"{side}_profile")
        if profile is None:
            continue
        for name, allowed in PROFILE_FIELDS.items():
            if profile.get(name) not in allowed:
                message = f"{side}: {unknown(name, profile.get(name), allowed)}"
                yield "V7", message, None
        person = record.get(f"{side}_id")
        if person is not None:
            values = tuple(str(profile.get(name)) for name in PROFILE_FIELDS)
            if seen.people.setdefault(str(person), values) != values:
                message = f"person {person} was {'/'.join(seen.people[str(person)])} before"
                yield "V12", f"{message} and is {'/'.join(values)} here", None


def _turn(turn: Record, record: Record, folder: Path) -> Iterator[tuple[str, str]]:
    text = turn["text"]
    if not text.strip() or len(text) > MAX_CHARACTERS or not text.isprintable():
        yield "V5", f"{len(text)} characters{'' if text.isprintable() else ', some are no signs'}"
    elif not any(map(str.isalnum, text)):
        yield "V5", "no words"
    for name, allowed in (("emotion", EMOTIONS32), ("emotion8", EMOTIONS8)):
        if turn.get(name) is not None and turn[name] not in allowed:
            yield "V6", unknown(name, turn[name], allowed)
    strength = turn.get("intensity")
    if strength is not None and not 0 <= strength <= 1:
        yield "V16", f"intensity is {strength!r}"
    if (turn.get("emotion") or turn.get("emotion8")) and not turn.get("emotion_source"):
        yield "V14", "an emotion without emotion_source"
    if turn["role"] == "speaker" and record.get("emotion") in EMOTIONS32:
        key = AVAMERG_32_TO_7[record["emotion"]]
        if turn.get("emotion") != record["emotion"]:
            yield "V8", f"{turn.get('emotion')!r}, the dialogue's is {record['emotion']!r}"
        elif turn.get("emotion8") not in (key, None):
            yield "V8", f"{turn['emotion8']!r} for {record['emotion']!r}; the map says {key!r}"
    elif turn.get("emotion") in EMOTIONS32:
        key = AVAMERG_32_TO_7[turn["emotion"]]
        if turn.get("emotion8") not in (key, None):
            yield "V15", f"{turn['emotion8']!r} for {turn['emotion']!r}; the map says {key!r}"
    yield from _chain(turn)
    yield from _files(turn, folder)


def _chain(turn: Record) -> Iterator[tuple[str, str]]:
    chain = turn.get("chain_of_empathy")
    if chain is None:
        return
    if turn["role"] != "listener":
        yield "V9", "a chain of empathy stands at a speaker's turn"
    missing = [name for name in CHAIN_FIELDS[:-1] if not chain.get(name)]
    if missing:
        yield "V9", f"the chain has no {', '.join(missing)}"
    for name, allowed in (("speaker_emotion", EMOTIONS32), ("response_emotion", EMOTIONS8)):
        if chain.get(name) and chain[name] not in allowed:
            yield "V9", unknown(name, chain[name], allowed)


def _files(turn: Record, folder: Path) -> Iterator[tuple[str, str]]:
    for kind in MEDIA:
        if turn.get(kind) and not (folder / turn[kind]).is_file():
            yield "V10", f"no {kind} at {turn[kind]}"
    if bool(turn.get("audio")) != bool(turn.get("video")):
        yield "V11", f"{'sound' if turn.get('audio') else 'video'} alone"


def write_report(verdict: Verdict, path: Path) -> None:
    """The report as JSON. Raises InputError."""
    from empatheia.files import write_whole

    text = json.dumps(verdict.as_dict(), ensure_ascii=False, indent=1)
    write_whole(path, text.encode() + b"\n")
