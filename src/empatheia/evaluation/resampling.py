"""Intervals and comparisons by drawing again: items, items crossed with raters, pairs, Holm.

Votes of the same rater are alike, and so are votes on the same item. Drawing single votes again
(or 1.96 standard errors) takes them for independent and gives intervals that are far too narrow;
:func:`crossed_score` draws raters and items (Owen 2007, the pigeonhole bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import InputError
from empatheia.evaluation.statistics import Score, interval

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Vote:
    """One rating of one item by one person."""

    rater: str
    item: str
    value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A minus B on the same items: difference, interval, p (two-sided), p after Holm."""

    a: str
    b: str
    difference: float
    ci95: tuple[float, float]
    p: float
    p_holm: float
    n: int

    def as_dict(self) -> dict[str, Any]:
        known = all(map(np.isfinite, self.ci95))
        return asdict(self) | {"ci95": list(self.ci95) if known else None}


def summed_score(
    counts: Sequence[NDArray[np.float64]],
    groups: Sequence[Hashable],
    figure: Callable[[NDArray[np.float64]], float],
    draws: int = 1000,
    seed: int = 0,
) -> Score:
    """``figure`` of summed counts (items, k); whole groups (dialogues) are drawn again."""
    names = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    table = np.zeros((len(names), len(counts[0])))
    np.add.at(table, [names[g] for g in groups], np.stack(counts))
    rng = np.random.default_rng(seed)
    drawn = [figure(table[rng.integers(len(names), size=len(names))].sum(0)) for _ in range(draws)]
    return Score(figure(table.sum(0)), len(groups), interval(drawn, len(names)))


def item_score(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> Score:
    """Mean of independent items. NaN is refused: count and leave out such items before."""
    given = np.asarray(values, float)
    if len(given) == 0 or not np.isfinite(given).all():
        raise InputError(f"{len(given)} values, not all finite: nothing can be said of their mean")
    rng = np.random.default_rng(seed)
    means = given[rng.integers(len(given), size=(draws, len(given)))].mean(1)
    return Score(float(given.mean()), len(given), interval(list(means), len(given)))


def crossed_score(votes: Sequence[Vote], draws: int = DRAWS, seed: int = 0) -> Score:
    """Mean of votes; raters and items are drawn again at once. ``n`` counts votes."""
    raters = {name: i for i, name in enumerate(dict.fromkeys(v.rater for v in votes))}
    items = {name: i for i, name in enumerate(dict.fromkeys(v.item for v in votes))}
    if not votes or not all(np.isfinite(v.value) for v in votes):
        raise InputError(f"{len(votes)} votes, not all numbers: nothing can be said of their mean")
    row = np.array([raters[v.rater] for v in votes])
    column = np.array([items[v.item] for v in votes])
    value = np.array([v.value for v in votes])
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        times_rater = np.bincount(
            rng.integers(len(raters), size=len(raters)), minlength=len(raters)
        )
        times_item = np.bincount(rng.integers(len(items), size=len(items)), minlength=len(items))
        weight = times_rater[row] * times_item[column]
        if weight.sum():
            means.append(float((weight * value).sum() / weight.sum()))
    drawn = interval(means, max(len(raters), len(items)))
    return Score(float(value.mean()), len(votes), drawn)


def paired(
    systems: Mapping[str, Sequence[float]], draws: int = 10_000, seed: int = 0
) -> list[Comparison]:
    """Every pair of systems on the same items: bootstrap interval, sign-flip p, Holm over pairs.

    The p-value is that of a randomisation test: under the null, the sign of each item's
    difference is a coin. One item has no interval, and p is 1. Raises InputError where lengths
    differ.
    """
    names = list(systems)
    lengths = {len(values) for values in systems.values()}
    if len(names) < 2 or len(lengths) != 1 or 0 in lengths:
        raise InputError(f"two systems on the same items are needed, not {dict.fromkeys(names)}")
    found = []
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            d = np.asarray(systems[a], float) - np.asarray(systems[b], float)
            if not np.isfinite(d).all():
                raise InputError(f"{a} or {b} has scores that are not numbers")
            found.append((a, b, d))
    ps = [_sign_flip(d, draws, seed) for _, _, d in found]
    return [
        Comparison(a, b, score.value, score.ci95, p, q, score.n)
        for (a, b, d), p, q in zip(found, ps, holm(ps), strict=True)
        for score in (item_score(list(d), seed=seed),)
    ]


def _sign_flip(d: NDArray[np.float64], draws: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    seen = abs(d.sum()) - 1e-12
    beyond = 0
    for start in range(0, draws, 500):
        size = (min(500, draws - start), len(d))
        beyond += int((np.abs((rng.integers(0, 2, size) * 2 - 1) @ d) >= seen).sum())
    return (beyond + 1) / (draws + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values after Holm's step-down correction (1979), in the given order."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    out, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        out[i] = highest
    return out
