"""Five numbers of a recording that emotions move: pitch, its range, duration, energy, tilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import InputError
from empatheia.types import AudioArray, Speech

_RATE = 16000
_ACTIVE = 35.0  # dB under the loudest frame that still count as speech
_HOP, _WINDOW = 160, 512
_Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Acoustics:
    """Measured on the sound alone, whoever made it."""

    pitch: float  # Hz, geometric mean of F0 where voiced
    span: float  # semitones from the 10th to the 90th percentile of F0
    seconds: float  # from the first to the last active frame
    energy: float  # dB of full scale, mean power of active frames
    tilt: float  # dB an octave, slope of the spectrum from 250 Hz to 6 kHz


def _pitch(audio: AudioArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    import pyworld

    signal = np.ascontiguousarray(audio, np.float64)
    coarse, times = pyworld.dio(signal, _RATE, 60.0, 600.0, frame_period=10.0)
    return pyworld.stonemask(signal, coarse, times, _RATE)


def _frames(audio: AudioArray) -> tuple[_Rows, _Rows, NDArray[np.bool_]]:
    """Windows, their level in dB, and which are loud enough to be speech."""
    if len(audio) < _WINDOW * 4:
        raise InputError(f"{len(audio) / _RATE:.2f} s of sound are too short to measure")
    count = (len(audio) - _WINDOW) // _HOP + 1
    frames = audio[np.arange(_WINDOW)[None] + _HOP * np.arange(count)[:, None]]
    level = 10 * np.log10((frames**2).mean(1) + 1e-10)
    return frames, level, level > level.max() - _ACTIVE


def _octaves(audio: AudioArray, active: NDArray[np.bool_]) -> tuple[_Rows, float, float]:
    """log2 of F0 where voiced, and its 10th and 90th percentile."""
    f0 = _pitch(audio)[: len(active)]
    # Frames louder than average: pitch there is trustworthy even in a breathy or noisy take.
    logs = np.log2(f0[(f0 > 0) & active[: len(f0)]])
    if len(logs) < 10:
        raise InputError("no voiced speech could be heard in the recording")
    low, high = np.percentile(logs, [10, 90])
    # beyond lie octave errors of the tracker
    return logs[(logs > low - 0.6) & (logs < high + 0.6)], float(low), float(high)


def pitch_deviation(speech: Speech) -> float:
    """Semitones, standard deviation of F0 where voiced. Raises InputError as :func:`measure`."""
    return measured(speech)[1]


def measure(speech: Speech) -> Acoustics:
    """Measure one sentence. Raises InputError where no voice can be heard."""
    return measured(speech)[0]


def measured(speech: Speech) -> tuple[Acoustics, float]:
    """What :func:`measure` and :func:`pitch_deviation` tell, for one search of the pitch."""
    from empatheia.media.audio import resample

    audio = resample(speech.audio, speech.sample_rate, _RATE)
    frames, level, active = _frames(audio)
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    kept, low, high = _octaves(audio, active)
    where = np.flatnonzero(active)
    frequency = np.fft.rfftfreq(_WINDOW, 1 / _RATE)
    octaves = np.log2(np.maximum(frequency, 1.0))
    edges = np.arange(np.log2(250), np.log2(6000), 1 / 3)
    spectrum = power[active].mean(0)
    bands = [
        10 * np.log10(spectrum[(octaves >= e) & (octaves < e + 1 / 3)].mean() + 1e-12)
        for e in edges
    ]
    slope = np.polyfit(edges, bands, 1)[0]
    found = Acoustics(
        float(2 ** kept.mean()),
        float(12 * (high - low)),
        float((where[-1] - where[0] + 1) * _HOP / _RATE),
        float(10 * np.log10((10 ** (level[active] / 10)).mean())),
        float(slope),
    )
    return found, float(12 * kept.std())
