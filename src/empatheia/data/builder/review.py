"""The three-person cross-check, in two rounds as in the paper (section 3.2).

Round ``text``, before anything is recorded, asks of each dialogue whether its words, profiles and
topic are right. Round ``media`` asks of each utterance whether sound and video say the text, and
whether their style (age, gender, tone, emotion) fits. A queue has one row for an item and reviewer;
reviewers fill in yes or no. An item is accepted when three people approve of everything.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from empatheia.data.builder.agreement import fleiss_kappa, krippendorff_alpha
from empatheia.data.requests import profile_text
from empatheia.errors import InputError
from empatheia.files import digest_of
from empatheia.types import Dialogue

Round = Literal["text", "media"]
REVIEWERS: Final = 3
QUESTIONS: Final[dict[str, dict[str, str]]] = {
    "text": {
        "content": "Is the dialogue natural, empathetic and free of mistakes?",
        "profile": "Do both profiles fit what is said?",
        "topic": "Do topic and emotion fit?",
    },
    "media": {
        "content": "Do speech and video say exactly the text?",
        "style": "Are age, gender, tone and emotion of speech and video the ones that are asked?",
    },
}
_YES: Final = frozenset({"yes", "y", "1", "true", "approve", "ja"})
_NO: Final = frozenset({"no", "n", "0", "false", "reject", "nein"})


@dataclass(frozen=True, slots=True)
class Item:
    """What a reviewer sees; ``id`` is that of a dialogue, or ``dialogue#turn``."""

    id: str
    shown: dict[str, str]


@dataclass(slots=True)
class Result:
    """What came of the votes."""

    accepted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    agreement: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "accepted": len(self.accepted),
            "rejected": len(self.rejected),
            "open": len(self.open),
            "agreement": self.agreement,
            "disagreements": self.disagreements,
            "rejected items": self.rejected,
            "open items": self.open,
        }


def items(dialogues: Iterable[Dialogue], which: Round) -> Iterator[Item]:
    """What is to be reviewed; dialogues without turns and utterances without media are not."""
    for dialogue in dialogues:
        if which == "text" and dialogue.turns:
            yield Item(dialogue.id, _text_shown(dialogue))
        elif which == "media":
            for place, turn in enumerate(dialogue.turns):
                profile = getattr(dialogue, turn.role)
                if turn.audio is not None or turn.video is not None:
                    shown = {
                        "text": turn.text,
                        "profile": profile_text(profile) if profile else "",
                        "emotion": turn.emotion or turn.emotion8 or "",
                        "audio": str(turn.audio or ""),
                        "video": str(turn.video or ""),
                    }
                    yield Item(f"{dialogue.id}#{place}", shown)


def _text_shown(dialogue: Dialogue) -> dict[str, str]:
    profiles = {s: getattr(dialogue, s) for s in ("speaker", "listener")}
    return {
        "text": "\n".join(f"{turn.role}: {turn.text}" for turn in dialogue.turns),
        **{s: profile_text(p) if p else "" for s, p in profiles.items()},
        "topic": " / ".join(filter(None, (dialogue.topic, dialogue.subtopic))),
        "emotion": dialogue.emotion or "",
    }


def queue(
    found: Iterable[Item], which: Round, reviewers: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Rows to be filled in: three reviewers an item, evenly, the questions as empty columns."""
    for number, item in enumerate(found):
        for offset in range(REVIEWERS):
            reviewer = reviewers[(number + offset) % len(reviewers)]
            answers = dict.fromkeys(QUESTIONS[which], "")
            yield {"item": item.id, "round": which, "reviewer": reviewer, **item.shown, **answers,
                   "remark": ""}  # fmt: skip


def check_reviewers(reviewers: Sequence[str]) -> None:
    """Raise InputError unless there are three different people at least."""
    if len(set(reviewers)) < REVIEWERS or len(set(reviewers)) != len(reviewers):
        raise InputError(
            f"{len(set(reviewers))} different reviewers: give {REVIEWERS} or more, as in "
            "--reviewer ann --reviewer bo --reviewer cy."
        )


def as_csv(rows: Sequence[dict[str, str]]) -> str:
    """The queue for a spreadsheet. A value that looks like a formula is shown as text."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"'{v}" if v[:1] in "=+-@" and v else v for k, v in row.items()}
                     for row in rows)  # fmt: skip
    return buffer.getvalue()


def read_votes(path: Path, which: Round) -> list[dict[str, Any]]:
    """Filled-in rows of a csv or JSONL. Raises InputError naming the row that cannot be used."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read votes {path}: {error}. Save it as UTF-8.") from error
    if path.suffix.lower() == ".csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text)))
    else:
        try:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is no JSON Lines: {error}") from error
    return [_vote(row, f"{path.name} row {n}", which) for n, row in enumerate(rows, 2)]


def _vote(row: dict[str, Any], where: str, which: Round) -> dict[str, Any]:
    missing = [name for name in ("item", "reviewer", *QUESTIONS[which]) if name not in row]
    if missing:
        raise InputError(f"{where}: no column {', '.join(missing)}; export the queue again.")
    if row.get("round") not in (which, None, ""):
        raise InputError(f"{where}: this is of round {row['round']!r}, not {which!r}.")
    answers: dict[str, bool | None] = {}
    for name in QUESTIONS[which]:
        word = str(row[name] if row[name] is not None else "").strip().lower()
        if word and word not in _YES | _NO:
            raise InputError(f"{where}: {name} is {word[:40]!r}; write yes or no.")
        answers[name] = None if not word else word in _YES
    return {
        "item": str(row["item"]).lstrip("'"),
        "reviewer": str(row["reviewer"]).strip(),
        "answers": answers,
        "remark": str(row.get("remark") or ""),
    }


def decide(found: Iterable[Item], votes: Sequence[dict[str, Any]], which: Round) -> Result:
    """Accepted: three people say yes to everything. Rejected: somebody says no. Else open.

    Raises InputError for a vote on an item that is not there, or a second vote of one person.
    """
    by_item: dict[str, dict[str, dict[str, Any]]] = {item.id: {} for item in found}
    for vote in votes:
        if vote["item"] not in by_item:
            raise InputError(f"a vote on {vote['item']!r}, which is no item of this manifest.")
        people = by_item[vote["item"]]
        if vote["reviewer"] in people and people[vote["reviewer"]]["answers"] != vote["answers"]:
            raise InputError(f"{vote['reviewer']} voted twice on {vote['item']}, differently.")
        people[vote["reviewer"]] = vote
    result = Result()
    for name, people in by_item.items():
        answers = [vote["answers"] for vote in people.values()]
        refused = any(value is False for a in answers for value in a.values())
        whole = sum(all(a.values()) for a in answers)
        goes = result.rejected if refused else result.accepted
        (goes if refused or whole >= REVIEWERS else result.open).append(name)
        if refused and any(value for a in answers for value in a.values()):
            result.disagreements += _disagreements(name, people)
    for question in QUESTIONS[which]:
        ratings = [
            [str(v["answers"][question]) for v in people.values()
             if v["answers"][question] is not None]
            for people in by_item.values()
        ]  # fmt: skip
        result.agreement[question] = {
            "krippendorff_alpha": _rounded(krippendorff_alpha(ratings)),
            "fleiss_kappa": _rounded(fleiss_kappa(ratings)),
            "items": sum(len(r) >= 2 for r in ratings),
        }
    return result


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _disagreements(name: str, people: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    votes = list(people.values())
    for question in votes[0]["answers"]:
        said = {v["reviewer"]: v["answers"][question] for v in votes}
        if len({value for value in said.values() if value is not None}) > 1:
            remarks = [v["remark"] for v in votes if v["remark"]]
            yield {"item": name, "question": question, "votes": said, "remarks": remarks}


def keep(dialogues: Iterable[Dialogue], result: Result, which: Round) -> Iterator[Dialogue]:
    """What is accepted. In round ``media`` a dialogue loses the media that was not accepted."""
    accepted = set(result.accepted)
    for dialogue in dialogues:
        if which == "text":
            if dialogue.id in accepted:
                yield dialogue
            continue
        turns = tuple(
            turn
            if f"{dialogue.id}#{place}" in accepted
            else replace(turn, audio=None, video=None, times=None)
            for place, turn in enumerate(dialogue.turns)
        )
        yield replace(dialogue, turns=turns)


def digest(path: Path) -> str:
    """Of the manifest, so that votes are not counted for another one."""
    return digest_of(path)
