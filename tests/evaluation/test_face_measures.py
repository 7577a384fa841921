"""The measures measure: blur lowers sharpness, a shift is found, size and place do not matter."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from empatheia.evaluation.face_clips import Clip, cut, delayed, read_clips, vowels, write_clips
from empatheia.evaluation.face_measures import LEFT_EYE, RIGHT_EYE, best_lag, features, vowel_energy
from empatheia.evaluation.face_report import speech_like
from empatheia.evaluation.face_sharpness import cpbd


def test_blur_lowers_sharpness() -> None:
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 2, (16, 16)) * 200 + 20, np.ones((16, 16))).astype(np.uint8)
    sharp = np.repeat(image[..., None], 3, 2)
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    half = np.concatenate([sharp[:128], soft[128:]])
    assert cpbd(sharp) > 0.9
    assert cpbd(soft) < 0.1
    assert cpbd(soft) < cpbd(half) < cpbd(sharp)


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

    class Two(DrawnFace):
        def avatars(self):  # type: ignore[no-untyped-def]
            return super().avatars()[:1]

    speech = cut(speech_like(1.0), 0.3)
    face = Two.load(128)
    write_clips(face, [speech], tmp_path, lips=1, seconds=0.2, tell=lambda _: None)
    clips = read_clips(tmp_path)
    assert [c.kind for c in clips] == ["feeling"] * 8 + ["lips", "shifted"]
    assert all((tmp_path / c.file).is_file() for c in clips)
    energy = vowel_energy(tmp_path / clips[0].file, clips[0], 5)
    assert energy.max() > 0


def test_vowels_and_delay() -> None:
    speech = speech_like(0.6)
    assert len(vowels(speech)) >= 2
    late = delayed(speech, 0.2)
    assert len(late.audio) == len(speech.audio)
    assert not late.audio[: int(0.19 * late.sample_rate)].any()
    assert Clip("a", "lips", "b", "sad", ()).vowels == ()
