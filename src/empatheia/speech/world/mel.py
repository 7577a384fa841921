"""What the style encoder hears: 80 mel bands up to 7.6 kHz, 80 times a second, level kept.

The window is long (64 ms), so that the harmonics of a low voice stand apart and pitch can be read.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from empatheia.speech.world.features import SAMPLE_RATE, FloatArray, hertz, mel
from empatheia.types import AudioArray

MEL_BANDS = 80
HOP = 300  # samples at 24 kHz
WINDOW, FFT = 1536, 2048
TOP_HERTZ = 7600.0
_FLOOR = 1e-5


@lru_cache(maxsize=1)
def _filters() -> FloatArray:
    """(bins, MEL_BANDS) triangles in mel."""
    frequency = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    edges = hertz(np.linspace(float(mel(50.0)), float(mel(TOP_HERTZ)), MEL_BANDS + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequency[:, None] - low) / (centre - low)
    falling = (high - frequency[:, None]) / (high - centre)
    weight = np.clip(np.minimum(rising, falling), 0, None)
    return (weight / np.maximum(weight.sum(0), 1e-3)).astype(np.float32)


def log_mel(audio: AudioArray) -> FloatArray:
    """(samples at 24 kHz,) -> (frames, MEL_BANDS), natural logarithm of magnitude, about 0 +- 2."""
    from scipy.fft import rfft

    padded = np.pad(audio.astype(np.float32), (WINDOW // 2, WINDOW // 2))
    count = 1 + max(0, (len(padded) - WINDOW) // HOP)
    index = np.arange(WINDOW)[None] + HOP * np.arange(count)[:, None]
    window = np.hanning(WINDOW).astype(np.float32)
    spectrum = np.abs(rfft(padded[index] * window, FFT, axis=1))  # float32 stays float32
    out = (np.log(spectrum @ _filters() + _FLOOR * WINDOW) + 1.0) / 2.0
    return out.astype(np.float32)
