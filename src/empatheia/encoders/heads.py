"""What an encoder of sound or pictures tells by itself: the eight keys, and whose voice or face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.data.labels import EMOTIONS8

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

Layers = tuple[Tensor, ...]  # states below each layer and above the last, (batch, time, dim) each


@dataclass(frozen=True, slots=True)
class MediaFeatures:
    """States over time, their mean, and the head's logits; padding is False in ``mask``."""

    states: Float[Tensor, "batch time dim"]
    mask: Bool[Tensor, "batch time"]
    pooled: Float[Tensor, "batch dim"]
    logits: Float[Tensor, "batch key"]


class Summary(nn.Module):
    """A learned mixture of all layers' states, and their mean and spread over time.

    Lower layers hear tone and upper ones hear words; which of them tell what is asked is learned
    (as in SUPERB, Yang et al. 2021).
    """

    def __init__(self, layers: int, dim: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.zeros(layers))
        self.norm = nn.LayerNorm(2 * dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, layers: Layers, mask: Bool[Tensor, "batch time"]) -> tuple[Tensor, Tensor]:
        """(mixed states, zero at padding; one vector of twice their width a row)."""
        share = self.mixture.softmax(0)
        states = sum((w * x for w, x in zip(share, layers, strict=True)), torch.zeros(()))
        weight = mask.unsqueeze(-1).to(states.dtype)
        count = weight.sum(1).clamp(min=1)
        mean = (states * weight).sum(1) / count
        spread = (((states - mean[:, None]) ** 2 * weight).sum(1) / count + 1e-6).sqrt()
        return states * weight, self.dropout(self.norm(torch.cat([mean, spread], -1)))


class EmotionHead(nn.Module):
    """The eight keys from all layers; its mixture of them is what the language model is shown."""

    def __init__(self, layers: int, dim: int) -> None:
        super().__init__()
        self.summary = Summary(layers, dim)
        self.out = nn.Linear(2 * dim, len(EMOTIONS8))

    def forward(self, layers: Layers, mask: Bool[Tensor, "batch time"]) -> MediaFeatures:
        states, vector = self.summary(layers, mask)
        count = mask.sum(1, keepdim=True).clamp(min=1).to(states.dtype)
        return MediaFeatures(states, mask, states.sum(1) / count, self.out(vector))


class ProfileHead(nn.Module):
    """Whose voice or face it is: one linear reader a property, with a mixture of its own."""

    def __init__(self, layers: int, dim: int, classes: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.summary = Summary(layers, dim)
        self.out = nn.ModuleDict(
            {name: nn.Linear(2 * dim, len(labels)) for name, labels in classes.items()}
        )

    def forward(self, layers: Layers, mask: Bool[Tensor, "batch time"]) -> dict[str, Tensor]:
        """Logits of each property, (batch, labels)."""
        vector = self.summary(layers, mask)[1]
        return {name: layer(vector) for name, layer in self.out.items()}
