"""How an encoder of sound or pictures tells the eight keys by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.data.labels import EMOTIONS8

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True, slots=True)
class MediaFeatures:
    """States over time, their mean, and the head's logits; padding is False in ``mask``."""

    states: Float[Tensor, "batch time dim"]
    mask: Bool[Tensor, "batch time"]
    pooled: Float[Tensor, "batch dim"]
    logits: Float[Tensor, "batch key"]


class EmotionHead(nn.Module):
    """A learned mixture of all layers' states, their mean and spread over time, a linear reader.

    Lower layers hear tone and upper ones hear words; which of them tell an emotion is learned (as
    in SUPERB, Yang et al. 2021). The encoder below stays frozen.
    """

    def __init__(self, layers: int, dim: int) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.zeros(layers))
        self.norm = nn.LayerNorm(2 * dim)
        self.out = nn.Linear(2 * dim, len(EMOTIONS8))

    def forward(
        self, layers: tuple[Tensor, ...], mask: Bool[Tensor, "batch time"]
    ) -> MediaFeatures:
        """``layers``: the states below each layer and above the last, (batch, time, dim) each."""
        share = self.mixture.softmax(0)
        states = sum((w * x for w, x in zip(share, layers, strict=True)), torch.zeros(()))
        weight = mask.unsqueeze(-1).to(states.dtype)
        count = weight.sum(1).clamp(min=1)
        mean = (states * weight).sum(1) / count
        spread = (((states - mean[:, None]) ** 2 * weight).sum(1) / count + 1e-6).sqrt()
        logits = self.out(self.norm(torch.cat([mean, spread], -1)))
        return MediaFeatures(states * weight, mask, mean, logits)
