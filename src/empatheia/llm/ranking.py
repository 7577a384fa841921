"""Which of several drawn replies is given.

The score is in the unit of a verdict: what fits is worth 1, what is generic 1/2, what is wrong 0,
as readers judge them (``training.verdicts``). What 3,177 verdicts on candidates for 406 contexts
say: a reply that would suit many contexts is less often wrong, not more; so are likelier and
shorter ones; a question more often asks for what was just said; and the language model's own
states at a reply tell more than all of these (docs/experiments.md).
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
        "can could should if there been about all as up out guys"
    )
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the score by which one of the candidates is chosen."""

    match: float = 0.76  # how well the reply fits this context
    common: float = 0.24  # how well it would fit any
    logprob: float = 0.29  # mean of its tokens'
    word: float = 0.02  # taken off for each word
    question: float = 0.1  # taken off where it ends with a question
    stock: float = 0.3  # taken off a reply that is known word for word, or given too often
    told: float = 0.25  # taken off where it asks for what was said, or once more

    def score(
        self,
        text: str,
        match: float,
        common: float,
        logprob: float,
        taste: float = 0.0,
        stock: bool = False,
        told: bool = False,
    ) -> float:
        return (
            taste
            + self.match * match
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


def asks_in_vain(reply: str, told: Iterable[str], asked: Iterable[str]) -> bool:
    """Whether ``reply`` ends with a question that is answered already, or was put already.

    The first is a yes-or-no question of nothing but words in ``told``, the speaker's texts; the
    second one of nothing but words of a question in ``asked``, the listener's.
    """
    last = _sentences(reply)[-1]
    wanted = _words(last)
    if not last.endswith("?") or not wanted:
        return False
    before = (s for text in asked for s in _sentences(text) if s.endswith("?"))
    if any(wanted <= _words(question) for question in before):
        return True
    known: set[str] = set().union(*map(_words, told))
    return not _OPEN.match(last) and wanted <= known


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip().lower())


def _words(text: str) -> set[str]:
    """Beginnings of the words that say something."""
    return {
        word[:3] if len(word) <= 5 else word[:4]
        for word in _WORD.findall(text.lower())
        if word not in _LITTLE
    }
