"""Losses are what their equations say, padding and unknown labels count for nothing."""

from __future__ import annotations

import math

import pytest
import torch

from empatheia.latents.content import Units
from empatheia.training.losses import (
    UNKNOWN,
    LossWeights,
    dependence,
    distance,
    l_ccl,
    l_cls,
    l_oal,
    l_sal,
)


def test_distance_counts_real_places_only() -> None:
    real = torch.tensor([[True, True, False]])
    teacher, found = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
    found[0, 2] = 1e6
    assert float(distance(found, teacher, real, Units(2))) == pytest.approx(1.0)
    units = Units(2)
    units.fit(torch.randn(1000, 2) * 4)
    assert float(distance(found, teacher, real, units)) == pytest.approx(1 / 16, rel=0.2)


def test_predicting_the_mean_costs_one() -> None:
    units, rows = Units(3), torch.randn(500, 3) * torch.tensor([1.0, 5.0, 0.2]) + 7
    units.fit(rows)
    guess = units.mean.expand(1, 500, 3)
    real = torch.ones(1, 500, dtype=torch.bool)
    assert float(distance(guess, rows[None], real, units)) == pytest.approx(1.0, rel=0.02)
    assert float(l_sal(guess[0], rows, guess[0], rows, (units, units))) == pytest.approx(
        2, rel=0.02
    )


def test_classes_are_a_cross_entropy_with_its_minus_sign() -> None:
    logits = {"emotion": torch.zeros(2, 8), "age": torch.zeros(2, 4)}
    labels = {"emotion": torch.tensor([1, 2]), "age": torch.tensor([UNKNOWN, 3])}
    assert float(l_cls(logits, labels)) == pytest.approx(math.log(8) + math.log(4))
    labels["age"] = torch.full((2,), UNKNOWN)
    assert float(l_cls(logits, labels)) == pytest.approx(math.log(8))


def test_weights_are_alpha_and_beta() -> None:
    one = torch.ones(())
    weights = LossWeights(alpha=0.5, beta=0.25, video=2.0)
    assert float(l_ccl(one, one, weights)) == 3.0
    assert float(l_oal(one, one, one, weights)) == 1.75


def test_dependence_is_near_nought_where_nothing_is_told() -> None:
    torch.manual_seed(0)
    found = [float(dependence(torch.randn(16, 4), torch.randint(0, 4, (16,)))) for _ in range(400)]
    assert abs(sum(found) / 400) < 0.02  # small batches have no bias
    labels = torch.randint(0, 2, (64,))
    told = torch.randn(64, 4)
    told[:, 0] += 3 * labels
    wider = torch.randn(64, 4) * (1 + 3 * labels[:, None])  # the same mean, another spread
    assert float(dependence(told, labels)) > 0.1
    assert float(dependence(wider, labels)) > 0.1
    assert float(dependence(torch.eye(2)[labels] * 9, labels)) == pytest.approx(1, abs=0.05)
    assert float(dependence(told, torch.full((64,), UNKNOWN))) == 0


def test_a_factor_forgets_what_it_should_not_tell() -> None:
    torch.manual_seed(0)
    labels = torch.arange(128) % 2
    source = torch.randn(128, 6)
    source[:, 0] += 4 * labels
    layer = torch.nn.Linear(6, 4)
    before = float(dependence(layer(source), labels).detach())
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        dependence(layer(source), labels).backward()
        optimizer.step()
    assert before > 0.1
    assert float(dependence(layer(source), labels).detach()) < 0.02
