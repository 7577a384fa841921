"""Mel features as lip-sync measures read them: the filter bank and MFCC of SyncNet's tools.

The numbers are those of python_speech_features with its default settings (16 kHz, 25 ms windows
every 10 ms, 26 mel filters over 512 bins, no window function, pre-emphasis 0.97, lifter 22, the
first coefficient replaced by the log energy).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
_WINDOW, _STEP, _BINS, _FILTERS = 400, 160, 512, 26
_EMPHASIS, _LIFTER = 0.97, 22


def _bank() -> NDArray[np.float64]:
    """(filters, bins) triangles between points evenly spaced on the mel scale, 0 to 8 kHz."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_BINS + 1) * hertz / RATE)
    bins = np.arange(_BINS // 2 + 1)
    up = (bins - edges[:-2, None]) / np.maximum(np.diff(edges)[:-1, None], 1)
    down = (edges[2:, None] - bins) / np.maximum(np.diff(edges)[1:, None], 1)
    inside = (bins >= edges[:-2, None]) & (bins < edges[2:, None])
    return np.where(inside, np.minimum(up, down).clip(0), 0.0)


def mel_energies(audio: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(frames, 26) energies and (frames,) total energy of sound at 16 kHz, 100 frames a second."""
    sound = np.r_[audio[:1], audio[1:] - _EMPHASIS * audio[:-1]]
    count = 1 + max(0, -(-(len(sound) - _WINDOW) // _STEP))
    padded = np.zeros((count - 1) * _STEP + _WINDOW)
    padded[: len(sound)] = sound[: len(padded)]
    frames = padded[np.arange(count)[:, None] * _STEP + np.arange(_WINDOW)]
    power = np.abs(np.fft.rfft(frames, _BINS)) ** 2 / _BINS
    tiny = np.finfo(float).eps
    total = power.sum(1)
    mel = power @ _bank().T
    return np.where(mel == 0, tiny, mel), np.where(total == 0, tiny, total)


def mfcc(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 13) of sound at 16 kHz on the scale of 16-bit integers."""
    from scipy.fft import dct

    mel, total = mel_energies(audio)
    found = dct(np.log(mel), type=2, axis=1, norm="ortho")[:, :13]
    n = np.arange(13)
    found = found * (1 + _LIFTER / 2 * np.sin(np.pi * n / _LIFTER))
    found[:, 0] = np.log(total)
    return np.asarray(found)
