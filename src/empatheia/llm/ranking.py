"""Which of several drawn replies is given.

The weights were fitted to the verdicts of one person on 860 candidates (docs/experiments.md) and
then only pulled away from what people and model say all the time. What was learned there: a reply
that would suit many contexts is less often wrong, not more; so are likelier and shorter ones; a
question more often asks for what was just said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"[a-z']+")
_OPEN = re.compile(r"(?:(?:oh|well|and|so|wow|no)[ ,!.]*)*(?:what|how|why|when|where|who|which)\b")
_LITTLE = frozenset(  # words that ask for nothing by themselves
    _WORD.findall(
        "i you the a an to of and it is was that this for in on my me your so be have had has are "
        "at with not but do did does what how that's i'm it's he she him her they them his their "
        "or were any get got too still just really oh no wow why when where who which will would "
        "can could should if there been about all as up out"
    )
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the score by which one of the candidates is chosen."""

    match: float = 1.0  # how well the reply fits this context
    common: float = 1.15  # how well it would fit any
    logprob: float = 0.58  # mean of its tokens'
    word: float = 0.025  # taken off for each word
    question: float = 0.3  # taken off where it ends with a question
    stock: float = 0.35  # taken off a reply that is known word for word, or given too often
    told: float = 0.5  # taken off where it asks for what was just said

    def score(
        self,
        text: str,
        match: float,
        common: float,
        logprob: float,
        stock: bool = False,
        told: bool = False,
    ) -> float:
        return (
            self.match * match
            + self.common * common
            + self.logprob * logprob
            - self.word * len(text.split())
            - self.question * text.endswith("?")
            - self.stock * stock
            - self.told * told
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A reply that could be given; a higher ``score`` is better."""

    text: str
    score: float
    match: float
    logprob: float


def asks_what_was_told(reply: str, told: Iterable[str]) -> bool:
    """Whether ``reply`` ends with a yes-or-no question of nothing but words that were said.

    ``told`` are the speaker's texts. Words are compared by their beginnings.
    """
    last = re.split(r"(?<=[.!?])\s+", reply.strip().lower())[-1]
    if not last.endswith("?") or _OPEN.match(last):
        return False
    known = {_beginning(word) for text in told for word in _WORD.findall(text.lower())}
    asked = {_beginning(word) for word in _WORD.findall(last) if word not in _LITTLE}
    return bool(asked) and asked <= known


def _beginning(word: str) -> str:
    return word[:3] if len(word) <= 5 else word[:4]
