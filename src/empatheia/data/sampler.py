"""Which examples form batch number n: a pure function of the seed, so that a run can resume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


class BucketSampler:
    """Shuffled batches of items of similar length.

    ``batch(step)`` depends on nothing but the constructor's arguments and ``step``: each epoch is
    shuffled, cut into pools, sorted by length inside a pool, cut into batches, shuffled again.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, seed: int = 0, pool_batches: int = 50
    ) -> None:
        if batch_size < 1 or not lengths:
            raise ValueError("a sampler needs items and a batch size of at least 1")
        self._lengths = np.asarray(lengths)
        self._size = min(batch_size, len(lengths))
        self._seed = seed
        self._pool = pool_batches * self._size
        self.batches_per_epoch = len(lengths) // self._size
        self._epoch = lru_cache(maxsize=2)(self._make_epoch)

    def _make_epoch(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self._seed, epoch))
        order = rng.permutation(len(self._lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), self._pool):
            pool = order[start : start + self._pool]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            whole = len(pool) // self._size * self._size
            batches += np.split(pool[:whole], max(whole // self._size, 1)) if whole else []
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, step: int) -> list[int]:
        """Indices of the items in batch ``step`` (counted over all epochs)."""
        first = self._epoch(0)
        epoch, place = divmod(step, len(first))
        return [int(i) for i in self._epoch(epoch)[place]]
