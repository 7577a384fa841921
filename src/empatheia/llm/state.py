"""A batch in the middle of decoding: what was read, and what may come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia.llm.cache import SharingCache, merged
from empatheia.llm.interface import Cache, LanguageModel

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SHRINK = 0.75  # the batch is cut down when fewer of its rows than this are unfinished


@dataclass(slots=True)
class State:
    """A batch in the middle of decoding. ``mask`` covers everything in the cache."""

    cache: Cache
    mask: Bool[Tensor, "batch seen"]
    logits: Float[Tensor, "batch vocabulary"]  # for the next token
    hidden: Float[Tensor, "batch dim"]  # at the last token


def prefill(
    model: LanguageModel,
    embeddings: Float[Tensor, "batch token dim"],
    mask: Bool[Tensor, "batch token"],
) -> State:
    """Read the prompt. Rows are padded on the left."""
    cache, first, mask = model.begin(embeddings, mask)
    return feed(model, cache, mask[:, :0], first, mask)


def feed(
    model: LanguageModel, cache: Cache, before: Tensor, embeddings: Tensor, mask: Tensor
) -> State:
    """The state after some more tokens; ``mask`` is False where a row has none."""
    seen = torch.cat([before, mask], 1)
    hidden = model.feed(cache, embeddings, seen)[:, -1]
    return State(cache, seen, model.logits(hidden), hidden)


def only(state: State, rows: Sequence[int]) -> State:
    """The state of some rows, any of them more than once. Uses up ``state``."""
    kept = torch.tensor(rows)
    state.cache.batch_select_indices(kept)
    return State(state.cache, state.mask[kept], state.logits[kept], state.hidden[kept])


def can_copy(state: State) -> bool:
    """Whether :func:`copied` and :func:`together` know this kind of cache."""
    return isinstance(state.cache, SharingCache)


def copied(state: State, rows: Sequence[int]) -> State:
    """A copy of the state of some rows, for :func:`together`."""
    assert isinstance(state.cache, SharingCache)
    kept = torch.tensor(rows)
    cache = state.cache.copied(kept)
    return State(cache, state.mask[kept], state.logits[kept], state.hidden[kept])


def together(parts: Sequence[tuple[Sequence[int], State]]) -> State:
    """One state of several, each with the places that its rows then have.

    Rows that have read less than others are padded behind.
    """
    caches = [state.cache for _, state in parts if isinstance(state.cache, SharingCache)]
    places = [torch.tensor(rows) for rows, _ in parts]
    order = torch.cat(places).argsort()
    width = max(state.mask.shape[1] for _, state in parts)
    masks = [F.pad(state.mask, (0, width - state.mask.shape[1])) for _, state in parts]
    return State(
        merged(places, caches),
        torch.cat(masks)[order],
        torch.cat([state.logits for _, state in parts])[order],
        torch.cat([state.hidden for _, state in parts])[order],
    )
