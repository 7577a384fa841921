"""The cache that is written in place says what the library's own says."""

from __future__ import annotations

import copy

import torch
from transformers import DynamicCache

from empatheia.llm.cache import ROOM, empty_cache


def both() -> list[DynamicCache]:
    return [empty_cache(), DynamicCache()]


def feed(caches: list[DynamicCache], rows: int, tokens: int, seed: int) -> None:
    """The same keys and values into two layers of each; what comes back is equal."""
    torch.manual_seed(seed)
    for layer in range(2):
        new = torch.randn(2, rows, 3, tokens, 4)
        found = [cache.update(new[0], new[1], layer) for cache in caches]
        for ours, theirs in zip(*found, strict=True):
            assert torch.equal(ours, theirs)


def test_it_holds_what_the_librarys_own_holds() -> None:
    caches = both()
    feed(caches, 2, 5, 0)
    for step in range(ROOM + 3):  # past the room, so that it has to move
        feed(caches, 2, 1, step)
    for cache in caches:
        cache.batch_repeat_interleave(3)
    feed(caches, 6, 1, 99)
    for cache in caches:
        cache.batch_select_indices(torch.tensor([5, 0, 3]))
    feed(caches, 3, 2, 100)
    for cache in caches:
        cache.crop(-4)
    feed(caches, 3, ROOM + 1, 101)
    assert caches[0].get_seq_length() == caches[1].get_seq_length()


def test_nothing_is_copied_while_there_is_room() -> None:
    cache = empty_cache()
    feed([cache, DynamicCache()], 1, 1, 0)
    place = cache.layers[0].keys.data_ptr()
    for step in range(ROOM):
        torch.manual_seed(step)
        cache.update(torch.randn(1, 3, 1, 4), torch.randn(1, 3, 1, 4), 0)
    assert cache.layers[0].keys.data_ptr() == place


def test_a_copy_goes_its_own_way() -> None:
    cache = empty_cache()
    feed([cache, DynamicCache()], 1, 4, 0)
    twin = copy.deepcopy(cache)
    before = cache.layers[0].keys.clone()
    cache.crop(-2)
    cache.update(torch.zeros(1, 3, 2, 4), torch.zeros(1, 3, 2, 4), 0)
    assert torch.equal(twin.layers[0].keys, before)
