"""Lip-sync measures: known sizes, known shifts, and the floor for another sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from empatheia.errors import InputError, WeightsError
from empatheia.evaluation import avsync
from empatheia.evaluation.sound_features import mfcc
from empatheia.evaluation.syncnet import SyncNet, SyncNetScorer, crop_faces, shift_scores
from empatheia.types import Speech


def test_mfcc_against_python_speech_features() -> None:
    t = np.arange(5000)
    found = mfcc(np.round(8000 * np.sin(t * 0.05) + 2000 * np.sin(t * 0.7)))
    assert found.shape == (30, 13)
    assert found[3, :4] == pytest.approx(PSF, rel=1e-9)


def test_syncnet_has_the_published_size_and_shapes() -> None:
    net = SyncNet().eval()
    assert sum(p.numel() for p in net.parameters()) == 13_631_616
    with torch.inference_mode():
        assert net.lips(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 1024)
        assert net.sound(torch.zeros(2, 1, 13, 20)).shape == (2, 1024)


def test_syncnet_needs_its_own_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="needs syncnet_v2"):
        SyncNetScorer(tmp_path / "none.model")
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.model")
    with pytest.raises(WeightsError, match="does not hold SyncNet"):
        SyncNetScorer(tmp_path / "other.model")


def test_shift_of_sound_is_found() -> None:
    lips = torch.randn(80, 16, generator=torch.Generator().manual_seed(0))
    together = shift_scores(lips, lips)
    assert together.offset == 0
    assert together.distance == pytest.approx(0.0, abs=1e-4)
    late = shift_scores(lips, lips.roll(4, 0))
    assert late.offset == -4
    other = torch.randn(80, 16, generator=torch.Generator().manual_seed(1))
    assert shift_scores(lips, other).confidence < 0.2 * together.confidence


def test_scores_against_the_published_steps() -> None:
    """Chung and Zisserman's tools, step by step: pairwise distances, mean, median minus least."""
    draw = torch.Generator().manual_seed(3)
    lips, sound = (torch.randn(60, 8, generator=draw) for _ in range(2))
    padded = torch.nn.functional.pad(sound, (0, 0, 15, 15))
    rows = [torch.nn.functional.pairwise_distance(lips[[i]].repeat(31, 1), padded[i : i + 31])
            for i in range(60)]  # fmt: skip
    mean = torch.stack(rows, 1).mean(1)
    least, place = mean.min(0)
    found = shift_scores(lips, sound)
    assert found.distance == pytest.approx(float(least), abs=1e-5)
    assert found.confidence == pytest.approx(float(mean.median() - least), abs=1e-5)
    assert found.offset == 15 - int(place)


def test_windows_of_lips_and_sound_are_of_the_same_time(
    tmp_path: Path, syncing: SyncNetScorer
) -> None:
    """A net that sees brightness and hears loudness finds them in step, late, or unlike."""
    speech, points = clip(0)
    bright = (8 * points[:, 14, 1]).astype(np.uint8)  # swells with the sound, 30 -> 240
    faces = np.broadcast_to(bright[:, None, None, None], (len(bright), 224, 224, 3))
    own = syncing(faces, speech)
    assert (own.offset, own.windows) == (0, 145)
    late = Speech(np.roll(speech.audio, 3 * 640), 16_000)
    assert syncing(faces, late).offset == -3
    at_24 = np.repeat(speech.audio, 3)[::2].copy()  # the rate of the file does not matter
    assert syncing(faces, Speech(at_24, 24_000)).offset == 0
    other = syncing(faces, clip(1)[0])
    assert other.confidence < 0.5 * own.confidence
    assert other.distance > 1.5 * own.distance
    with pytest.raises(InputError, match="too few"):
        syncing(faces[:20], speech)


def test_faces_are_cropped_around_the_points() -> None:
    frames = np.zeros((15, 100, 100, 3), np.uint8)
    frames[:, 40:60, 40:60] = 255
    points = np.zeros((15, 4, 2))
    points[:] = [(40, 40), (60, 40), (40, 60), (60, 60)]
    points[3] = np.nan
    faces = crop_faces(frames, points, 28)
    assert faces.shape == (15, 28, 28, 3)
    assert faces[0, 12, 14].max() == 255
    assert faces[0, :, 0].max() == 0
    with pytest.raises(InputError, match="no face"):
        crop_faces(frames, np.full((15, 4, 2), np.nan))


def clip(seed: int, frames: int = 150) -> tuple[Speech, np.ndarray]:
    """Noise whose loudness swells as the lips open."""
    rng = np.random.default_rng(seed)
    steps = np.interp(np.arange(frames), np.arange(0, frames, 5), rng.uniform(0, 1, frames // 5))
    level = np.interp(np.arange(frames * 640) / 640, np.arange(frames) + 0.5, steps)
    audio = (0.3 * level * rng.normal(0, 1, frames * 640)).clip(-1, 1).astype(np.float32)
    points = np.zeros((frames, 478, 2))
    points[:, 263] = (100, 0)
    for upper, lower in ((13, 14), (82, 87), (312, 317), (0, 17)):
        points[:, lower, 1] = 30 * steps
        points[:, upper, 1] = 0
    return Speech(audio, 16000), points


def test_avsync_scores_against_numpy() -> None:
    rng = np.random.default_rng(5)
    model = avsync.AVSync(rng.normal(size=(4, 2)))
    heard, seen = rng.normal(size=(90, 4)), rng.normal(size=(90, 2))
    said = heard @ model.coefficients
    r = np.array([
        np.mean([np.corrcoef(said[15 + k : 75 + k, i], seen[15:75, i])[0, 1] for i in (0, 1)])
        for k in range(-15, 16)
    ])  # fmt: skip
    d = np.sqrt(2 - 2 * r)
    found = avsync.score(model, heard, seen)
    assert found.sync_r == pytest.approx(r[13:18].max())
    assert found.distance == pytest.approx(d.min())
    assert found.confidence == pytest.approx(np.median(d) - d.min())
    assert found.offset == int(d.argmin()) - 15


def test_sound_that_ends_early_is_not_prolonged() -> None:
    """3 s of sound beside 6 s of pictures: 75 rows, the same as of 3 s of pictures."""
    speech, points = clip(0)
    half = Speech(speech.audio[: 75 * 640], 16_000)
    rows = avsync.sound(half, 150)
    assert len(rows) == 75
    assert np.array_equal(rows, avsync.sound(half, 75))
    assert len(avsync.sound(speech, 150)) == 150
    model = avsync.fit([(rows, avsync.mouth(points))])
    cut = avsync.fit([(rows, avsync.mouth(points)[:75])])
    assert np.array_equal(model.coefficients, cut.coefficients)


def test_avsync_p_counts_shifts_one_by_one() -> None:
    """Shifts of 1 s and more, either way round; each and the own with one picture of play."""
    rng = np.random.default_rng(9)
    seen = rng.normal(size=(80, 2))
    heard = np.concatenate([seen + rng.normal(0, 6, (80, 2)), np.ones((80, 1))], 1)
    model = avsync.AVSync(np.eye(3)[:, :2])

    def near(shift: int) -> float:
        said = [[heard[(t - shift - k) % 80] for t in range(80)] for k in (-1, 0, 1)]
        return max(
            np.mean([np.corrcoef(np.array(s)[:, i], seen[:, i])[0, 1] for i in (0, 1)])
            for s in said
        )

    as_good = sum(near(shift) >= near(0) for shift in range(25, 55))
    assert as_good > 0
    assert avsync.score(model, heard, seen).p == pytest.approx((1 + as_good) / 31)


def test_lips_keep_what_is_between_a_third_and_ten_hertz() -> None:
    """Of a slow, a middle and a fast wave (0.05, 3 and 12 Hz), only the middle is left."""
    t = np.arange(250) / 25
    middle = np.sin(2 * np.pi * 3 * t)
    points = np.zeros((250, 478, 2))
    points[:, 263] = (100, 0)
    wave = 20 + 5 * np.sin(2 * np.pi * 0.05 * t) + middle + np.sin(2 * np.pi * 12 * t)
    for lower in (14, 87, 317, 17):
        points[:, lower, 1] = wave
    found = avsync.mouth(points)
    power = np.abs(np.fft.rfft(found[25:225] * np.hanning(200)[:, None], axis=0)) ** 2
    rate = np.fft.rfftfreq(200, 1 / 25)
    passed = power[(rate > 2.5) & (rate < 3.5)].sum(0) / power.sum(0)
    assert (passed > 0.97).all()
    inside = np.corrcoef(found[25:225, 0], middle[25:225])[0, 1]
    assert inside > 0.99  # and it is not moved
    assert found.std(0) == pytest.approx(1.0)


def test_avsync_fit_is_ridge_regression() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2)) + 1
    given = (np.concatenate([x, np.ones((50, 1))], 1), y)
    theirs = Ridge(alpha=7.0).fit(x, y)
    ours = avsync.fit([given], strength=7.0).coefficients
    assert ours[:3] == pytest.approx(theirs.coef_.T, abs=1e-6)
    assert ours[3] == pytest.approx(theirs.intercept_, abs=1e-6)


def test_avsync_finds_step_shift_and_floor(tmp_path: Path) -> None:
    rows = []
    for seed in range(5):
        speech, points = clip(seed)
        seen = avsync.mouth(points)
        rows.append((avsync.sound(speech, len(seen)), seen))
    model = avsync.fit(rows[:4])
    heard, seen = rows[4]
    own = avsync.score(model, heard, seen)
    assert own.offset == 0
    assert own.sync_r > 0.6
    assert own.p < 0.1
    assert avsync.score(model, np.roll(heard, 4, 0), seen).offset == 4
    other = avsync.score(model, rows[0][0], seen)
    assert other.sync_r < 0.5 * own.sync_r
    assert other.confidence < own.confidence
    avsync.save(model, tmp_path / "avsync.safetensors", 4, "test")
    again = avsync.load(tmp_path / "avsync.safetensors")
    assert again.digest != "none"
    assert (again.source, again.clips) == ("test", 4)
    assert again.settings()["fitted_on"] == "test"
    assert avsync.score(again, heard, seen).sync_r == pytest.approx(own.sync_r, abs=1e-4)
    with pytest.raises(InputError, match="too few"):
        avsync.mouth(points[:20])


@pytest.fixture
def syncing() -> SyncNetScorer:
    """SyncNet's windows and scores around a net that sees brightness and hears loudness."""

    class Net:
        def lips(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((1, 3, 4)) / 240  # (window, 5)

        def sound(self, x: torch.Tensor) -> torch.Tensor:
            loud = (x[:, 0, 0] / 2).exp() / 1.9e5  # root of the energy; 1 where fully open
            return loud.reshape(-1, 5, 4).mean(2)

    scorer = object.__new__(SyncNetScorer)
    scorer.net, scorer.digest = Net(), "none"  # type: ignore[assignment]
    return scorer


PSF = [19.130401430416427, 8.641376166251389, -15.177918801196785, 21.27117807400958]  # version 0.6
