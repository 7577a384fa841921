"""Measures against values worked out by hand, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.evaluation.statistics import jackknife_score, ratio_score
from empatheia.evaluation.text_metrics import distinct, expected_distinct, rouge_l, tokens


def test_tokens() -> None:
    assert tokens("I'm sad, it's 3 o'clock!") == ["i'm", "sad", ",", "it's", "3", "o'clock", "!"]


def test_distinct_by_hand() -> None:
    texts = [["a", "b", "a"], ["a", "b"]]
    assert distinct(texts, 1) == pytest.approx(100 * 2 / 5)
    assert distinct(texts, 2) == pytest.approx(100 * 2 / 3)
    assert distinct([["a"]], 2) == 0.0


def test_expected_distinct() -> None:
    """By hand, against drawing, and less moved by length than Dist-1."""
    assert expected_distinct([["a", "b"], ["a"]], 2) == pytest.approx(100 * 2 / (2 * (1 - 1 / 8)))
    rng = np.random.default_rng(0)
    drawn = [[str(word) for word in rng.integers(500, size=10)] for _ in range(400)]
    assert expected_distinct(drawn, 500) == pytest.approx(100, abs=0.5)
    assert expected_distinct(drawn[:40], 500) == pytest.approx(100, abs=4)
    assert distinct(drawn[:40], 1) > 4 * distinct(drawn, 1)
    assert expected_distinct([[]]) == 0.0


def test_rouge_by_hand() -> None:
    assert rouge_l(["the", "cat", "sat"], ["the", "cat", "ate", "food"]) == pytest.approx(400 / 7)
    assert rouge_l([], ["a"]) == 0.0
    assert rouge_l(["a"], ["a"]) == 100.0


def test_ratio_and_its_interval() -> None:
    score = ratio_score([1, 0, 1, 0] * 50, [1] * 200, list(range(200)))
    assert score.value == 0.5
    assert 0.40 < score.ci95[0] < 0.46
    assert 0.54 < score.ci95[1] < 0.60


def test_groups_widen_the_interval() -> None:
    values, ones = [1.0] * 50 + [0.0] * 50, [1.0] * 100
    alone = ratio_score(values, ones, list(range(100)))
    grouped = ratio_score(values, ones, [i // 10 for i in range(100)])
    assert grouped.ci95[1] - grouped.ci95[0] > alone.ci95[1] - alone.ci95[0]


def test_jackknife_of_a_mean_matches_theory() -> None:
    items = list(np.random.default_rng(0).permutation(100))
    score = jackknife_score(items, lambda x: sum(x) / len(x))
    margin = (score.ci95[1] - score.ci95[0]) / 2
    assert score.value == 49.5
    assert margin == pytest.approx(1.96 * 28.9 / 10, rel=0.4)
