"""The numbered rules that data is held against, and what breaks them.

R: reading a release. V: the record. M: its media. P: a package. A rule's number never changes its
meaning; a new one gets a new number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Level = Literal["error", "notice"]

RULES: Final[dict[str, str]] = {
    "R1": "a line or file is complete JSON",
    "R2": "text is UTF-8",
    "R3": "a record has the layout of its kind",
    "R4": "the histories of one conversation agree with each other",
    "R5": "a media file belongs to an utterance",
    "R6": "an utterance has one file of each kind",
    "R7": "an archive is whole, stays inside its folder and does not explode",
    "R8": "a conversation has turns (kept and reported where it has none)",
    "V1": "a record has an id, and turns with a role and a text",
    "V2": "an id is used once",
    "V3": "a conversation has turns",
    "V4": "the speaker begins and the two take turns",
    "V5": "a text has words, at most 4,000 characters, and no control characters",
    "V6": "emotions are known labels",
    "V7": "profile values are known",
    "V8": "a speaker's turn carries the dialogue's emotion, and its coarse key by the avamerg map",
    "V9": "a chain of empathy is complete, its labels known, and stands at a listener's turn",
    "V10": "media files are there",
    "V11": "sound and video come together",
    "V12": "a person has one profile",
    "V13": "a dialogue is told once",
    "V14": "an emotion says where it comes from",
    "V15": "a turn's coarse key is that of its fine emotion by the avamerg map",
    "V16": "an intensity is a number from 0 to 1",
    "M1": "sound can be decoded to its end",
    "M2": "video can be decoded to its end",
    "M3": "the length lies within bounds and fits the text",
    "M4": "sound and video are equally long",
    "M5": "speech is there",
    "M6": "one face is in view",
    "M7": "a person sounds alike in all clips",
    "M8": "phoneme times lie inside the sound, in order",
    "M9": "lips and sound go together",
    "P1": "no person stands in two splits",
    "P2": "no text stands in two splits",
}
# Told, and no error. M6: the finder overlooks some drawn faces (docs/experiments.md).
NOTICES: Final = frozenset({"R5", "R8", "V3", "V11", "V13", "V14", "M6"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks ``rule``; ``id`` is the record's, ``turn`` counts from 0."""

    rule: str
    id: str
    message: str
    turn: int | None = None

    @property
    def level(self) -> Level:
        return "notice" if self.rule in NOTICES else "error"

    def line(self) -> str:
        """One line for people: rule, place, message."""
        place = self.id if self.turn is None else f"{self.id} turn {self.turn}"
        return f"{self.rule} {place}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "level": self.level}


def by_rule(faults: Iterable[Fault]) -> dict[str, int]:
    """How often each rule is broken, in the order of the rules."""
    counts = Counter(fault.rule for fault in faults)
    return {rule: counts[rule] for rule in RULES if counts[rule]}
