"""Which of several drawn replies is given.

The weights were fitted to the verdicts of one person on 450 candidates (docs/experiments.md), and
then only pulled away from what people and model say all the time. What was learned there: a reply
that would suit many contexts is less often wrong, not more; a likelier one is too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the score by which one of the candidates is chosen."""

    match: float = 1.0  # how well the reply fits this context
    common: float = 1.1  # how well it would fit any
    logprob: float = 0.32  # mean of its tokens'
    stock: float = 0.5  # taken off a reply that is given again and again

    def score(self, match: float, common: float, logprob: float, stock: bool) -> float:
        return (
            self.match * match + self.common * common + self.logprob * logprob - self.stock * stock
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A reply that could be given; a higher ``score`` is better."""

    text: str
    score: float
    match: float
    logprob: float
