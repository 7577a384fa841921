"""Which of several drawn replies is given.

The weights were fitted to the verdicts of one person on 860 candidates (docs/experiments.md) and
then only pulled away from what people and model say all the time. What was learned there: a reply
that would suit many contexts is less often wrong, not more; so are likelier and shorter ones; a
question more often asks for what was just said.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the score by which one of the candidates is chosen."""

    match: float = 1.0  # how well the reply fits this context
    common: float = 1.15  # how well it would fit any
    logprob: float = 0.58  # mean of its tokens'
    word: float = 0.025  # taken off for each word
    question: float = 0.3  # taken off where it ends with a question
    stock: float = 0.35  # taken off a reply that is known word for word, or given too often

    def score(self, text: str, match: float, common: float, logprob: float, stock: bool) -> float:
        return (
            self.match * match
            + self.common * common
            + self.logprob * logprob
            - self.word * len(text.split())
            - self.question * text.endswith("?")
            - self.stock * stock
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A reply that could be given; a higher ``score`` is better."""

    text: str
    score: float
    match: float
    logprob: float
