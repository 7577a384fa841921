"""Intervals: cluster bootstrap for means, delete-group jackknife for counts that depend on n."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Score:
    """A figure, the number of items behind it, and its 95 % interval (NaN of a single item)."""

    value: float
    n: int
    ci95: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        known = all(map(math.isfinite, self.ci95))
        return {"value": self.value, "n": self.n, "ci95": list(self.ci95) if known else None}


def interval(drawn: Sequence[float], groups: int) -> tuple[float, float]:
    """Middle 95 % of ``drawn``. One group drawn again is itself: that says nothing, so NaN."""
    if groups < 2:
        return math.nan, math.nan
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def ratio_score(
    numerator: Sequence[float],
    denominator: Sequence[float],
    groups: Sequence[Hashable],
    transform: Callable[[float], float] = lambda x: x,
    draws: int = 1000,
    seed: int = 0,
) -> Score:
    """``transform(sum(numerator) / sum(denominator))``; whole groups (dialogues) are resampled."""
    names = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    index = np.asarray([names[group] for group in groups])
    top = np.bincount(index, np.asarray(numerator, float), len(names))
    bottom = np.bincount(index, np.asarray(denominator, float), len(names))
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        pick = rng.integers(len(names), size=len(names))
        drawn.append(transform(top[pick].sum() / bottom[pick].sum()))
    value = transform(top.sum() / bottom.sum())
    return Score(value, len(groups), interval(drawn, len(names)))


def jackknife_score(
    items: Sequence[Any], figure: Callable[[Sequence[Any]], float], parts: int = 20
) -> Score:
    """``figure(items)`` with an interval from leaving out one of ``parts`` parts at a time.

    For figures such as Dist-n, which fall as items are added: a bootstrap, which repeats items,
    would shift them; the spread of leave-out values does not.
    """
    value = figure(items)
    parts = min(parts, len(items))
    if parts < 2:
        return Score(value, len(items), interval((), parts))
    left = [figure([x for j, x in enumerate(items) if j % parts != i]) for i in range(parts)]
    variance = (parts - 1) / parts * float(np.sum((np.asarray(left) - np.mean(left)) ** 2))
    margin = 1.96 * variance**0.5
    return Score(value, len(items), (value - margin, value + margin))
