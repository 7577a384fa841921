"""A voice as WORLD sees it: pitch, spectral envelope and aperiodicity, 200 times a second.

The envelope is kept as the logarithm of the amplitude at ``BANDS`` points, evenly spaced in mel up
to 12 kHz; a voice recorded at 16 kHz fills the lower ones only and says so in ``known``. WORLD:
Morise, Yokomori, Ozawa (2016), through ``pyworld``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from empatheia.types import AudioArray

FloatArray = NDArray[np.float32]

SAMPLE_RATE = 24000
FRAME_SECONDS = 0.005
BANDS = 64
APERIODICITY_BANDS = 3  # at 3, 6 and 9 kHz
FFT_SIZE = 1024  # at 24 kHz
F0_FLOOR, F0_CEIL = 60.0, 550.0
SILENCE = -12.0  # log amplitude of an empty band


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """``f0`` in Hz (0: unvoiced), ``envelope`` log amplitude, ``aperiodicity`` in dB (<= 0)."""

    f0: FloatArray  # (frames,)
    envelope: FloatArray  # (frames, BANDS)
    aperiodicity: FloatArray  # (frames, APERIODICITY_BANDS)
    known_bands: int = BANDS  # the bands above were not in the recording
    known_aperiodicity: int = APERIODICITY_BANDS

    def __len__(self) -> int:
        return len(self.f0)


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Frequency in Hz -> mel (O'Shaughnessy)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0))


def hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of :func:`mel`."""
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


@lru_cache(maxsize=1)
def band_hertz() -> NDArray[np.float64]:
    """Frequencies of the ``BANDS`` points of an envelope."""
    return hertz(np.linspace(0.0, float(mel(SAMPLE_RATE / 2)), BANDS))


@lru_cache(maxsize=4)
def _to_bands(sample_rate: int, bins: int) -> NDArray[np.float64]:
    """(bins, bands): triangles one band wide, each summing to one; empty above Nyquist."""
    frequency = np.linspace(0, sample_rate / 2, bins)
    centre = np.linspace(0.0, float(mel(SAMPLE_RATE / 2)), BANDS)
    width = centre[1] - centre[0]
    weight = np.clip(1 - np.abs(mel(frequency)[:, None] - centre[None]) / width, 0, None)
    return weight / np.maximum(weight.sum(0, keepdims=True), 1e-9)


@lru_cache(maxsize=2)
def _from_bands(bins: int) -> NDArray[np.float64]:
    """(bands, bins at 24 kHz): linear interpolation along the mel axis."""
    position = mel(np.linspace(0, SAMPLE_RATE / 2, bins))
    position = position / position[-1] * (BANDS - 1)
    left = np.clip(np.floor(position).astype(int), 0, BANDS - 2)
    part = position - left
    weight = np.zeros((BANDS, bins))
    weight[left, np.arange(bins)] = 1 - part
    weight[left + 1, np.arange(bins)] += part
    return weight


def analyse(audio: AudioArray, sample_rate: int) -> Frames:
    """Take a recording apart. Known bands follow from its sample rate (8 to 48 kHz)."""
    import pyworld

    signal = np.ascontiguousarray(audio, np.float64)
    coarse, times = pyworld.dio(
        signal, sample_rate, F0_FLOOR, F0_CEIL, frame_period=1000 * FRAME_SECONDS
    )
    f0 = pyworld.stonemask(signal, coarse, times, sample_rate)
    power = pyworld.cheaptrick(signal, f0, times, sample_rate)
    noise = pyworld.d4c(signal, f0, times, sample_rate)
    coded = pyworld.code_aperiodicity(noise, sample_rate)[:, :APERIODICITY_BANDS]
    filled = np.zeros((len(f0), APERIODICITY_BANDS))
    filled[:, : coded.shape[1]] = coded
    # WORLD's envelope grows with the square root of the sample rate: bring it to 24 kHz.
    log_amplitude = 0.5 * np.log(np.maximum(power * SAMPLE_RATE / sample_rate, 1e-16))
    bands = log_amplitude @ _to_bands(sample_rate, power.shape[1])
    known = int((band_hertz() < sample_rate / 2 * 0.95).sum())
    bands[:, known:] = SILENCE
    return Frames(
        f0.astype(np.float32),
        np.maximum(bands, SILENCE).astype(np.float32),
        filled.astype(np.float32),
        known,
        min(coded.shape[1], APERIODICITY_BANDS),
    )


def synthesise(frames: Frames) -> AudioArray:
    """Sound of ``frames`` at 24 kHz, ``len(frames) * 120`` samples; may exceed [-1, 1]."""
    import pyworld

    if len(frames) == 0:
        return np.zeros(0, np.float32)
    bins = FFT_SIZE // 2 + 1
    power = np.exp(2.0 * (frames.envelope.astype(np.float64) @ _from_bands(bins)))
    noise = pyworld.decode_aperiodicity(
        np.ascontiguousarray(np.minimum(frames.aperiodicity, 0.0), np.float64),
        SAMPLE_RATE,
        FFT_SIZE,
    )
    audio = pyworld.synthesize(
        np.ascontiguousarray(frames.f0, np.float64),
        np.ascontiguousarray(power),
        np.ascontiguousarray(noise),
        SAMPLE_RATE,
        1000 * FRAME_SECONDS,
    )
    samples = round(len(frames) * FRAME_SECONDS * SAMPLE_RATE)
    out = np.zeros(samples, np.float32)
    out[: min(samples, len(audio))] = audio[:samples]
    return out
