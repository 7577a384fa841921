"""Do lips and sound go together: how far the movement of the mouth lags behind the loudness.

No landmarks are needed: where one face fills the picture, what changes in the lower middle of it
with the rhythm of syllables is the mouth. Slow changes (the head, the light) are taken off both
sides. Each of 16 x 12 blocks may brighten or darken with loudness, so the size of its correlation
counts.
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
BLOCKS: Final = (16, 12)
SLOW: Final = 13  # pictures; what changes more slowly is not speech
MOVES: Final = 1.0  # least agreement; a speaking face has 3 to 6, a still picture 0.2
SURE: Final = 2.0  # of 219 clips in step none reached it at a wrong lag (docs/experiments.md)


@dataclass(frozen=True, slots=True)
class Lag:
    """``seconds`` by which the sound is late (negative: early).

    ``sureness`` is the best shift's agreement over that of the shift in the middle; below
    :data:`SURE` the lag means nothing. 0 where nothing moves, nothing is heard, or it is too short.
    """

    seconds: float
    sureness: float


def lag(video: Video, speech: Speech) -> Lag:
    """The shift at which mouth and loudness agree best."""
    mouth = _fast(_mouth(video))
    loud = _fast(_loudness(speech, len(mouth), video.fps)[:, None])[:, 0]
    if len(mouth) < 4 * REACH or mouth.std() < 1e-6 or loud.std() < 1e-6:
        return Lag(0.0, 0.0)
    shifts = range(-REACH, REACH + 1)
    agreement = np.array([_agreement(mouth, loud, shift) for shift in shifts])
    best = int(agreement.argmax())
    usual = float(np.median(agreement))
    if agreement[best] < MOVES:
        return Lag(0.0, 0.0)
    return Lag((best - REACH) / video.fps, float(agreement[best] / usual))


def _agreement(mouth: NDArray[np.float64], loud: NDArray[np.float64], shift: int) -> float:
    """Root of the summed squares of the blocks' correlations; quiet blocks count little."""
    a = mouth[max(0, -shift) : len(mouth) - max(0, shift)]
    b = loud[max(0, shift) : len(loud) - max(0, -shift)]
    a = (a - a.mean(0)) / (a.std(0) + 1.0)  # 1.0: one grey level of 255
    b = (b - b.mean()) / (b.std() + 1e-9)
    return float(np.sqrt(((a * b[:, None]).mean(0) ** 2).sum()))


def _mouth(video: Video) -> NDArray[np.float64]:
    """Grey levels of the blocks where the mouth is, (frames, blocks)."""
    import cv2

    height, width = video.frames.shape[1:3]
    rows = slice(*(round(share * height) for share in ROWS))
    columns = slice(*(round(share * width) for share in COLUMNS))
    grey = (frame[rows, columns].mean(-1, dtype=np.float32) for frame in video.frames)
    small = [cv2.resize(g, BLOCKS, interpolation=cv2.INTER_AREA) for g in grey]
    return np.stack(small).reshape(len(small), -1).astype(np.float64)


def _loudness(speech: Speech, frames: int, fps: float) -> NDArray[np.float64]:
    """Root mean square of the sound in each picture's time, (frames,)."""
    edges = np.round(np.arange(frames + 1) / fps * speech.sample_rate).astype(int)
    edges = np.minimum(edges, len(speech.audio))
    square = np.r_[0.0, np.cumsum(speech.audio.astype(np.float64) ** 2)]
    power = np.diff(square[edges]) / np.maximum(np.diff(edges), 1)
    return np.convolve(np.sqrt(power), [0.25, 0.5, 0.25], "same")


def _fast(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, columns) without the moving average over ``SLOW`` frames."""
    half = SLOW // 2
    padded = np.pad(values, ((half + 1, half), (0, 0)), "edge")
    total = np.cumsum(padded, 0)
    return values - (total[SLOW:] - total[:-SLOW]) / SLOW
