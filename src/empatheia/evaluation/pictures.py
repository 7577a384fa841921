"""Pictures against reference pictures: SSIM and PSNR, and how two clips are laid side by side.

SSIM is that of Wang et al. 2004: luminance, 11 x 11 Gaussian of sigma 1.5, K1 = .01, K2 = .03,
L = 255. They compare pictures of the same moment: same words, same person, same sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.media.video import read_video
from empatheia.types import ImageArray

SIZE: Final = 256
FPS: Final = 25.0
CUT: Final = "the middle square, where a video is not square"
SLACK: Final = 2  # pictures by which two counts of one file may differ
SSIM_SETTINGS: Final = {
    "channel": "luminance",
    "window": "Gaussian 11 x 11, sigma 1.5",
    "size": SIZE,
    "cut": CUT,
}
_C1, _C2, _EDGE = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 5


def _blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT))


def ssim_grey(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Two grey pictures of one size; mean over all places whose window lies inside."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = _blur(x), _blur(y)
    vx, vy = _blur(x * x) - mx * mx, _blur(y * y) - my * my
    both = _blur(x * y) - mx * my
    top = (2 * mx * my + _C1) * (2 * both + _C2)
    bottom = (mx * mx + my * my + _C1) * (vx + vy + _C2)
    return float((top / bottom)[_EDGE:-_EDGE, _EDGE:-_EDGE].mean())


def ssim(a: ImageArray, b: ImageArray) -> float:
    """Two RGB pictures, by their luminance (ITU-R BT.601)."""
    return ssim_grey(*(np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)) for x in (a, b)))


def psnr(a: ImageArray, b: ImageArray) -> float:
    """dB over all channels; infinite for equal pictures."""
    error = float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


@dataclass(frozen=True, slots=True)
class Clips:
    """The middle squares of two clips at 25 pictures a second and 256 pixels, cut to the shorter.

    ``notes`` say what had to change.
    """

    ours: ImageArray
    theirs: ImageArray
    notes: tuple[str, ...]


def side_by_side(ours: Path, theirs: Path) -> Clips:
    """Decode both the same way. Raises MediaError where one cannot be decoded."""
    shapes, notes, frames = [], [], []
    for path in (ours, theirs):
        shape = shape_of(path)
        shapes.append(shape)
        if min(shape.width, shape.height) < SIZE:
            notes.append(f"{path.name} was enlarged from {shape.width} x {shape.height}")
        frames.append(read_video(path, FPS, SIZE, crop=True).frames)
    notes += unlike(*shapes)
    count = min(map(len, frames))
    if len(frames[0]) != len(frames[1]):
        notes.append(f"other length: {len(frames[0])} and {len(frames[1])} pictures, cut")
    return Clips(frames[0][:count], frames[1][:count], tuple(notes))


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a video: pixels, pictures a second, how many it has, and how many its index promises."""

    width: int
    height: int
    rate: float
    frames: int
    promised: int  # 0 where the container does not say


def shape_of(path: Path) -> Shape:
    """By the container alone, nothing is decoded. Raises MediaError."""
    import av

    from empatheia.errors import MediaError

    try:
        with av.open(str(path)) as file:
            if not file.streams.video:
                raise MediaError(f"{path} has no pictures: give a video file")
            stream = file.streams.video[0]
            rate = float(stream.average_rate or FPS)
            parts = [part for part in file.demux(stream) if part.size and part.pts is not None]
            times = [float(part.pts * part.time_base) for part in parts]
            count = round((max(times) - min(times)) * rate) + 1 if times else 0
            return Shape(stream.width, stream.height, rate, count, stream.frames)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path} cannot be decoded as video: {error}") from error


def unlike(ours: Shape, theirs: Shape) -> list[str]:
    """In which of size and rate two videos differ, in words."""
    notes = []
    if (ours.width, ours.height) != (theirs.width, theirs.height):
        sizes = [f"{shape.width}x{shape.height}" for shape in (ours, theirs)]
        notes.append(f"other size: {' and '.join(sizes)}")
    if abs(ours.rate - theirs.rate) > 0.01:
        notes.append(f"other rate: {ours.rate:g} and {theirs.rate:g} pictures a second")
    return notes
