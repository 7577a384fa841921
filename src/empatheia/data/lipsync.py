"""Do lips and sound go together: how far the movement of the mouth lags behind the loudness.

No landmarks are needed: where one face fills the picture, what moves in the lower middle of it is
the mouth. The measure is meant for recordings that are off by a tenth of a second or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from empatheia.types import Speech, Video

REACH: Final = 12  # pictures that sound may be early or late
ROWS: Final = (0.55, 0.9)  # where the mouth is, shares of height and width
COLUMNS: Final = (0.25, 0.75)


@dataclass(frozen=True, slots=True)
class Lag:
    """``seconds`` by which the sound is late (negative: early), at ``correlation``."""

    seconds: float
    correlation: float


def lag(video: Video, speech: Speech) -> Lag:
    """The shift at which mouth and loudness agree best; correlation 0 where nothing moves."""
    mouth = _mouth(video)
    loud = _loudness(speech, len(mouth), video.fps)
    best, place = 0.0, 0
    for shift in range(-REACH, REACH + 1):
        a = mouth[max(0, -shift) : len(mouth) - max(0, shift)]
        b = loud[max(0, shift) : len(loud) - max(0, -shift)]
        if len(a) < 2 * REACH or a.std() < 1e-9 or b.std() < 1e-9:
            continue
        value = float(np.corrcoef(a, b)[0, 1])
        if value > best:
            best, place = value, shift
    return Lag(place / video.fps, best)


def _mouth(video: Video) -> NDArray[np.float64]:
    """How much the mouth's part of each picture differs from its usual look, (frames,)."""
    height, width = video.frames.shape[1:3]
    rows = slice(*(round(share * height) for share in ROWS))
    columns = slice(*(round(share * width) for share in COLUMNS))
    part = video.frames[:, rows, columns].astype(np.float32).mean(-1)
    usual = np.median(part, 0)
    return _smooth(np.abs(part - usual).mean((1, 2)).astype(np.float64))


def _loudness(speech: Speech, frames: int, fps: float) -> NDArray[np.float64]:
    edges = np.round(np.arange(frames + 1) / fps * speech.sample_rate).astype(int)
    edges = np.minimum(edges, len(speech.audio))
    square = np.r_[0.0, np.cumsum(speech.audio.astype(np.float64) ** 2)]
    power = np.diff(square[edges]) / np.maximum(np.diff(edges), 1)
    return _smooth(np.sqrt(power))


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(values, [0.25, 0.5, 0.25], "same")
