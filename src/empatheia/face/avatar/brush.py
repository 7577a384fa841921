"""Fast brush for the parts that move: draws straight into a uint8 RGBA texture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.canvas import Colour, Points

Texture = NDArray[np.uint8]  # (h, w, 4), premultiplied
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Brush:
    """``scale`` pixels a unit; ``texture`` is changed in place."""

    texture: Texture
    scale: float

    def fixed(self, points: Points, x: int = 0, y: int = 0) -> NDArray[np.int32]:
        one = 1 << _SHIFT
        out = points * (self.scale * one)
        out[:, 0] -= x * one + one / 2 - 0.5  # and half a step to round
        out[:, 1] -= y * one + one / 2 - 0.5
        return np.floor(out).astype(np.int32)

    def fill(self, points: Points, colour: Colour) -> None:
        """An opaque polygon with smooth edges."""
        r, g, b = (round(255 * min(max(c, 0.0), 1.0)) for c in colour)
        cv2.fillPoly(self.texture, [self.fixed(points)], (r, g, b, 255), cv2.LINE_AA, _SHIFT)

    def box(self, points: Points, margin: float) -> tuple[int, int, int, int]:
        """Pixel rectangle (x0, y0, x1, y1) around ``points``, inside the texture."""
        x, y, scale = points[:, 0], points[:, 1], self.scale
        h, w = self.texture.shape[:2]
        return (
            max(int((x.min() - margin) * scale), 0),
            max(int((y.min() - margin) * scale), 0),
            min(int((x.max() + margin) * scale) + 2, w),
            min(int((y.max() + margin) * scale) + 2, h),
        )

    def mask(
        self, points: Points, box: tuple[int, int, int, int], blur: float = 0.0
    ) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = box
        out = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1)), np.uint8)
        cv2.fillPoly(out, [self.fixed(points, x0, y0)], 255, cv2.LINE_AA, _SHIFT)
        if blur > 0:
            out = cv2.GaussianBlur(out, (0, 0), blur * self.scale)
        return out

    def wash(
        self,
        points: Points,
        colour: Colour,
        opacity: float,
        blur: float = 0.0,
        within: NDArray[np.uint8] | None = None,
        at: tuple[int, int] = (0, 0),
    ) -> None:
        """A translucent polygon, softened by ``blur`` units, optionally kept inside a mask.

        ``within`` is a mask whose corner lies at pixel ``at``.
        """
        if opacity <= 0.004:
            return
        x0, y0, x1, y1 = self.box(points, 2.5 * blur + 1)
        if within is not None:
            x0, y0 = max(x0, at[0]), max(y0, at[1])
            x1, y1 = min(x1, at[0] + within.shape[1]), min(y1, at[1] + within.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        mask = self.mask(points, (x0, y0, x1, y1), blur)
        if within is not None:
            mask = cv2.multiply(
                mask, within[y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]], scale=1 / 255
            )
        self.blend((x0, y0, x1, y1), mask, np.asarray(colour, np.float32) * 255, opacity)

    def blend(
        self,
        box: tuple[int, int, int, int],
        mask: NDArray[np.uint8],
        colour: NDArray[np.float32] | NDArray[np.uint8],
        opacity: float = 1.0,
    ) -> None:
        """Colour (3,) or a picture (h, w, 3) over the texture where ``mask`` says."""
        x0, y0, x1, y1 = box
        region = self.texture[y0:y1, x0:x1, :3]
        share = np.multiply(mask, np.float32(opacity / 255), dtype=np.float32)[..., None]
        change = np.subtract(colour, region, dtype=np.float32)
        change *= share
        change += region
        change += np.float32(0.5)
        region[...] = change
