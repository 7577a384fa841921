"""The measures measure: blur lowers sharpness, a shift is found, size and place do not matter."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from empatheia.errors import InputError
from empatheia.evaluation.face_clips import (
    Clip,
    cut,
    delayed,
    read_clips,
    recorded,
    vowels,
    write_clips,
)
from empatheia.evaluation.face_files import lead_in, summary
from empatheia.evaluation.face_measures import (
    LEFT_EYE,
    LOWER,
    RIGHT_EYE,
    best_lag,
    closures,
    vowel_energy,
)
from empatheia.evaluation.face_report import nearest, report, speech_like, spread_recordings
from empatheia.evaluation.face_sharpness import _edge_map, cpbd
from empatheia.evaluation.seeing import features
from empatheia.face.avatar.feeling import EMOTIONS, expression
from empatheia.media.audio import wav_bytes
from empatheia.types import Speech


def test_blur_lowers_sharpness() -> None:
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 2, (16, 16)) * 200 + 20, np.ones((16, 16))).astype(np.uint8)
    sharp = np.repeat(image[..., None], 3, 2)
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    half = np.concatenate([sharp[:128], soft[128:]])
    assert cpbd(sharp) > 0.9
    assert cpbd(soft) < 0.1
    assert cpbd(soft) < cpbd(half) < cpbd(sharp)


@pytest.mark.parametrize(
    ("width", "height", "sharp"), [(2, 200, True), (3, 200, True), (4, 200, False), (5, 200, False),
                                   (4, 40, True), (5, 40, True), (6, 40, False)],
)  # fmt: skip
def test_edges_as_wide_as_is_just_noticed(width: int, height: int, sharp: bool) -> None:
    """Just noticed are 3 pixels where the contrast is above 50, else 5 (Narvekar and Karam)."""
    ramp = np.clip(np.arange(64) - 30, 0, width) / width * height + 20
    image = np.tile(ramp.round().astype(np.uint8), (256, 4))
    image[:, 63::64] = image[:, 62::64]
    assert cpbd(np.repeat(image[:, :64, None], 3, 2)) == float(sharp)


def plain_count(grey: np.ndarray) -> tuple[int, int, list[int]]:
    """Sharp edges, all edges, and the Canny pixels of each block, counted pixel by pixel."""
    x = grey.astype(float)
    canny = _edge_map(x)
    wide = np.pad(x, 1, "reflect")
    step = wide[:, 2:] - wide[:, :-2]
    p = ((step[:-2] + 2 * step[1:-1] + step[2:]) / 8) ** 2
    dy, dx = np.gradient(x)
    sharp = total = 0
    marked = []
    last = x.shape[1] - 1
    for top, start in np.ndindex(x.shape[0] // 64, x.shape[1] // 64):
        places = [(64 * top + i, 64 * start + j) for i in range(64) for j in range(64)]
        marked.append(sum(bool(canny[place]) for place in places))
        contrast = max(x[place] for place in places) - min(x[place] for place in places)
        if marked[-1] <= 0.002 * 64 * 64:
            continue
        for r, c in places:
            if r in (0, x.shape[0] - 1) or c in (0, last):
                continue
            thin = p[r, c - 1] <= p[r, c] > p[r, c + 1] or p[r - 1, c] <= p[r, c] > p[r + 1, c]
            angle = abs(np.round(np.degrees(np.arctan2(dy[r, c], dx[r, c])) / 45) * 45)
            if p[r, c] <= 4 or not thin or angle not in (0.0, 180.0):
                continue
            sign = 1 if angle == 0 else -1
            left, right = c - 1, c + 1
            while left > 0 and sign * (x[r, left] - x[r, left - 1]) > 0:
                left -= 1
            while right < last and sign * (x[r, right + 1] - x[r, right]) > 0:
                right += 1
            blur = 1 - np.exp(-(((right - left) / (5 if contrast <= 50 else 3)) ** 3.6))
            sharp += round(100 * blur) <= 63
            total += 1
    return sharp, total, marked


def noisy(side: int, spread: float, seed: int) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (side, side)), (0, 0), 1.2)
    return np.clip(128 + spread * noise / noise.std(), 0, 255).astype(np.uint8)


def test_sharpness_against_a_plain_count() -> None:
    """Widths counted pixel by pixel, as the release writes it down."""
    grey = noisy(64, 90, 3)
    sharp, total, _ = plain_count(grey)
    assert total > 100
    assert cpbd(np.repeat(grey[..., None], 3, 2)) == pytest.approx(sharp / total)


def test_blocks_against_a_plain_count() -> None:
    """Of six: strong, faint (wider edges pass there), barely enough edges, few, soft, too few."""
    grey = np.full((128, 200), 90, np.uint8)
    grey[:64, :64] = noisy(64, 60, 3)
    faint = noisy(64, 60, 4).astype(float)
    grey[:64, 64:128] = 128 + 45 * (faint - faint.min()) / np.ptp(faint)
    grey[30:32, 180] = 190
    grey[64:, 64:128] = cv2.GaussianBlur(noisy(64, 60, 5), (0, 0), 1.5)
    grey[64:, 196:] = 250  # beyond the last whole block
    sharp, total, marked = plain_count(grey)
    assert 0 < marked[5] <= 8 < marked[2] < 40 < min(marked[0], marked[1], marked[4])
    assert 0 < sharp < total
    assert cpbd(np.repeat(grey[..., None], 3, 2)) == pytest.approx(sharp / total)


def test_edge_map_against_canny_written_out() -> None:
    """Smoothing, Sobel, thinning along the gradient and two thresholds, pixel by pixel."""
    rng = np.random.default_rng(8)
    grey = cv2.GaussianBlur(rng.uniform(0, 255, (70, 70)), (0, 0), 2.0)
    smooth = cv2.GaussianBlur(grey / 255, (0, 0), np.sqrt(2.0))
    wide = np.pad(smooth, 1, "reflect")
    x = wide[:, 2:] - wide[:, :-2]
    y = wide[2:] - wide[:-2]
    dx, dy = x[:-2] + 2 * x[1:-1] + x[2:], y[:, :-2] + 2 * y[:, 1:-1] + y[:, 2:]
    size = np.hypot(dx, dy) / np.hypot(dx, dy).max()
    bins = np.minimum((size * 64).astype(int), 63)
    high = next(i + 1 for i in range(64) if (bins <= i).mean() > 0.7) / 64
    edges = {(r, c) for r, c in np.ndindex(70, 70) if _ridge(size, dx, dy, r, c)}
    found = {place for place in edges if size[place] > high}
    new = set(found)
    while new:
        near = {(r + i, c + j) for r, c in new for i in (-1, 0, 1) for j in (-1, 0, 1)}
        new = {p for p in near & edges if size[p] > 0.4 * high} - found
        found |= new
    ours = _edge_map(grey)
    theirs = np.zeros_like(ours)
    for place in found:
        theirs[place] = True
    assert theirs.sum() > 200
    assert (ours != theirs).sum() <= 0.02 * theirs.sum()  # steps are rounded to whole numbers there


def _ridge(size: np.ndarray, dx: np.ndarray, dy: np.ndarray, r: int, c: int) -> bool:
    """No smaller than both neighbours along the gradient, which is rounded to 45 degrees."""
    angle = round(np.degrees(np.arctan2(dy[r, c], dx[r, c])) / 45) % 4
    i, j = ((0, 1), (1, 1), (1, 0), (1, -1))[angle]

    def at(a: int, b: int) -> float:
        return float(size[a, b]) if 0 <= a < size.shape[0] and 0 <= b < size.shape[1] else 0.0

    return at(r, c) > at(r - i, c - j) and at(r, c) >= at(r + i, c + j)


@pytest.mark.parametrize("shift", [-5, 0, 3, 7])
def test_a_known_lag_is_found(shift: int) -> None:
    rng = np.random.default_rng(1)
    sound = np.convolve(rng.normal(size=120), np.ones(4), mode="same")
    lips = np.roll(sound, -shift)
    lag, value = best_lag(lips, sound)
    assert lag == shift
    assert value > 0.9


def test_features_do_not_know_place_size_or_tilt() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(3, 478, 2)) * 20 + 100
    points[:, LEFT_EYE], points[:, RIGHT_EYE] = (80.0, 100.0), (140.0, 104.0)
    turn = np.array([[np.cos(0.2), np.sin(0.2)], [-np.sin(0.2), np.cos(0.2)]])
    moved = points @ turn * 1.7 + (30, -12)
    np.testing.assert_allclose(features(moved)[:, :-1], features(points)[:, :-1], atol=1e-6)


def test_clips_are_written_and_read(tmp_path: Path) -> None:
    from empatheia.face import DrawnFace

    class One(DrawnFace):
        def avatars(self):  # type: ignore[no-untyped-def]
            return super().avatars()[:1]

    speech = cut(speech_like(1.0), 0.3)
    recording = tmp_path / "03-01-01-01-01-01-01.wav"
    recording.write_bytes(wav_bytes(Speech(speech.audio[:1600], 16_000)))
    write_clips(
        One.load(128), recorded([speech]), tmp_path, lips=1, seconds=0.2,
        recordings=spread_recordings(tmp_path, 5), tell=lambda _: None,
    )  # fmt: skip
    clips = read_clips(tmp_path)
    assert [c.kind for c in clips] == ["feeling"] * 8 + ["lips", "shifted", "heard"]
    assert clips[8].vowels == clips[9].vowels != ()
    files = summary([tmp_path / c.file for c in clips])
    assert files["codecs"] == ["h264 aac"]
    assert files["longest_apart_s"] <= 1 / 25
    assert files["latest_start_s"] == 0
    assert files["index_first"]
    energy = vowel_energy(tmp_path / clips[0].file, clips[0], 5)
    assert energy.max() > 0


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no clips.jsonl in .*face-clips"):
        report(tmp_path, None)
    with pytest.raises(InputError, match="RAVDESS"):
        spread_recordings(tmp_path, 5)
    with pytest.raises(InputError, match="phoneme times"):
        recorded([Speech(np.zeros(10, np.float32), 16_000)])
    (tmp_path / "clips.jsonl").write_text(
        '{"file": "a.mp4", "kind": "lips", "avatar": "mia", "emotion": "sad", "vowels": []}\n'
    )
    with pytest.raises(InputError, match=r"no a.mp4 in"):
        report(tmp_path, None)


def test_silence_in_front_is_found() -> None:
    audio = np.r_[np.zeros(1600), 0.001 * np.ones(1600), 0.5 * np.ones(1600)].astype(np.float32)
    assert lead_in(audio, 16_000) == pytest.approx(0.2)


def _tracked(folder: Path, name: str, gap: np.ndarray) -> Clip:
    points = np.zeros((len(gap), 478, 2), np.float32)
    points[:, RIGHT_EYE, 0] = 100.0
    points[:, LOWER, 1] = 100 * gap
    np.savez(folder / f"{name}.npz", points=points)
    return Clip(f"{name}.mp4", "lips", "mia", "sad", (), ((0.4, 0.48),))


def test_lips_that_meet_and_lips_that_do_not(tmp_path: Path) -> None:
    gap = np.full(25, 0.1)
    never = _tracked(tmp_path, "never", gap)
    gap[11] = 0.01
    once = _tracked(tmp_path, "once", gap)
    assert closures(tmp_path, [never])["shut"] == 0.0
    assert closures(tmp_path, [once])["shut"] == 1.0
    assert closures(tmp_path, [once, never])["sounds"] == 2


def test_the_nearest_face_names_the_feeling() -> None:
    pages = np.stack([expression(e, 1.0) for e in EMOTIONS])
    for e in EMOTIONS:
        assert nearest(pages, expression(e, 0.9)) == e


def test_vowels_and_delay() -> None:
    speech = speech_like(0.6)
    assert len(vowels(speech)) >= 2
    late = delayed(speech, 0.2)
    assert len(late.audio) == len(speech.audio)
    assert not late.audio[: int(0.19 * late.sample_rate)].any()
    assert Clip("a", "lips", "b", "sad", ()).vowels == ()
