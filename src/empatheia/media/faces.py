"""Where the face is in a clip, and cutting it out.

With scikit-image installed its frontal-face cascade (it comes in the wheel, nothing is fetched)
looks for it; else, or where it sees none, the middle of the picture is taken and the result says
so. OpenCV is no help: its cascades are gone since version 5, and YuNet is a file of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from empatheia.errors import InputError
from empatheia.types import ImageArray

Box = tuple[int, int, int, int]  # top, left, height, width in pixels
LOOKED_AT = 3  # pictures of a clip in which a face is looked for
COUNTED_IN = 12  # pictures in which faces are counted
SEEN_IN = 2  # of these: what is seen less often is no face (docs/experiments.md)
WIDER = 1.35  # the cascade's box goes from brow to chin
FILLED = 0.7  # of the shorter side: a box as large says that the picture is a portrait
FEATURES, ABOVE = 0.84, 0.15  # shares of a portrait: brow to chin, and what is above
_SIDE = 160  # pixels of the shorter side in which it looks
_SMALLEST = 32


@dataclass(frozen=True, slots=True)
class Faces:
    """The one box for a whole clip. ``count`` is how many faces the cascade saw, None: no cascade.

    ``how`` is "cascade" or "centre".
    """

    box: Box
    count: int | None
    how: Literal["cascade", "centre"]

    @property
    def note(self) -> str | None:
        """What a person should know about the choice."""
        if self.count is None:
            return "no face detector: the middle is taken (pip install 'empatheia[listen]')"
        if self.count == 0:
            return "no upright face is seen: the middle of the picture is taken"
        return f"{self.count} faces are seen: the largest is taken" if self.count > 1 else None


class FaceFinder:
    """Finds the largest face; one object may be used for many clips."""

    def __init__(self) -> None:
        self._cascade: Any = None

    @staticmethod
    def available() -> bool:
        return importlib.util.find_spec("skimage") is not None

    def find(self, frames: ImageArray) -> Faces:
        """(frames, height, width, 3) uint8 -> the median box of some pictures."""
        if frames.ndim != 4 or frames.shape[-1] != 3 or len(frames) == 0:
            raise InputError(f"pictures have shape {frames.shape}: give (frames, height, width, 3)")
        if not self.available():
            return Faces(centre(*frames.shape[1:3]), None, "centre")
        chosen = np.linspace(0, len(frames) - 1, min(LOOKED_AT, len(frames))).round().astype(int)
        found = [self._in(frames[i]) for i in chosen]
        largest = [max(boxes, key=lambda b: b[2]) for boxes in found if boxes]
        if not largest:
            return Faces(centre(*frames.shape[1:3]), 0, "centre")
        top, left, height, width = np.median(np.array(largest), axis=0)
        count = round(float(np.median([len(boxes) for boxes in found if boxes])))
        return Faces(_wider(top, left, height, width, frames.shape[1:3]), count, "cascade")

    def count(self, frames: ImageArray) -> int:
        """How many faces are in view in a sixth of the clip, or more of it.

        (frames, height, width, 3) uint8. Only where :meth:`available`.
        """
        chosen = np.linspace(0, len(frames) - 1, min(COUNTED_IN, len(frames))).round().astype(int)
        counts = sorted((len(self._in(frames[i])) for i in chosen), reverse=True)
        return counts[min(SEEN_IN, len(counts)) - 1]

    def _in(self, picture: ImageArray) -> list[Box]:
        if self._cascade is None:
            data, feature = (importlib.import_module(f"skimage.{n}") for n in ("data", "feature"))
            self._cascade = feature.Cascade(data.lbp_frontal_face_cascade_filename())
        scale = min(_SIDE / min(picture.shape[:2]), 1.0)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = self._cascade.detect_multi_scale(
            img=small,
            scale_factor=1.2,
            step_ratio=1.25,
            min_size=(_SMALLEST, _SMALLEST),
            max_size=(min(small.shape[:2]), min(small.shape[:2])),
        )
        sides = ("r", "c", "height", "width")
        rows = [[round(f[s] / scale) for s in sides] for f in found]
        return _one_each([(row[0], row[1], row[2], row[3]) for row in rows])


def _one_each(boxes: list[Box]) -> list[Box]:
    """The largest box of each face: the cascade often finds the same one twice."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b[2]):
        row, column = box[0] + box[2] / 2, box[1] + box[3] / 2
        inside = (k[0] <= row <= k[0] + k[2] and k[1] <= column <= k[1] + k[3] for k in kept)
        if not any(inside):
            kept.append(box)
    return kept


def centre(height: int, width: int) -> Box:
    """The largest square in the middle."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def _wider(top: float, left: float, height: float, width: float, shape: tuple[int, ...]) -> Box:
    """A square around a box, moved to lie inside the picture."""
    side = min(round(max(height, width) * WIDER), *shape)
    row = round(top + height / 2 - side / 2)
    column = round(left + width / 2 - side / 2)
    return (
        min(max(row, 0), shape[0] - side),
        min(max(column, 0), shape[1] - side),
        side,
        side,
    )


def framed(box: Box, height: int, width: int) -> Box:
    """``box``, or where the face fills the picture, a place that does not depend on the finder.

    A cascade's box jumps by a tenth of its size; next to that a raised brow is nothing.
    """
    side = min(height, width)
    if box[2] < FILLED * side:
        return box
    part = round(FEATURES * side)
    return (height - side) // 2 + round(ABOVE * side), (width - part) // 2, part, part


def cut(frames: ImageArray, box: Box, size: int) -> ImageArray:
    """The box of every picture, scaled to ``size`` x ``size``."""
    top, left, height, width = box
    part = frames[:, top : top + height, left : left + width]
    how = cv2.INTER_AREA if height > size else cv2.INTER_LINEAR
    return np.stack([cv2.resize(p, (size, size), interpolation=how) for p in part])
