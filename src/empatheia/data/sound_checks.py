"""What a recording sounds like, in a few numbers: level, clipping, noise, how much is speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from empatheia.types import AudioArray, Speech

WINDOW: Final = 0.02  # seconds
FLOOR_DB: Final = -90.0


@dataclass(frozen=True, slots=True)
class Sound:
    """``loud``: 95th percentile of the windows' level in dB of full scale; ``snr``: that above the
    10th percentile, of windows that are not digital silence; ``speech``: share of windows within 30
    dB of ``loud``; ``clipped``: share of samples in runs at full scale."""

    seconds: float
    peak: float
    loud: float
    snr: float
    speech: float
    clipped: float


def measure(speech: Speech) -> Sound:
    """The numbers of one recording."""
    audio = speech.audio
    size = max(round(WINDOW * speech.sample_rate), 1)
    count = max(len(audio) // size, 1)
    windows = np.resize(audio, count * size) if len(audio) < size else audio[: count * size]
    power = np.mean(windows.reshape(count, size).astype(np.float64) ** 2, 1)
    level = np.maximum(10 * np.log10(power + 1e-12), FLOOR_DB)
    loud = float(np.percentile(level, 95))
    heard = level[level > FLOOR_DB + 1]
    quiet = float(np.percentile(heard, 10)) if len(heard) else FLOOR_DB
    speaking = level > max(loud - 30.0, -55.0)
    return Sound(
        seconds=speech.seconds,
        peak=float(np.abs(audio).max(initial=0.0)),
        loud=loud,
        snr=loud - quiet,
        speech=float(speaking.mean()),
        clipped=_clipped(audio),
    )


def _clipped(audio: AudioArray) -> float:
    """Samples that stay at full scale for three or more in a row."""
    full = np.abs(audio) >= 0.999
    runs = full[2:] & full[1:-1] & full[:-2]
    return float(runs.mean()) if len(runs) else 0.0


def pitch(speech: Speech) -> float | None:
    """Median of the fundamental frequency in Hz where there is voice; None where there is none."""
    import pyworld

    audio = speech.audio.astype(np.float64)
    f0, _ = pyworld.dio(audio, speech.sample_rate, f0_floor=60, f0_ceil=600, frame_period=10)
    voiced = f0[f0 > 0]
    return float(np.median(voiced)) if len(voiced) >= 10 else None
