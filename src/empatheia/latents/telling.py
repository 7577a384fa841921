"""FFN(r) where it is needed: what a word's tokens tell of its first sound, its second …

An attention layer hands the same value of a token to every sound of its word, and what the third
sound is would have to be worked out of it by multiplying with the place. So FFN(r) has an output
for each place of a word, and a query is told by its own word's tokens what they say of its place.
How a token is said is then a row of a matrix to remember, which is learned in minutes.

The first token of a word counts places from the word's start, later ones ("ing", "'s") from its
end, since they do not know where they begin; of a pause every token tells at a place of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.latents.places import Places
from empatheia.nn.query_vae import Side

if TYPE_CHECKING:
    from jaxtyping import Float


class Telling(nn.Module):
    """Queries as they are known, and what the states of their own word tell of them."""

    def __init__(self, source: int, hidden: int, dim: int, slots: int) -> None:
        """``slots`` - 1 places of a word are told apart; the last slot is for pauses."""
        super().__init__()
        self.dim, self.slots = dim, slots
        self.enter = nn.Sequential(nn.LayerNorm(source), nn.Linear(source, hidden), nn.GELU())
        self.start = nn.Linear(hidden, slots * dim, bias=False)
        self.end = nn.Linear(hidden, slots * dim, bias=False)
        for table in (self.start, self.end):  # loud enough beside what is known of a place
            nn.init.normal_(table.weight, std=2 * hidden**-0.5)

    def forward(
        self,
        states: Float[Tensor, "batch token source"],
        tokens: Places,
        places: Places,
        known: Side,
    ) -> Side:
        """``known`` is what ``places`` say of themselves; it gets ``told`` beside it."""
        entered = self.enter(states)
        first = (tokens.index == 0)[..., None]
        told = torch.where(first, self.start(entered), self.end(entered))
        told = told.unflatten(-1, (self.slots, self.dim))
        same = places.word[:, :, None] == tokens.word[:, None, :]
        row, query, token = (same & places.real[:, :, None] & tokens.real[:, None, :]).nonzero(
            as_tuple=True
        )
        index, count = places.index[row, query], places.count[row, query]
        slot = torch.where(tokens.index[row, token] == 0, index, count - 1 - index)
        slot = slot.clamp(0, self.slots - 2)
        slot = torch.where(places.extra[row, query, 0] > 0, self.slots - 1, slot)
        batch, width = places.word.shape
        said = told[row, token, slot]
        summed = said.new_zeros(batch * width, self.dim).index_add(0, row * width + query, said)
        return replace(known, told=summed.unflatten(0, (batch, width)))
