"""Marks and labels beside the vocabulary of a published language model.

A table of 51 rows in and 51 rows out stands beside the model's own: what trains is small, the
published weights stay as they are, and the file that keeps the training holds the rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class AddedTokens(nn.Module):
    """Ids from ``first`` on are rows of these tables, others belong to the model."""

    def __init__(self, first: int, count: int, dim: int) -> None:
        super().__init__()
        self.first = first
        self.rows_in = nn.Parameter(torch.randn(count, dim) * 0.02)
        self.rows_out = nn.Parameter(torch.randn(count, dim) * 0.02)

    @torch.no_grad()
    def start_from(self, words: Sequence[Sequence[int]], inner: Tensor, outer: Tensor) -> None:
        """Each token begins as the mean of the words that it is written with."""
        for row, ids in enumerate(words):
            if ids:
                self.rows_in[row] = inner[list(ids)].float().mean(0)
                self.rows_out[row] = outer[list(ids)].float().mean(0)

    def embed(
        self, ids: Int[Tensor, "batch token"], table: nn.Module
    ) -> Float[Tensor, "batch token dim"]:
        """Of all ids; ``table`` is the model's own."""
        known = table(ids.clamp(max=self.first - 1))
        ours = self.rows_in[(ids - self.first).clamp(min=0)].to(known.dtype)
        return torch.where((ids >= self.first)[..., None], ours, known)

    def logits(
        self, hidden: Float[Tensor, "... dim"], known: Float[Tensor, "... token"]
    ) -> Float[Tensor, "... vocabulary"]:
        """The model's logits ``known`` cut to its tokens, ours behind them."""
        ours = hidden.float() @ self.rows_out.to(hidden.device).T
        return torch.cat([known[..., : self.first].float(), ours], -1)
