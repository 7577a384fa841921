"""Distances of distributions against matrix roots, plain loops and a stand-in for Inception."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from empatheia.errors import InputError, WeightsError
from empatheia.evaluation.distributions import Distributions
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.frechet import (
    POOL3,
    Inception,
    frechet,
    kid,
    movement,
    movement_distance,
)
from empatheia.media.video import encode_mp4

rng = np.random.default_rng(0)


@pytest.mark.parametrize("count", [4, 200])  # fewer and more samples than numbers
def test_frechet_is_the_formula(count: int) -> None:
    one, other = rng.normal(0, 1, (count, 6)), rng.normal(0.5, 2, (150, 6))
    a, b = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    apart = one.mean(0) - other.mean(0)
    root = sqrtm(a @ b + (1e-12 * np.eye(6) if count < 7 else 0)).real
    assert frechet(one, other) == pytest.approx(
        apart @ apart + np.trace(a + b - 2 * root), rel=1e-4
    )
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-9)
    assert frechet(one, one + 3.0) == pytest.approx(6 * 9.0)
    with pytest.raises(InputError, match="two samples"):
        frechet(one[:1], other)


def test_kid_is_the_mean_over_pairs() -> None:
    one, other = rng.normal(0, 1, (7, 3)), rng.normal(1, 1, (5, 3))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    own = np.mean([k(a, b) for i, a in enumerate(one) for j, b in enumerate(one) if i != j])
    their = np.mean([k(a, b) for i, a in enumerate(other) for j, b in enumerate(other) if i != j])
    across = np.mean([k(a, b) for a in one for b in other])
    assert kid(one, other) == pytest.approx(own + their - 2 * across)
    small, large = rng.normal(0, 1, (60, 8)), rng.normal(0, 1, (2000, 8))
    assert abs(kid(small, large)) < 0.1  # unbiased, where a Fréchet distance is not


def face(frames: int = 40, speed: float = 1.0) -> np.ndarray:
    base = np.random.default_rng(1).uniform(90, 160, (478, 2))
    base[33], base[263] = (80, 100), (180, 100)
    base[13], base[14], base[61], base[291] = (130, 150), (130, 150), (110, 150), (150, 150)
    points = base[None].repeat(frames, 0)
    points[:, 14, 1] += 10 + 10 * np.sin(speed * np.arange(frames))
    return points


def test_movement_by_hand() -> None:
    points = face(3)
    points[:, 14, 1] = 150 + np.array([0.0, 10.0, 30.0])
    points[2] += [50.0, 0.0]  # half of the eyes' distance to the right
    rows = movement(points)
    assert rows.shape == (2, 12)
    assert rows[:, 0] == pytest.approx([0.1, 0.3])  # lips, over the eyes' distance
    assert rows[:, 6] == pytest.approx([0.1, 0.2])
    assert rows[:, 2] == pytest.approx([0.4, 0.4])
    assert rows[1, 9] == pytest.approx(0.5)
    points[1] = np.nan
    assert len(movement(points)) == 0  # neither before nor after a picture without a face


def test_other_movements_are_further_away() -> None:
    real = [movement(face(60, s)) for s in (0.9, 1.0, 1.1)]
    like, fast = [movement(face(60, 0.95))], [movement(face(60, 3.0))]
    assert movement_distance(real, real) == pytest.approx(0.0, abs=1e-6)
    assert movement_distance(like, real) < 0.5 * movement_distance(fast, real)


class Network(torch.nn.Module):
    """2,048 numbers of a picture: its mean colours, over and over."""

    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert return_features
        return x.float().mean((2, 3)).repeat(1, 683)[:, :2048]


@dataclass(frozen=True)
class Film:
    item: str
    video: Path


def test_pictures_through_brought_weights(tmp_path: Path) -> None:
    from empatheia.types import Speech

    weights = tmp_path / "inception.pt"
    torch.jit.script(Network()).save(str(weights))  # type: ignore[no-untyped-call]
    network = Inception(weights)
    picture = np.full((256, 256, 3), (10, 20, 30), np.uint8)
    found = network([picture] * 20)
    assert found.shape == (20, POOL3)
    assert found[0, :3] == pytest.approx([10, 20, 30])
    films = []
    for i, light in enumerate((60, 90, 120, 200)):
        path = tmp_path / f"{i}.mp4"
        pictures = [np.full((256, 256, 3), light + j, np.uint8) for j in range(20)]
        path.write_bytes(encode_mp4(pictures, 25, Speech(np.zeros(12800, np.float32), 16000)))
        films.append(Film(str(i), path))
    faults = Faults()
    spread = Distributions(network, faults, lambda _: None)
    same, away = spread.beside(films[:2], films[:2]), spread.beside(films[2:], films[:2])
    assert same["fid"].value == pytest.approx(0.0, abs=1e-6)
    assert away["fid"].value > 1e6  # type: ignore[operator]
    assert away["fid"].weights == network.digest
    assert away["kid"].value > 1e6  # type: ignore[operator]
    assert away["fd_landmark"].needs is not None
    (tmp_path / "0.mp4").write_bytes(b"no video")
    assert spread.beside(films[:1], films[1:])["fid"].needs is not None
    assert "FID not measurable" in faults.found
    missing = Distributions(None, faults, lambda _: None).beside(films, films)["fid"].needs
    assert missing is not None
    assert "--inception" in missing


def test_other_files_are_no_inception(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no Inception weights at"):
        Inception(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_bytes(b"text")
    with pytest.raises(WeightsError, match="is no TorchScript file"):
        Inception(tmp_path / "text.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "other.pt"))  # type: ignore[no-untyped-call]
    with pytest.raises(WeightsError, match="gives no features"):
        Inception(tmp_path / "other.pt")([np.zeros((9, 9, 3), np.uint8)])
