"""From a release to a manifest: one line a conversation, written whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from empatheia.data import avamerg, manifest, media_index, plan, readers
from empatheia.data.feelings import UtteranceReader, label_listeners, label_speaker
from empatheia.data.rules import RULES, Fault, by_rule
from empatheia.errors import ConfigError, InputError, unknown
from empatheia.files import write_whole
from empatheia.types import Dialogue

KINDS: Final[dict[str, Callable[[Path], Iterator[Dialogue | Fault]]]] = {
    "avamerg": avamerg.read,
    "empathetic-dialogues": readers.empathetic,
    "jsonl": readers.plain,
}
LOSES: Final = frozenset({"R1", "R2", "R3", "R7"})  # rules whose breach leaves something out
SHOWN: Final = 1000  # faults of one rule that are kept word for word


@dataclass(slots=True)
class Report:
    """What an import found."""

    kind: str
    dialogues: int = 0
    utterances: int = 0
    empty: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, fault: Fault) -> None:
        self.counts[fault.rule] += 1
        if self.counts[fault.rule] <= SHOWN:
            self.faults.append(fault)

    def count(self, dialogue: Dialogue) -> None:
        self.dialogues += 1
        self.utterances += len(dialogue.turns)
        self.empty += not dialogue.turns
        self.splits[dialogue.split or "none"] += 1
        for turn in dialogue.turns:
            self.media["audio"] += turn.audio is not None
            self.media["video"] += turn.video is not None

    @property
    def left_out(self) -> int:
        return sum(self.counts[rule] for rule in LOSES)

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "dialogues": self.dialogues,
            "utterances": self.utterances,
            "empty": self.empty,
            "splits": dict(sorted(self.splits.items())),
            "media": dict(sorted(self.media.items())),
            "rules": {
                rule: {"says": RULES[rule], "broken": self.counts[rule]}
                for rule in by_rule(self.faults)
            },
            "faults": [fault.as_dict() for fault in self.faults],
        }


def run(
    kind: str,
    path: Path,
    out: Path,
    media: Sequence[Path] = (),
    reader: UtteranceReader | None = None,
    draw_people: bool = False,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Write the manifest ``out`` and ``out``'s report beside it (``NAME.report.json``).

    ``reader`` labels listener turns. ``draw_people`` gives people to those that have none. An
    interrupted run leaves nothing; the same command then gives the same bytes. Raises
    InputError, ConfigError.
    """
    if kind not in KINDS:
        raise ConfigError(unknown("kind of data", kind, KINDS))
    if not path.exists():
        raise InputError(f"nothing at {path}: give a file, or the folder it is in.")
    if out.suffix != ".jsonl":
        raise ConfigError(f"-o {out} is no .jsonl: a manifest is JSON Lines, as in data.jsonl.")
    report = Report(kind)
    found = _dialogues(kind, path, out, media, report)
    labelled = (label_speaker(d) for d in found)
    stream = label_listeners(labelled, reader) if reader else labelled

    def counted() -> Iterator[Dialogue]:
        for place, dialogue in enumerate(stream):
            if draw_people and dialogue.turns:
                dialogue = plan.complete(dialogue, place, seed)
            report.count(dialogue)
            if progress and place % 100 == 0:
                progress(place)
            yield dialogue
        if not report.dialogues and report.left_out:
            raise InputError(f"nothing in {path} is readable as {kind}: {report.faults[0].line()}")

    manifest.write(out, counted())
    text = json.dumps(report.as_dict(), ensure_ascii=False, indent=1)
    write_whole(report_path(out), text.encode() + b"\n")
    return report


def report_path(out: Path) -> Path:
    return out.with_name(out.stem + ".report.json")


def _dialogues(
    kind: str, path: Path, out: Path, media: Sequence[Path], report: Report
) -> Iterator[Dialogue]:
    """Read, put the files to their utterances, note what is wrong."""
    files: dict[media_index.Key, list[media_index.Found]] = {}
    if media:
        files, faults = media_index.index(media, out.with_suffix(".media"))
        for fault in faults:
            report.fault(fault)
    used: set[media_index.Key] = set()
    for item in KINDS[kind](path):
        if isinstance(item, Fault):
            report.fault(item)
            continue
        dialogue = item
        if files:
            dialogue, faults = media_index.attach(dialogue, files, used)
            for fault in faults:
                report.fault(fault)
        yield dialogue
    for key in sorted(files.keys() - used):
        name = files[key][0].path.name
        report.fault(Fault("R5", f"dia{key[0]}", f"{name} belongs to no utterance", key[1]))
