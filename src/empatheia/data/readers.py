"""EmpatheticDialogues (official csv, JSON Lines) and plain JSON Lines, as streams.

Each reader yields a dialogue a conversation, in file order, and a fault for what it cannot read;
the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from empatheia.data.avamerg import split_of
from empatheia.data.empathetic import clean
from empatheia.data.manifest import Record, byte_lines, from_record, records
from empatheia.data.rules import Fault
from empatheia.errors import InputError
from empatheia.types import Dialogue, Role, Turn

CSV_COLUMNS: Final = (
    "conv_id", "utterance_idx", "context", "prompt", "speaker_idx", "utterance", "selfeval", "tags",
)  # fmt: skip
Row = dict[str, str]


def empathetic(path: Path) -> Iterator[Dialogue | Fault]:
    """EmpatheticDialogues: csv or JSONL by content, a file or a folder of train, valid, test.

    Raises InputError where there is no such file.
    """
    for file in _files(path):
        split = split_of(file)
        if file.suffix.lower() == ".csv":
            yield from _csv(file, split)
            continue
        for record, number in records(file):
            where = f"{file.name} line {number}"
            yield record if isinstance(record, Fault) else _empathetic(record, split, where)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [f for f in sorted(path.glob("*")) if f.suffix.lower() in (".csv", ".jsonl")]
    if not found:
        raise InputError(f"no .csv or .jsonl at {path}: give a file, or the folder it is in.")
    order = {"train": 0, "valid": 1, "test": 2}
    return sorted(found, key=lambda f: (order.get(split_of(f) or "", 9), f.name))


def _empathetic(record: Record, split: str | None, where: str) -> Dialogue | Fault:
    try:
        turns = tuple(Turn(u["role"], clean(u["text"])) for u in record["utterances"])
        return Dialogue(
            id=str(record["conv_id"]),
            turns=turns,
            emotion=record["emotion"],
            situation=clean(str(record.get("situation") or "")) or None,
            split=split,
            source="empathetic-dialogues",
        )
    except (KeyError, TypeError, AttributeError) as error:
        return Fault(
            "R3",
            where,
            f"{error}: an EmpatheticDialogues line has conv_id, emotion, situation, "
            "utterances[{role, text}]",
        )


def _csv(path: Path, split: str | None) -> Iterator[Dialogue | Fault]:
    """The official release: no quoting, commas inside texts are written ``_comma_``."""
    rows = _rows(path)
    for _, group in groupby(rows, key=lambda r: r.id if isinstance(r, Fault) else r["conv_id"]):
        items = list(group)
        if isinstance(items[0], Fault):
            yield items[0]
        else:
            yield _conversation([r for r in items if not isinstance(r, Fault)], split, path)


def _rows(path: Path) -> Iterator[Row | Fault]:
    for line, number in byte_lines(path):
        where = f"{path.name} line {number}"
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield Fault("R2", where, f"not UTF-8 at byte {error.start}: save the file as UTF-8")
            continue
        values = text.split(",")
        if number == 1 and values[: len(CSV_COLUMNS) - 1] == list(CSV_COLUMNS[:-1]):
            continue
        if not text:
            continue
        if not 6 <= len(values) <= len(CSV_COLUMNS) or not values[1].strip().isdecimal():
            yield Fault(
                "R3",
                where,
                f"{len(values)} columns; {len(CSV_COLUMNS)} are expected: {', '.join(CSV_COLUMNS)}",
            )
            continue
        yield dict(zip(CSV_COLUMNS, values, strict=False))


def _conversation(rows: list[Row], split: str | None, path: Path) -> Dialogue:
    """The one whose prompt it is speaks first; who says what follows from ``speaker_idx``."""
    ordered = sorted(rows, key=lambda r: int(r["utterance_idx"]))
    first = ordered[0]["speaker_idx"]
    turns = []
    for row in ordered:
        role: Role = "speaker" if row["speaker_idx"] == first else "listener"
        turns.append(Turn(role, clean(row["utterance"])))
    return Dialogue(
        id=ordered[0]["conv_id"],
        turns=tuple(turns),
        emotion=ordered[0]["context"].strip(),
        situation=clean(ordered[0]["prompt"]) or None,
        split=split or split_of(path),
        source="empathetic-dialogues",
    )


def plain(path: Path) -> Iterator[Dialogue | Fault]:
    """JSON Lines in the manifest's layout, or with ``utterances`` and ``conv_id`` for its words."""
    for file in _files(path):
        for record, number in records(file):
            where = f"{file.name} line {number}"
            if isinstance(record, Fault):
                yield record
                continue
            try:
                yield from_record(_renamed(record, where), file.parent)
            except InputError as error:
                yield Fault("R3", where, f"{error}; empatheia data schema prints the layout")


def _renamed(record: Mapping[str, Any], where: str) -> Record:
    """Other common names of ``id`` and ``turns``."""
    renamed = dict(record)
    for name, others in (("id", ("conv_id", "conversation_id", "dialogue_id")),):
        for other in others:
            if name not in renamed and other in renamed:
                renamed[name] = str(renamed.pop(other))
    renamed.setdefault("id", where.replace(" ", "-"))
    if "turns" not in renamed and "utterances" in renamed:
        renamed["turns"] = renamed.pop("utterances")
    return renamed
