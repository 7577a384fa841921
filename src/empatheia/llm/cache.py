"""A cache of keys and values that is written in place, and holds a shared prefix once.

The library's own concatenates at every token: with many candidates side by side that copies far
more bytes than the model reads. Nor does it know that the candidates of one dialogue all look back
on the same prompt and chain: it copies that for each, and attention reads every copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM = 8  # tokens for which space is left behind the last one
THIN = 0.75  # prefixes that fewer of than this are still looked at are taken out


class Groups:
    """Which rows look back on which prefix: as a grid (prefix, place) with some places empty."""

    def __init__(self, owner: Tensor, prefixes: int) -> None:
        """``owner`` (row,) is the number of each row's prefix, of ``prefixes``."""
        self.owner, self.prefixes = owner, prefixes
        order = owner.argsort(stable=True)
        counts = owner.bincount(minlength=prefixes)
        before = counts.cumsum(0) - counts
        place = torch.empty_like(owner)
        place[order] = torch.arange(len(owner), device=owner.device) - before[owner[order]]
        self.width = int(counts.max())
        self._cell = owner * self.width + place
        whole = len(owner) == prefixes * self.width
        self._plain = whole and bool((self._cell == torch.arange(len(owner)).to(owner)).all())

    def spread(self, rows: Tensor) -> Tensor:
        """(row, …) → (prefix, place, …), zeros where a place is empty."""
        if not self._plain:
            grid = rows.new_zeros(self.prefixes * self.width, *rows.shape[1:])
            rows = grid.index_copy_(0, self._cell, rows)
        return rows.view(self.prefixes, self.width, *rows.shape[1:])

    def gather(self, grid: Tensor) -> Tensor:
        """The way back of :meth:`spread`."""
        rows = grid.flatten(0, 1)
        return rows if self._plain else rows.index_select(0, self._cell)


@dataclass(frozen=True, slots=True)
class Shared:
    """Keys or values in two parts: ``prefix`` (prefix, head, token, dim), ``own`` (row, …)."""

    prefix: Tensor
    own: Tensor
    groups: Groups


class RoomyLayer(DynamicLayer):
    """Keys and values (row, head, token, dim) are the front of buffers with room for more.

    Once rows were taken several times, what had been read so far is kept apart as ``prefix``;
    ``keys`` and ``values`` are then what each row read since.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._buffers: list[Tensor] = []
        self.prefix: list[Tensor] = []
        self.groups: Groups | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> Any:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            nothing = [part[..., :0, :] for part in (key_states, value_states)]
            self._hold(nothing, key_states.shape[-2])
        before = self.keys.shape[-2]
        after = before + key_states.shape[-2]
        if after > self._buffers[0].shape[-2]:
            self._hold([self.keys, self.values], after)
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., before:after, :] = new
        self._show(after)
        own = (self.keys, self.values)
        if self.groups is None:
            return own
        return tuple(Shared(p, o, self.groups) for p, o in zip(self.prefix, own, strict=True))

    def get_seq_length(self) -> int:
        if not self.is_initialized:
            return 0
        return self.keys.shape[-2] + (self.prefix[0].shape[-2] if self.prefix else 0)

    def batch_repeat_interleave(self, repeats: int) -> None:
        rows = torch.arange(len(self.keys), device=self.device).repeat_interleave(repeats)
        self.batch_select_indices(rows)

    def batch_select_indices(self, indices: Tensor) -> None:
        kept = [part.index_select(0, indices) for part in (self.keys, self.values)]
        self._hold(kept, kept[0].shape[-2])

    def share(self, groups: Groups) -> None:
        """What was read so far becomes the prefix of rows in ``groups``."""
        self.prefix = [part.contiguous() for part in (self.keys, self.values)]
        self.groups = groups
        shape = (len(groups.owner), *self.keys.shape[1:])
        self._hold([part.new_empty(shape)[..., :0, :] for part in self.prefix], 0)

    def regroup(self, groups: Groups, rows: Tensor, prefixes: Tensor | None) -> None:
        """Keep ``rows`` and, where given, only some ``prefixes``."""
        self.batch_select_indices(rows)
        self.groups = groups
        if prefixes is not None:
            self.prefix = [part.index_select(0, prefixes) for part in self.prefix]

    def _hold(self, parts: Sequence[Tensor], tokens: int) -> None:
        """Move ``parts`` to buffers with room behind ``tokens``."""
        seen = parts[0].shape[-2]
        shape = (*parts[0].shape[:-2], tokens + ROOM, parts[0].shape[-1])
        self._buffers = [part.new_empty(shape) for part in parts]
        for buffer, part in zip(self._buffers, parts, strict=True):
            buffer[..., :seen, :] = part
        self._show(seen)

    def _show(self, tokens: int) -> None:
        self.keys, self.values = (buffer[..., :tokens, :] for buffer in self._buffers)


class SharingCache(DynamicCache):
    """Rows taken several times share what they have read; attention must know :class:`Shared`."""

    groups: Groups | None = None

    def batch_select_indices(self, indices: Tensor) -> None:
        rows = len(self.layers[0].keys)
        if self.groups is not None:
            kept, prefixes = self.groups.owner[indices], None
            found = kept.unique()
            if len(found) < THIN * self.groups.prefixes:
                prefixes, kept = found, torch.searchsorted(found, kept)
            number = self.groups.prefixes if prefixes is None else len(prefixes)
            self.groups = Groups(kept, number)
            for layer in self.layers:
                layer.regroup(self.groups, indices, prefixes)
        elif len(indices) > rows:
            self.groups = Groups(indices, rows)
            for layer in self.layers:
                layer.share(self.groups)
        else:
            super().batch_select_indices(indices)

    def copied(self, rows: Tensor) -> SharingCache:
        """Some rows of a cache whose rows have not been taken several times yet."""
        copy = empty_cache(sharing=True)
        for number, layer in enumerate(self.layers):
            copy.update(layer.keys[rows], layer.values[rows], number)
        return copy


def merged(places: Sequence[Tensor], parts: Sequence[SharingCache]) -> SharingCache:
    """The rows of all ``parts`` in one cache, each at its place; zeros behind what was read."""
    whole = empty_cache(sharing=True)
    count, tokens = sum(map(len, places)), max(part.get_seq_length() for part in parts)
    for number, layers in enumerate(zip(*(part.layers for part in parts), strict=True)):
        grids = []
        for name in ("keys", "values"):
            held = [getattr(layer, name) for layer in layers]
            grid = held[0].new_zeros(count, held[0].shape[1], tokens, held[0].shape[3])
            for rows, states in zip(places, held, strict=True):
                grid[rows, :, : states.shape[2]] = states
            grids.append(grid)
        whole.update(*grids, number)
    return whole


@overload
def empty_cache(sharing: Literal[True]) -> SharingCache: ...
@overload
def empty_cache(sharing: bool = False) -> DynamicCache: ...
def empty_cache(sharing: bool = False) -> DynamicCache:
    """A cache of :class:`RoomyLayer`; for use without gradients."""
    cache = SharingCache() if sharing else DynamicCache()
    cache.layer_class_to_replicate = RoomyLayer
    return cache
