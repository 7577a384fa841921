"""BS.1770 on signals whose loudness is known, and normalisation that never clips."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.speech.loudness import PEAK, SILENT, limit, loudness, normalise

RATE = 24000


def sine(hertz: float, level_db: float, seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 24000, 48000])
def test_the_standard_tone(rate: int) -> None:
    # A 997 Hz sine at full scale in one channel measures -3.01 LUFS (BS.1770-4, annex 1).
    assert loudness(sine(997, 0.0, rate=rate), rate) == pytest.approx(-3.01, abs=0.1)
    assert loudness(sine(997, -20.0, rate=rate), rate) == pytest.approx(-23.01, abs=0.1)


def test_silence_between_words_does_not_count() -> None:
    tone = sine(997, -20.0)
    assert loudness(np.concatenate([tone, np.zeros_like(tone)]), RATE) == pytest.approx(
        loudness(tone, RATE), abs=0.6
    )
    assert loudness(np.zeros(RATE, np.float32), RATE) == SILENT
    assert loudness(np.zeros(0, np.float32), RATE) == SILENT


@pytest.mark.parametrize("level_db", [-50.0, -23.0, 0.0])
def test_normalised_sound_is_at_the_target(level_db: float) -> None:
    out = normalise(sine(300, level_db), RATE)
    assert loudness(out, RATE) == pytest.approx(-23.0, abs=0.2)


def test_peaks_are_held_without_clipping() -> None:
    rng = np.random.default_rng(0)
    audio = (0.02 * rng.standard_normal(2 * RATE)).astype(np.float32)
    audio[::6000] = 0.9
    out = normalise(audio, RATE)
    assert np.abs(out).max() <= PEAK + 1e-6
    assert loudness(out, RATE) == pytest.approx(-23.0, abs=1.0)
    quiet = sine(200, -10.0)
    assert limit(quiet, RATE) is quiet
