"""Replies that are worn: what people said in training, and what the model says too often.

A choice by fit alone gives the same kind words to everybody. Their fingerprints go into the
reasoner's ``stock``, and :class:`empatheia.llm.ranking.Ranking` takes something off them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from empatheia.data.empathetic import TextExample
from empatheia.data.tidy import fingerprint
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Choice, Ranking
from empatheia.reasoner import Reasoner, Request
from empatheia.types import Profile

BATCH = 48
Drawn = Sequence[Sequence[Choice]]


def stock_replies(found: Sequence[TextExample]) -> Tensor:
    """Fingerprints of the replies that people gave: a written one shall be the model's own."""
    marks = {fingerprint(e.response) for e in found}
    return torch.tensor(sorted(marks), dtype=torch.long)


def draw(
    reasoner: Reasoner, found: Sequence[TextExample], listeners: Sequence[Profile]
) -> list[list[Choice]]:
    """The candidates for each context, scored as they are in use."""
    out = []
    for start in range(0, len(found), BATCH):
        rows = zip(found[start : start + BATCH], listeners[start : start + BATCH], strict=True)
        requests = [Request(e.context, who, seed=start + i) for i, (e, who) in enumerate(rows)]
        out += reasoner.write(reasoner.think(requests), Sampling(), Ranking())
    return out


def worn_replies(
    drawn: Drawn, limit: int, known: frozenset[int] = frozenset(), ranking: Ranking | None = None
) -> set[int]:
    """Fingerprints of what would be given to more than ``limit`` of the contexts.

    Scores hold the penalty for ``known`` ones already. Where one reply is held back another takes
    its place, so this is repeated until none is worn.
    """
    penalty = (ranking or Ranking()).stock
    marked = [[(c.score, fingerprint(c.text)) for c in choices] for choices in drawn if choices]
    worn: set[int] = set()
    while True:
        given = Counter(
            max((score - penalty * (mark in worn), mark) for score, mark in row)[1]
            for row in marked
        )
        new = {m for m, n in given.items() if n > limit} - worn - known
        if not new:
            return worn
        worn |= new
