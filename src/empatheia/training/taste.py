"""What makes a reply good, learned from verdicts on drawn ones.

A ridge regression finds the direction in the language model's states at a reply that tells good
from bad among the candidates of one context, beside what :class:`Ranking` counts already. It is
learned anew for every trained model, in some minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empatheia.data.empathetic import TextExample
from empatheia.llm.ranking import Ranking, asks_in_vain
from empatheia.reasoner import Reasoner, sides
from empatheia.training.judged import (
    JudgedBatch,
    JudgedRow,
    batches,
    judged_rows,
    likelihoods,
    states,
)
from empatheia.training.verdicts import Verdicts, read_verdicts
from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Float

SHRINK = 4000.0  # ridge penalty on standardised states (docs/experiments.md)


@torch.inference_mode()
def learn_taste(
    reasoner: Reasoner,
    found: Sequence[TextExample],
    verdicts: Verdicts | None = None,
    ranking: Ranking | None = None,
) -> Float[Tensor, " dim"]:
    """The direction for :meth:`Reasoner.set_taste`; empty where no verdict is on ``found``."""
    rows = judged_rows(reasoner, found, read_verdicts() if verdicts is None else verdicts)
    if not rows:
        return torch.zeros(0)
    turns = {e.name: e.context for e in found}
    seen, lacks = [], []  # of each context: what is seen, and what the score lacks
    for batch in batches(rows, reasoner):
        part = [rows[i] for i in batch.rows]
        for state, missing in _examined(reasoner, batch, part, turns, ranking or Ranking()):
            seen.append(state - state.mean(0))
            lacks.append(missing - missing.mean())
    x, y = torch.cat(seen).double(), torch.cat(lacks).double()
    spread = x.std(0).clamp(min=1e-6)
    x = x / spread
    penalty = SHRINK * torch.eye(x.shape[1], dtype=x.dtype)
    return (torch.linalg.solve(x.T @ x + penalty, x.T @ y) / spread).float()


def _examined(
    reasoner: Reasoner,
    batch: JudgedBatch,
    rows: Sequence[JudgedRow],
    turns: dict[str, tuple[Turn, ...]],
    ranking: Ranking,
) -> list[tuple[Tensor, Tensor]]:
    """For each context: mean states (reply, dim), and worth less score (reply,)."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = states(reasoner, batch)
        said = likelihoods(reasoner, batch, hidden)
    targets = torch.bincount(batch.owner)
    # the state before a target stands at the token before: at <reply> for the first one
    at = hidden[tuple(batch.reply_places)].float()
    first = torch.cat([torch.ones(1, dtype=torch.bool), batch.owner.diff() != 0])
    sums = torch.zeros(len(batch.worth), at.shape[1]).index_add(0, batch.owner[~first], at[~first])
    means = sums / (targets - 1)[:, None]
    texts = [text for row in rows for text in row.texts]
    match, common = reasoner.fit(torch.stack([r.pooled for r in rows])[batch.context], texts)
    told = [sides(turns[rows[int(b)].name]) for b in batch.context]
    score = [
        ranking.score(
            text, float(match[k]), float(common[k]), float(said[k] / targets[k]),
            told=asks_in_vain(text, *told[k]),
        )
        for k, text in enumerate(texts)
    ]  # fmt: skip
    lacks = batch.worth - torch.tensor(score)
    return [(means[batch.context == b], lacks[batch.context == b]) for b in range(len(rows))]
