"""How often the care screen alarms: on lists of phrases and on real dialogues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from empatheia.errors import InputError
from empatheia.protocols import CareScreen


@dataclass(frozen=True, slots=True)
class Rate:
    """``alarms`` of ``n``; ``percent`` is NaN-free: 0 where nothing was seen."""

    alarms: int
    n: int

    @property
    def percent(self) -> float:
        return 100.0 * self.alarms / self.n if self.n else 0.0

    def report(self) -> dict[str, float]:
        return {**asdict(self), "percent": round(self.percent, 3)}


@dataclass(frozen=True, slots=True)
class Alarm:
    """Where an alarm was raised: dialogue, turn counted from 0 and category. No text."""

    dialogue: str
    turn: int
    category: str


@dataclass(frozen=True, slots=True)
class DialogueResult:
    """Alarms on all running prefixes of the speaker, and listener replies that were blocked."""

    prefixes: Rate
    replies: Rate
    first_alarms: tuple[Alarm, ...]
    blocked: tuple[Alarm, ...]


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """Objects of a JSON-lines file. Raises InputError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text. Give a .jsonl file.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{number} is not JSON. Give one object a line.") from error
        if not isinstance(record, dict):
            raise InputError(f"{path}:{number} is no JSON object. Give one object a line.")
        yield record


def phrase_rates(screen: CareScreen, records: Iterable[dict[str, object]]) -> dict[str, Rate]:
    """Alarm rate of each split (``tune``, ``held_out``) of one phrase list."""
    counts: dict[str, list[int]] = {}
    for record in records:
        turns = record.get("turns")
        if not isinstance(turns, list) or not all(isinstance(t, str) for t in turns):
            raise InputError("a phrase needs 'turns', a list of strings.")
        seen = counts.setdefault(str(record.get("split", "all")), [0, 0])
        seen[0] += screen.screen_user(turns).level == "crisis"
        seen[1] += 1
    return {split: Rate(alarms, n) for split, (alarms, n) in sorted(counts.items())}


def dialogue_rates(screen: CareScreen, records: Iterable[dict[str, object]]) -> DialogueResult:
    """Screens every running prefix of the speaker's turns and every listener's reply."""
    prefixes, alarms, replies = 0, 0, 0
    first: list[Alarm] = []
    blocked: list[Alarm] = []
    for record in records:
        name, said, known = str(record.get("conv_id", "")), list[str](), False
        for place, (role, text) in enumerate(_turns(record)):
            if role == "listener":
                replies += 1
                if not screen.reply_is_safe(text):
                    blocked.append(Alarm(name, place, "reply"))
                continue
            said.append(text)
            prefixes += 1
            safety = screen.screen_user(said)
            if safety.level == "crisis":
                alarms += 1
                if not known:
                    first.append(Alarm(name, place, str(safety.category)))
                known = True
    return DialogueResult(
        Rate(alarms, prefixes), Rate(len(blocked), replies), tuple(first), tuple(blocked)
    )


def _turns(record: dict[str, object]) -> list[tuple[str, str]]:
    turns = record.get("utterances", record.get("turns"))
    if not isinstance(turns, list):
        raise InputError("a dialogue needs 'utterances', a list of turns with 'role' and 'text'.")
    return [(str(turn["role"]), str(turn["text"])) for turn in turns]
