"""Transformer layers as the two synchronising modules use them: pre-norm, masks, local heads.

Letters: B rows, Q queries, K keys, H heads, D channels. Masks are True where something is real.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

FAR = 24  # words; further apart counts as this far


def sinusoids(places: Int[Tensor, "... n"], dim: int) -> Float[Tensor, "... n dim"]:
    """Sines and cosines of whole numbers, ``dim`` even (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(torch.arange(0, dim, 2, device=places.device) * (-math.log(1e4) / dim))
    angles = places[..., None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], -1)


def slopes(heads: int) -> Float[Tensor, " head"]:
    """How fast each head forgets what is words away: 4, 1, 1/4 …, and not at all in the last."""
    steps = torch.arange(heads, dtype=torch.float)
    return torch.where(steps < heads - 1, 4.0 * 4.0**-steps, torch.zeros(()))


def attention_bias(
    real: Bool[Tensor, "batch key"],
    heads: int,
    query_words: Int[Tensor, "batch query"] | None = None,
    key_words: Int[Tensor, "batch key"] | None = None,
) -> Float[Tensor, "batch head query key"]:
    """What is added to the scores: minus infinity at padding, less the further the words.

    A query and a key that belong to the same word see each other best, which spares the layers
    from learning the alignment (the idea of ALiBi, Press et al. 2022, on words).
    """
    bias = torch.zeros(real.shape, device=real.device).masked_fill(~real, -torch.inf)
    bias = bias[:, None, None, :]
    if query_words is not None and key_words is not None:
        apart = (query_words[:, :, None] - key_words[:, None, :]).abs().clamp(max=FAR)
        bias = bias - slopes(heads).to(real.device)[None, :, None, None] * apart[:, None]
    return bias


class Attention(nn.Module):
    """Scaled dot products of several heads."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.out = nn.Linear(dim, dim)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, n, D) -> (B, H, n, D/H)

    def forward(
        self,
        queries: Float[Tensor, "batch query dim"],
        keys: Float[Tensor, "batch key dim"],
        bias: Float[Tensor, "batch #head #query key"],
    ) -> Float[Tensor, "batch query dim"]:
        query = self._split(self.query(queries))
        seen = F.scaled_dot_product_attention(
            query,
            self._split(self.key(keys)),
            self._split(self.value(keys)),
            attn_mask=bias.to(query.dtype),
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.out(seen.transpose(1, 2).flatten(2))


def feed_forward(source: int, hidden: int, target: int, dropout: float = 0.0) -> nn.Sequential:
    """The FFN of the paper's Eq. 1-6 and of every layer."""
    return nn.Sequential(
        nn.LayerNorm(source),
        nn.Linear(source, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, target),
    )


class EncoderLayer(nn.Module):
    """Looks at itself, then thinks."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, dropout)
        self.feed = feed_forward(dim, hidden, dim, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        seen = self.norm(x)
        x = x + self.drop(self.attention(seen, seen, bias))
        return x + self.drop(self.feed(x))


class DecoderLayer(nn.Module):
    """Looks at itself, then at a memory, then thinks. Not causal: all queries are there at once."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.cross_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, dropout)
        self.cross = Attention(dim, heads, dropout)
        self.feed = feed_forward(dim, hidden, dim, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, bias: Tensor, memory_bias: Tensor) -> Tensor:
        seen = self.norm(x)
        x = x + self.drop(self.attention(seen, seen, bias))
        x = x + self.drop(self.cross(self.cross_norm(x), memory, memory_bias))
        return x + self.drop(self.feed(x))
