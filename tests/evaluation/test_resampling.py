"""Intervals that cover, comparisons that agree with scipy, Holm by hand."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.errors import InputError
from empatheia.evaluation.resampling import (
    Vote,
    crossed_score,
    holm,
    item_score,
    paired,
    summed_score,
)
from empatheia.evaluation.scorecard import Figure
from empatheia.evaluation.statistics import jackknife_score, ratio_score


def votes(rng: np.random.Generator, raters: int = 12, items: int = 24) -> list[Vote]:
    """Votes around 3.5 with raters and items of their own level, half of the cells filled."""
    strict, hard = rng.normal(0, 0.5, raters), rng.normal(0, 0.5, items)
    return [
        Vote(f"r{r}", f"i{i}", 3.5 + strict[r] + hard[i] + rng.normal(0, 0.7))
        for r in range(raters)
        for i in range(items)
        if rng.random() < 0.5
    ]


def test_crossed_interval_covers_where_single_votes_do_not() -> None:
    covered = {"crossed": 0, "single": 0}
    for trial in range(60):
        given = votes(np.random.default_rng(trial))
        crossed = crossed_score(given, draws=200)
        single = item_score([v.value for v in given], draws=200)
        covered["crossed"] += crossed.ci95[0] <= 3.5 <= crossed.ci95[1]
        covered["single"] += single.ci95[0] <= 3.5 <= single.ci95[1]
    assert covered["crossed"] >= 52  # of 60; nominal 57
    assert covered["single"] <= 42


def test_item_interval_agrees_with_theory() -> None:
    values = list(np.random.default_rng(0).normal(0, 1, 400))
    score = item_score(values)
    assert (score.ci95[1] - score.ci95[0]) / 2 == pytest.approx(1.96 / 20, rel=0.15)
    with pytest.raises(InputError, match="not all finite"):
        item_score([1.0, float("nan")])


def test_summed_counts_give_the_ratio() -> None:
    counts = [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([0.0, 2.0])]
    score = summed_score(counts, ["a", "a", "b"], lambda c: c[0] / c[1], draws=50)
    assert score.value == 0.5
    assert score.ci95[0] == 0.0
    assert score.ci95[1] == pytest.approx(4 / 6)


def test_paired_p_agrees_with_scipy() -> None:
    from scipy.stats import permutation_test

    rng = np.random.default_rng(1)
    a, b = rng.normal(0.4, 1, 30), rng.normal(0, 1, 30)
    (found,) = paired({"a": list(a), "b": list(b)})
    truth = permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x - y, axis),
        vectorized=True,
        permutation_type="samples",
        n_resamples=4999,
        rng=0,
    )
    assert found.difference == pytest.approx(float(np.mean(a - b)))
    assert found.p == pytest.approx(truth.pvalue, abs=0.02)
    assert found.p_holm == found.p


def test_swapping_two_systems_swaps_the_sign() -> None:
    a, b = [1.0, 2, 3, 5], [0.0, 1, 2, 2]
    one, two = paired({"a": a, "b": b})[0], paired({"b": b, "a": a})[0]
    assert one.difference == -two.difference
    assert one.p == two.p
    with pytest.raises(InputError, match="same items"):
        paired({"a": a, "b": b[:2]})


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_one_item_has_no_interval() -> None:
    """Drawn again it is itself: an interval of no width would be a lie."""
    scores = (
        item_score([4.0]),
        crossed_score([Vote("r", "i", 4.0)]),
        ratio_score([4.0, 4.0], [1.0, 1.0], ["a", "a"]),
        summed_score([np.array([4.0, 1.0])], ["a"], lambda sums: float(sums[0] / sums[1])),
        jackknife_score([4.0], lambda items: sum(items)),
    )
    for score in scores:
        assert score.value == 4.0
        assert score.as_dict()["ci95"] is None
        assert Figure.of(score).shown(1) == "4.0"
    assert crossed_score([Vote("r", i, 4.0) for i in "ab"]).ci95 == (4.0, 4.0)
    (found,) = paired({"a": [1.0], "b": [0.0]})
    assert (found.difference, found.p, found.as_dict()["ci95"]) == (1.0, 1.0, None)
