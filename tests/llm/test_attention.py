"""Rows that share a prefix see what they would see with a copy of it each."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia.llm.attention import SHARING, sharing_attention
from empatheia.llm.cache import Groups, SharingCache
from empatheia.llm.causal import CausalLM
from empatheia.tiny import tiny_reasoner


class Reader:
    """Feeds a model step by step and keeps the mask of all it has read."""

    def __init__(self, lm: CausalLM, attention: str) -> None:
        self.lm, self.attention = lm, attention
        lm.lm.config._attn_implementation = attention
        prompt = torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(1))
        mask = torch.ones(3, 6, dtype=torch.bool)
        mask[1, :4] = False  # padded on the left
        self.cache, first, self.mask = lm.begin(prompt, mask)
        lm.feed(self.cache, first, self.mask)

    def take(self, *rows: int) -> None:
        self.cache.batch_select_indices(torch.tensor(rows))
        self.mask = self.mask[list(rows)]

    def read(self, tokens: int, seed: int, silent: tuple[int, ...] = ()) -> Tensor:
        rows = len(self.mask)
        noise = torch.Generator().manual_seed(seed)
        new = torch.ones(rows, tokens, dtype=torch.bool)
        new[list(silent)] = False
        self.mask = torch.cat([self.mask, new], 1)
        words = torch.randn(rows, tokens, 16, generator=noise)
        self.lm.lm.config._attn_implementation = self.attention
        return self.lm.feed(self.cache, words, self.mask)

    def forget(self, tokens: int) -> None:
        self.cache.crop(-tokens)
        self.mask = self.mask[:, :-tokens]


@torch.inference_mode()
def test_groups_of_one_size_need_no_empty_places() -> None:
    lm = tiny_reasoner().lm
    found = []
    for attention in (SHARING, "sdpa"):
        reader = Reader(lm, attention)
        reader.take(0, 0, 1, 1, 2, 2)
        found.append(torch.cat([reader.read(1, 2), reader.read(3, 3)], 1))
    assert torch.allclose(*found, atol=1e-5)


@torch.inference_mode()
def test_a_shared_prefix_changes_nothing() -> None:
    lm = tiny_reasoner().lm
    ours, theirs = Reader(lm, SHARING), Reader(lm, "sdpa")

    def same(tokens: int, seed: int, silent: tuple[int, ...] = ()) -> None:
        a, b = (reader.read(tokens, seed, silent) for reader in (ours, theirs))
        assert torch.allclose(a, b, atol=1e-5)

    def both(what: str, *numbers: int) -> None:
        for reader in (ours, theirs):
            getattr(reader, what)(*numbers)

    same(1, 2)  # before anything is shared
    both("take", 0, 0, 1, 1, 1, 2)  # groups of two, three and one
    same(1, 3)
    same(4, 4, silent=(3,))  # several tokens at once, one row has ended
    both("forget", 2)
    both("take", 4, 0, 2, 2)  # fewer, in another order, one of them twice; a prefix is done with
    assert isinstance(ours.cache, SharingCache)
    assert len(ours.cache.layers[0].prefix[0]) == 2
    same(40, 5)  # more than there was room for
    assert ours.cache.get_seq_length() == theirs.cache.get_seq_length() == 6 + 1 + 1 + 2 + 40


def test_rows_find_their_way_into_the_grid_and_back() -> None:
    groups = Groups(torch.tensor([2, 0, 2, 2]), 3)
    rows = torch.arange(8.0).view(4, 2)
    grid = groups.spread(rows)
    assert grid.shape == (3, 3, 2)
    assert torch.equal(grid[0, 0], rows[1])
    assert torch.equal(grid[2], rows[[0, 2, 3]])
    assert grid[1].eq(0).all()
    assert torch.equal(groups.gather(grid), rows)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [1, 4])
@torch.inference_mode()
def test_grouped_heads_see_what_the_librarys_own_see(tokens: int, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    query = torch.randn(3, 6, tokens, 8)
    key, value = torch.randn(2, 3, 2, 9, 8)
    mask = torch.rand(3, 1, tokens, 9) < 0.7
    mask[..., -1] = True
    wanted = F.scaled_dot_product_attention(query, key, value, mask, scale=0.3, enable_gqa=True)
    held = [part.to(kind) for part in (query, key, value)]
    found, _ = sharing_attention(None, *held, mask, scaling=0.3)
    assert found.dtype == kind
    assert torch.allclose(
        found.transpose(1, 2).float(), wanted, atol=1e-5 if kind == torch.float32 else 0.03
    )
