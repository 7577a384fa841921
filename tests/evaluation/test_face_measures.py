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
from empatheia.evaluation.face_sharpness import cpbd
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


def test_sharpness_against_a_plain_count() -> None:
    """Widths counted pixel by pixel, as the release writes it down."""
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (64, 64)), (0, 0), 1.2)
    grey = np.clip(128 + 90 * noise / noise.std(), 0, 255).astype(np.uint8)
    x = grey.astype(float)
    wide = np.pad(x, 1, "reflect")
    step = wide[:, 2:] - wide[:, :-2]
    p = ((step[:-2] + 2 * step[1:-1] + step[2:]) / 8) ** 2
    dy, dx = np.gradient(x)
    sharp = total = 0
    for r in range(1, 63):
        for c in range(1, 63):
            thin = p[r, c - 1] <= p[r, c] > p[r, c + 1] or p[r - 1, c] <= p[r, c] > p[r + 1, c]
            angle = abs(np.round(np.degrees(np.arctan2(dy[r, c], dx[r, c])) / 45) * 45)
            if p[r, c] <= 4 or not thin or angle not in (0.0, 180.0):
                continue
            sign = 1 if angle == 0 else -1
            left, right = c - 1, c + 1
            while left > 0 and sign * (x[r, left] - x[r, left - 1]) > 0:
                left -= 1
            while right < 63 and sign * (x[r, right + 1] - x[r, right]) > 0:
                right += 1
            blur = 1 - np.exp(-(((right - left) / 3) ** 3.6))
            sharp += round(100 * blur) <= 63
            total += 1
    assert total > 100
    assert cpbd(np.repeat(grey[..., None], 3, 2)) == pytest.approx(sharp / total)


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
