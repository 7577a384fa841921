"""WORLD's frames: taken apart and put together, and changed by known amounts."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.speech.acoustics import measure
from empatheia.speech.loudness import loudness
from empatheia.speech.world.features import BANDS, SAMPLE_RATE, Frames, analyse, synthesise
from empatheia.speech.world.variation import Variation, at_level, retime, vary
from empatheia.types import Speech


def vowel(pitch: float = 140.0, seconds: float = 0.8, rate: int = 16000) -> np.ndarray:
    """A gliding buzz through three resonances, like a long "ah"."""
    from scipy.signal import lfilter

    t = np.arange(int(seconds * rate)) / rate
    phase = np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * t)) / rate)
    audio = (np.diff(np.floor(phase), prepend=0.0) > 0).astype(np.float64)
    for centre, width in ((700, 90), (1200, 110), (2600, 160)):
        r = np.exp(-np.pi * width / rate)
        audio = lfilter([1.0], [1, -2 * r * np.cos(2 * np.pi * centre / rate), r * r], audio)
    return (0.3 * audio / np.abs(audio).max()).astype(np.float32)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return analyse(vowel(), 16000)


def test_taking_apart_and_putting_together(frames: Frames) -> None:
    again = synthesise(frames)
    assert len(again) == len(frames) * 120
    assert loudness(again, SAMPLE_RATE) == pytest.approx(loudness(vowel(), 16000), abs=1.5)
    assert frames.known_bands < BANDS


def test_changes_have_the_size_they_say(frames: Frames) -> None:
    plain = measure(Speech(synthesise(frames), SAMPLE_RATE))
    higher = vary(frames, Variation(pitch=1.4, span=1.5))
    heard = measure(Speech(synthesise(higher), SAMPLE_RATE))
    assert heard.pitch / plain.pitch == pytest.approx(1.4, rel=0.04)
    assert heard.span / plain.span == pytest.approx(1.5, rel=0.15)
    bright = vary(frames, Variation(tilt=2.0))
    assert measure(Speech(synthesise(bright), SAMPLE_RATE)).tilt - plain.tilt > 1.0


def test_formants_move(frames: Frames) -> None:
    def peak(some: Frames) -> float:
        return float(some.envelope[40:-40, 20:45].mean(0).argmax())

    assert peak(vary(frames, Variation(formants=1.12))) > peak(frames)
    assert peak(vary(frames, Variation(formants=0.88))) < peak(frames)


def test_level_and_time(frames: Frames) -> None:
    louder, audio = at_level(frames, -18.0)
    assert loudness(audio, SAMPLE_RATE) == pytest.approx(-18.0, abs=0.1)
    assert loudness(synthesise(louder), SAMPLE_RATE) == pytest.approx(-18.0, abs=0.3)
    slow = retime(frames, np.linspace(0, len(frames) - 1, 2 * len(frames)))
    assert len(slow) == 2 * len(frames)
    assert np.median(slow.f0[slow.f0 > 0]) == pytest.approx(
        np.median(frames.f0[frames.f0 > 0]), rel=0.02
    )


def test_nothing_changes_where_nothing_is_asked(frames: Frames) -> None:
    same = vary(frames, Variation())
    assert np.allclose(same.f0, frames.f0, rtol=1e-4)
    assert np.allclose(same.envelope, frames.envelope)
    assert np.allclose(same.aperiodicity, frames.aperiodicity)
