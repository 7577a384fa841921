from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data.sampler import BucketSampler


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 9))
def test_an_epoch_visits_items_at_most_once_and_repeats_itself(
    lengths: list[int], size: int, seed: int
) -> None:
    sampler = BucketSampler(lengths, size, seed, pool_batches=3)
    epoch = [sampler.batch(i) for i in range(sampler.batches_per_epoch)]
    seen = [i for batch in epoch for i in batch]
    assert len(seen) == len(set(seen))
    assert all(len(batch) == min(size, len(lengths)) for batch in epoch)
    again = BucketSampler(lengths, size, seed, pool_batches=3)
    assert [again.batch(i) for i in range(len(epoch))] == epoch


def test_nothing_to_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs items"):
        BucketSampler([], 4)
