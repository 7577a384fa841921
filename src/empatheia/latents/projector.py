"""Encoder states to a few tokens in the language model's space (paper, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


EVIDENCE_SCALE = 4.0  # log-probabilities of 32 labels are about -4: brought to about 0


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    source_dim: int
    target_dim: int
    queries: int = 8
    evidence: int = 0  # size of the modality's own reading (log-probabilities), 0 for none
    heads: int = 6
    dropout: float = 0.1


class QueryProjector(nn.Module):
    """Learned queries look at the states; one more token carries the pooled vector, and another
    what the modality reads by itself (log-probabilities of emotions), where it has such a head.

    Output: (batch, tokens, target_dim). A modality that is absent has no states at all: its
    tokens are the learned ``absent`` vectors, never zeros.
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.config = config
        source, target = config.source_dim, config.target_dim
        self.query = nn.Parameter(torch.randn(config.queries, source) * source**-0.5)
        self.norm = nn.LayerNorm(source)
        self.attention = nn.MultiheadAttention(source, config.heads, batch_first=True)
        self.out = nn.Linear(source, target)
        self.pooled = nn.Sequential(nn.LayerNorm(source), nn.Linear(source, target))
        self.evidence = nn.Linear(config.evidence, target) if config.evidence else None
        self.absent = nn.Parameter(torch.randn(self.tokens, target) * 0.02)
        self.dropout = nn.Dropout(config.dropout)

    @property
    def tokens(self) -> int:
        return 1 + self.config.queries + bool(self.config.evidence)

    @torch.no_grad()
    def spell_evidence(self, labels: Float[Tensor, "reading target"]) -> None:
        """Start the evidence's token as the sum of the ``labels``' embeddings, weighed by it.

        Attention that copies what it reads, which a language model has, then copies the reading.
        """
        assert self.evidence is not None
        self.evidence.weight.copy_((labels - labels.mean(0)).T)
        self.evidence.bias.zero_()

    def forward(
        self,
        states: Float[Tensor, "batch time source"],
        mask: Bool[Tensor, "batch time"],
        pooled: Float[Tensor, "batch source"],
        evidence: Float[Tensor, "batch reading"] | None = None,
    ) -> Float[Tensor, "batch token target"]:
        keys = self.norm(self.dropout(states))
        query = self.query.expand(states.shape[0], -1, -1).to(keys.dtype)
        seen, _ = self.attention(query, keys, keys, key_padding_mask=~mask, need_weights=False)
        whole = self.pooled(self.dropout(pooled)).unsqueeze(1)
        tokens = [whole, self.out(seen)]
        if self.evidence is not None:
            assert evidence is not None, "this projector was built for a modality with a reading"
            tokens.append(self.told(evidence).unsqueeze(1))
        return torch.cat(tokens, 1)

    def told(self, evidence: Float[Tensor, "batch reading"]) -> Float[Tensor, "batch target"]:
        """The evidence's token alone, the last of all."""
        assert self.evidence is not None
        token: Tensor = self.evidence(evidence / EVIDENCE_SCALE + 1)
        return token
