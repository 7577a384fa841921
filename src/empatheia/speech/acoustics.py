"""Five numbers of a recording that emotions move: pitch, its range, duration, energy, tilt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from empatheia.errors import InputError
from empatheia.types import AudioArray, Speech

_RATE = 16000
_ACTIVE = 35.0  # dB under the loudest frame that still count as speech
_HOP, _WINDOW = 160, 512


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


def measure(speech: Speech) -> Acoustics:
    """Measure one sentence. Raises InputError where no voice can be heard."""
    from empatheia.media.audio import resample

    audio = resample(speech.audio, speech.sample_rate, _RATE)
    if len(audio) < _WINDOW * 4:
        raise InputError(f"{speech.seconds:.2f} s of sound are too short to measure")
    count = (len(audio) - _WINDOW) // _HOP + 1
    frames = audio[np.arange(_WINDOW)[None] + _HOP * np.arange(count)[:, None]]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    level = 10 * np.log10((frames**2).mean(1) + 1e-10)
    active = level > level.max() - _ACTIVE
    f0 = _pitch(audio)[:count]
    # Frames louder than average: pitch there is trustworthy even in a breathy or noisy take.
    logs = np.log2(f0[(f0 > 0) & active[: len(f0)]])
    if len(logs) < 10:
        raise InputError("no voiced speech could be heard in the recording")
    low, high = np.percentile(logs, [10, 90])
    kept = logs[(logs > low - 0.6) & (logs < high + 0.6)]  # octave errors of the tracker
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
    return Acoustics(
        float(2 ** kept.mean()),
        float(12 * (high - low)),
        float((where[-1] - where[0] + 1) * _HOP / _RATE),
        float(10 * np.log10((10 ** (level[active] / 10)).mean())),
        float(slope),
    )
