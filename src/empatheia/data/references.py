"""What a system is scored against: every reply of a listener with the context before it.

Reads a file of EmpatheticDialogues (JSONL, csv), of AvaMERG (json) or a manifest, told apart by
what is in it, or a folder with one of these. AvaMERG's test file has contexts without replies and
labels: such references can be answered, and what needs a human reply cannot be measured on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empatheia.data import avamerg, readers
from empatheia.data.empathetic import read_chains
from empatheia.data.manifest import records
from empatheia.data.rules import Fault
from empatheia.errors import InputError
from empatheia.files import digest_of
from empatheia.types import Dialogue, Profile, Turn

KINDS = (".json", ".jsonl", ".csv")


@dataclass(frozen=True, slots=True)
class Reference:
    """One context to reply to, and what people said and meant there, where that is known."""

    id: str  # dialogue id, "#", number of turns in the context
    dialogue: str
    context: tuple[Turn, ...]
    response: str | None = None
    emotion: str | None = None  # one of 32
    chain: Mapping[str, str] | None = None
    audio: Path | None = None  # of the human reply
    video: Path | None = None
    speaker: Profile | None = None
    listener: Profile | None = None
    listener_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """References in file order, what could not be read, and where they come from."""

    items: tuple[Reference, ...]
    faults: tuple[str, ...]
    file: Path
    digest: str
    ids: frozenset[str] = frozenset()  # of the whole file, where ``items`` are a part of it

    def checks(self) -> dict[str, list[str]]:
        """What was wrong with the data, as a kind of fault among those of the predictions."""
        return {"faults in the data": list(self.faults)} if self.faults else {}

    def record(self) -> dict[str, Any]:
        """For the head of a report."""
        found = {"references": len(self.items), "dialogues": len({r.dialogue for r in self.items})}
        return {"file": self.file.name, "sha256": self.digest, **found, "faults": list(self.faults)}


def read_references(
    path: Path, limit: int | None = None, chains: Path | None = None
) -> ReferenceSet:
    """All references of a file, or of the test (else valid, else only) file of a folder.

    ``limit`` keeps that many, evenly spread: the beginning of a file is often unlike the rest.
    A dialogue that ends with the speaker gives a reference without a human reply in AvaMERG's
    layout, and elsewhere only where no dialogue has a reply.
    ``chains``: annotations by dialogue and turn in the chain-of-empathy layout. Raises InputError
    where nothing can be replied to. What is left out is named among the faults.
    """
    file = data_file(path)
    known = read_chains(chains) if chains is not None else {}
    faults: list[str] = []
    items: list[Reference] = []
    seen: set[str] = set()
    for dialogue in _dialogues(file, faults):
        if dialogue.id in seen:
            faults.append(f"dialogue {dialogue.id} is there twice; its first place counts")
            continue
        seen.add(dialogue.id)
        items += references_of(dialogue, known)
    ids = frozenset(r.id for r in items)
    if file.suffix.lower() != ".json" and any(r.response for r in items):
        items = [r for r in items if r.response]  # the field's unit: replies that people gave
    if not items:
        told = f" ({len(faults)} faults, the first: {faults[0]})" if faults else ""
        raise InputError(f"{file} holds nothing that can be replied to{told}")
    digest = digest_of(file)
    if limit is not None and limit < len(items):
        items = [items[i * len(items) // limit] for i in range(limit)]
    return ReferenceSet(tuple(items), tuple(faults), file, digest, ids)


def data_file(path: Path) -> Path:
    """``path``, or in a folder the file that is called test, else valid, else the only one."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"no file at {path}: give dialogues as .jsonl, .json or .csv")
    found = sorted(f for f in path.iterdir() if f.suffix.lower() in KINDS)
    for split in ("test", "valid"):
        named = [f for f in found if avamerg.split_of(f) == split]
        if len(named) == 1:
            return named[0]
    if len(found) != 1:
        raise InputError(f"{len(found)} files of dialogues in {path}: name the one to score on")
    return found[0]


def _dialogues(file: Path, faults: list[str]) -> Iterator[Dialogue]:
    for item in _reader(file):
        if isinstance(item, Fault):
            faults.append(item.line())
        else:
            yield item


def _reader(file: Path) -> Iterable[Dialogue | Fault]:
    if file.suffix.lower() == ".json":
        return avamerg.read(file)
    if file.suffix.lower() == ".csv":
        return readers.empathetic(file)
    first = next((r for r, _ in records(file) if not isinstance(r, Fault)), {})
    if "utterances" in first and "conv_id" in first:
        return readers.empathetic(file)
    return readers.plain(file)


def references_of(
    dialogue: Dialogue, chains: Mapping[tuple[str, int], Mapping[str, str]] | None = None
) -> list[Reference]:
    """One for each listener's turn after a speaker's, and one for a speaker's last turn."""
    out = []
    for place in range(1, len(dialogue.turns) + 1):
        turn = dialogue.turns[place] if place < len(dialogue.turns) else None
        before = dialogue.turns[place - 1].role
        if before != "speaker" or (turn is not None and turn.role != "listener"):
            continue
        chain: Mapping[str, str] | None = (chains or {}).get((dialogue.id, place))
        if chain is None and turn is not None and turn.chain is not None:
            names = turn.chain.__dataclass_fields__
            chain = {k: v for k in names if (v := getattr(turn.chain, k))}
        out.append(
            Reference(
                id=f"{dialogue.id}#{place}",
                dialogue=dialogue.id,
                context=dialogue.turns[:place],
                response=turn.text if turn else None,
                emotion=dialogue.emotion or (chain or {}).get("speaker_emotion"),
                chain=chain,
                audio=turn.audio if turn else None,
                video=turn.video if turn else None,
                speaker=dialogue.speaker,
                listener=dialogue.listener,
                listener_id=dialogue.listener_id,
            )
        )
    return out
