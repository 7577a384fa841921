"""Loudness as ears judge it (ITU-R BS.1770-4); a reply at -23 LUFS, without clipping."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from empatheia.types import AudioArray

TARGET_LUFS = -23.0
SILENT = -70.0  # LUFS; the absolute gate of the standard
PEAK = 0.97
_BLOCK, _HOP = 0.4, 0.1  # seconds
_ROUNDS, _NEAR = 8, 0.1  # tries to reach a loudness, and how near is enough (LU)


@lru_cache(maxsize=8)
def _k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """The standard's two filters (high shelf, high pass) for any sample rate, as sections."""
    tan = math.tan(math.pi * 1681.974450955533 / sample_rate)
    gain, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    band = gain**0.4996667741545416
    norm = 1 + tan / q + tan * tan
    shelf = [
        (gain + band * tan / q + tan * tan) / norm,
        2 * (tan * tan - gain) / norm,
        (gain - band * tan / q + tan * tan) / norm,
        1.0,
        2 * (tan * tan - 1) / norm,
        (1 - tan / q + tan * tan) / norm,
    ]
    tan, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    norm = 1 + tan / q + tan * tan
    high = [1.0, -2.0, 1.0, 1.0, 2 * (tan * tan - 1) / norm, (1 - tan / q + tan * tan) / norm]
    return np.array([shelf, high])


def loudness(audio: AudioArray, sample_rate: int) -> float:
    """Integrated loudness in LUFS; ``SILENT`` for silence. Under 0.4 s is one block."""
    from scipy.signal import sosfilt

    if len(audio) == 0:
        return SILENT
    weighted = sosfilt(_k_weighting(sample_rate), audio.astype(np.float64))
    block, hop = int(_BLOCK * sample_rate), int(_HOP * sample_rate)
    energy = np.concatenate([[0.0], np.cumsum(weighted**2)])
    starts = np.arange(0, max(len(audio) - block, 0) + 1, hop)
    ends = np.minimum(starts + block, len(audio))
    power = (energy[ends] - energy[starts]) / np.maximum(ends - starts, 1)
    power = power[power > 10 ** ((SILENT + 0.691) / 10)]
    if len(power) == 0:
        return SILENT
    gate = power.mean() * 0.1  # 10 LU below the loudness of what is left
    return float(-0.691 + 10 * np.log10(power[power > gate].mean()))


def limit(audio: AudioArray, sample_rate: int) -> AudioArray:
    """Hold peaks under ``PEAK`` with a gain that moves slowly; quiet sound is left untouched."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak <= PEAK:
        return audio
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    gain = np.minimum(1.0, PEAK / np.maximum(np.abs(audio), 1e-9))
    width = max(3, int(0.005 * sample_rate) | 1)
    smooth = uniform_filter1d(minimum_filter1d(gain, 2 * width + 1), width)
    return (audio * smooth).astype(np.float32)


def normalise(audio: AudioArray, sample_rate: int, target: float = TARGET_LUFS) -> AudioArray:
    """Sound at ``target`` LUFS (within 1) and below full scale; silence stays silence."""
    out = audio.astype(np.float32)
    for _ in range(_ROUNDS):  # the limiter takes a little away, so ask again
        now = loudness(out, sample_rate)
        if now <= SILENT or abs(now - target) < _NEAR:
            return out
        out = limit((out * 10 ** ((target - now) / 20)).astype(np.float32), sample_rate)
    return out
