"""Sound and pictures of the utterances of a dialogue as tokens for the language model.

Every utterance that has them gives tokens; the one that is to be answered always does: where a
modality is missing its tokens are the learned "absent" ones. In training a modality is left out
now and then, so that the model can do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.latents.projector import ProjectorConfig, QueryProjector

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

RECALLED = 5  # utterances whose media are heard


@dataclass(frozen=True, slots=True)
class Perceived:
    """One utterance in one modality: states over time, their mean, the head's log-probabilities."""

    states: Float[Tensor, "time dim"]
    pooled: Float[Tensor, " dim"]
    evidence: Float[Tensor, " key"]


class ModalityProjector(nn.Module):
    """Utterances of one modality, some of them missing -> (utterance, tokens, dim)."""

    def __init__(self, config: ProjectorConfig, drop: float = 0.15) -> None:
        super().__init__()
        self.projector = QueryProjector(config)
        self.ago = nn.Embedding(RECALLED, config.target_dim)  # how many utterances back
        nn.init.normal_(self.ago.weight, std=0.02)
        self.drop = drop

    @property
    def tokens(self) -> int:
        return self.projector.tokens

    def forward(
        self, rows: Sequence[Perceived | None], ago: Sequence[int]
    ) -> Float[Tensor, "utterance token target"]:
        """``ago``: 0 for the utterance that is to be answered, 1 for the one before it …"""
        out = [self.projector.absent] * len(rows)
        there = [i for i, row in enumerate(rows) if row is not None and not self._left_out()]
        if there:
            found = self._project([row for i in there if (row := rows[i]) is not None])
            for place, tokens in zip(there, found, strict=True):
                out[place] = tokens
        when = self.ago(torch.tensor(ago).clamp(max=RECALLED - 1))
        return torch.stack([x.to(when.dtype) for x in out]) + when[:, None]

    def _left_out(self) -> bool:
        return self.training and float(torch.rand(())) < self.drop

    def _project(self, rows: Sequence[Perceived]) -> Tensor:
        mask = torch.zeros(len(rows), max(len(r.states) for r in rows), dtype=torch.bool)
        states = rows[0].states.new_zeros(*mask.shape, rows[0].states.shape[-1])
        for i, row in enumerate(rows):
            states[i, : len(row.states)], mask[i, : len(row.states)] = row.states, True
        pooled = torch.stack([row.pooled for row in rows])
        evidence = torch.stack([row.evidence for row in rows])
        wanted = evidence if self.projector.config.evidence else None
        return self.projector(states, mask, pooled, wanted)


def joined(
    rows: Sequence[Float[Tensor, "_ target"]],
) -> tuple[Float[Tensor, "batch token target"], Bool[Tensor, "batch token"]]:
    """Rows of different lengths, padded on the left, so that they touch what comes after."""
    width = max(map(len, rows))
    out = rows[0].new_zeros(len(rows), width, rows[0].shape[-1])
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        if len(row):
            out[i, -len(row) :], mask[i, -len(row) :] = row, True
    return out, mask
