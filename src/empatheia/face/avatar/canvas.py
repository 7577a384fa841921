"""Curves, masks and airbrush on numpy pictures: the tools every part of a head is drawn with.

Places are in design units: the picture is 256 x 256 units at every size, x to the right, y down.
Masks are uint8 or float in [0, 1]; colours are RGB triples in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2)
Mask = NDArray[Any]  # (h, w), 0 to 1
Colour = tuple[float, float, float]
UNITS = 256
_SHIFT = 4  # sub-pixel bits of the polygon filler


def spline(
    points: Points | list[tuple[float, float]], closed: bool = False, step: int = 8
) -> Points:
    """Catmull-Rom curve through ``points``, ``step`` pieces between neighbours."""
    p = np.asarray(points, np.float64)
    before = np.roll(p, 1, 0) if closed else np.vstack([2 * p[0] - p[1], p[:-1]])
    after = np.roll(p, -1, 0) if closed else np.vstack([p[1:], 2 * p[-1] - p[-2]])
    tangent = (after - before) / 2
    start, stop = (p, np.roll(p, -1, 0)) if closed else (p[:-1], p[1:])
    t0, t1 = (tangent, np.roll(tangent, -1, 0)) if closed else (tangent[:-1], tangent[1:])
    a, b, c, d = _hermite(step)
    curve = (a * start[:, None] + b * t0[:, None] + c * stop[:, None] + d * t1[:, None]).reshape(
        -1, 2
    )
    return curve if closed else np.vstack([curve, p[-1]])


def mirror(points: Points, axis: float = 128.0) -> Points:
    """The same points on the other side of the vertical ``axis``, in reverse order."""
    return np.stack([2 * axis - points[:, 0], points[:, 1]], 1)[::-1]


def ribbon(curve: Points, widths: NDArray[np.float64]) -> Points:
    """Outline of a brush stroke along ``curve`` whose full width is ``widths`` (n,)."""
    n = len(curve)
    ahead = np.empty_like(curve)
    ahead[1:-1] = curve[2:] - curve[:-2]
    ahead[0], ahead[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    x, y = ahead[:, 0], ahead[:, 1]
    half = widths / (2 * np.sqrt(x * x + y * y + 1e-12))
    out = np.empty((2 * n, 2))
    out[:n, 0], out[:n, 1] = curve[:, 0] - y * half, curve[:, 1] + x * half
    out[n:, 0], out[n:, 1] = (curve[:, 0] + y * half)[::-1], (curve[:, 1] - x * half)[::-1]
    return out


@lru_cache(maxsize=256)
def swell(count: int, start: float, stop: float) -> NDArray[np.float64]:
    """Sine from ``start`` to ``stop`` radians: how a soft stroke grows thick and thin."""
    out = np.sin(np.linspace(start, stop, count))
    out.flags.writeable = False
    return out


@lru_cache(maxsize=256)
def steps(count: int, start: float, stop: float) -> NDArray[np.float64]:
    """Evenly spaced numbers, remembered."""
    out = np.linspace(start, stop, count)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=32)
def circle(count: int) -> Points:
    """Points of the unit circle, remembered."""
    a = np.linspace(0, 2 * np.pi, count + 1)[:-1]
    out = np.stack([np.cos(a), np.sin(a)], 1)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=8)
def _hermite(step: int) -> tuple[NDArray[np.float64], ...]:
    t = (np.arange(step) / step)[None, :, None]
    return 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, 3 * t**2 - 2 * t**3, t**3 - t**2


def between(a: Points, b: Points, t: float) -> Points:
    """The curve a share ``t`` of the way from ``a`` to ``b`` (equally many points)."""
    return a + (b - a) * t


def resampled(curve: Points, count: int) -> Points:
    """``count`` points at equal distances along ``curve``."""
    length = np.r_[0.0, np.cumsum(np.hypot(*np.diff(curve, axis=0).T))]
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, curve[:, i]) for i in range(2)], 1)


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """Colour a share ``t`` of the way from ``a`` to ``b``."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def rgb(code: str) -> Colour:
    """``"e8b48f"`` as a colour."""
    return (int(code[:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:], 16) / 255)


@dataclass(slots=True)
class Canvas:
    """A straight-alpha RGB picture of ``scale`` pixels a unit, painted from back to front."""

    scale: float
    colour: NDArray[np.float32] = field(init=False)  # (h, w, 3)
    alpha: Mask = field(init=False)
    _grid: tuple[Mask, Mask] | None = None

    def __post_init__(self) -> None:
        side = round(UNITS * self.scale)
        self.colour = np.zeros((side, side, 3), np.float32)
        self.alpha = np.zeros((side, side), np.float32)

    @property
    def grid(self) -> tuple[Mask, Mask]:
        """x and y of every pixel's centre in units."""
        if self._grid is None:
            side = len(self.alpha)
            axis = ((np.arange(side) + 0.5) / self.scale).astype(np.float32)
            self._grid = (
                np.broadcast_to(axis, (side, side)),
                np.broadcast_to(axis[:, None], (side, side)),
            )
        return self._grid

    def fill(self, points: Points, blur: float = 0.0) -> Mask:
        """Mask of a polygon with smooth edges, softened by ``blur`` units."""
        return self.fills([points], blur)

    def fills(self, polygons: list[Points], blur: float = 0.0) -> Mask:
        """Union of polygons as one mask."""
        out = np.zeros(self.alpha.shape, np.uint8)
        for points in polygons:
            cv2.fillPoly(out, [self.fixed(points)], 255, cv2.LINE_AA, _SHIFT)
        return self.soft(np.multiply(out, np.float32(1 / 255), dtype=np.float32), blur)

    def fixed(self, points: Points) -> NDArray[np.int32]:
        """Units to the filler's fixed-point pixels."""
        return np.round((points * self.scale - 0.5) * (1 << _SHIFT)).astype(np.int32)

    def stroke(self, curve: Points, width: float, taper: float = 1.0, blur: float = 0.0) -> Mask:
        """Mask of a brush stroke, thinned towards both ends by ``taper`` (0 not, 1 to a point)."""
        t = np.linspace(-1, 1, len(curve))
        return self.fill(ribbon(curve, width * (1 - taper * np.abs(t) ** 2.2) + 1e-3), blur)

    def soft(self, mask: Mask, blur: float) -> Mask:
        if blur <= 0:
            return mask
        sigma = blur * self.scale
        if sigma > 6:  # a wide blur of a smaller picture looks the same
            factor = 1 / max(2, int(sigma // 3))
            small = cv2.resize(mask, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            small = cv2.GaussianBlur(small, (0, 0), sigma * factor)
            return cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.GaussianBlur(mask, (0, 0), sigma)

    def spot(self, x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> Mask:
        """A Gaussian spot with standard deviations ``rx``, ``ry``, turned by ``tilt`` radians."""
        gx, gy = self.grid
        c, s = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        u, v = (
            (gx - np.float32(x)) * c + (gy - np.float32(y)) * s,
            (gy - np.float32(y)) * c - (gx - np.float32(x)) * s,
        )
        return np.exp(-0.5 * ((u / np.float32(rx)) ** 2 + (v / np.float32(ry)) ** 2))

    @staticmethod
    def _where(mask: Mask) -> tuple[slice, slice]:
        """The part of the picture that ``mask`` changes."""
        x, y, w, h = cv2.boundingRect((mask > 0.002).view(np.uint8))
        return slice(y, y + h), slice(x, x + w)

    def paint(
        self,
        mask: Mask,
        colour: Colour | NDArray[np.float32],
        opacity: float = 1.0,
        clip: bool = False,
    ) -> None:
        """Lays ``colour`` over what is there; ``clip`` keeps to what is painted already."""
        here = self._where(mask)
        a = mask[here] * np.float32(opacity)
        tint = np.asarray(colour, np.float32)
        tint = tint[here] if tint.ndim == 3 else tint
        if not clip:
            total = a + self.alpha[here] * (1 - a)
            self.alpha[here] = total
            a = np.divide(a, total, out=np.zeros_like(a), where=total > 1e-6)
        self.colour[here] += (tint - self.colour[here]) * a[..., None]

    def multiply(self, mask: Mask, colour: Colour, opacity: float = 1.0) -> None:
        """Darkens what is there towards ``colour`` times itself."""
        here = self._where(mask)
        a = (mask[here] * np.float32(opacity))[..., None]
        self.colour[here] *= 1 - a * (1 - np.asarray(colour, np.float32))

    def glow(self, mask: Mask, colour: Colour, opacity: float = 1.0) -> None:
        """Lightens what is there (screen)."""
        here = self._where(mask)
        a = (mask[here] * np.float32(opacity))[..., None] * np.asarray(colour, np.float32)
        self.colour[here] += (1 - self.colour[here]) * a

    def premultiplied(self) -> NDArray[np.uint8]:
        """(h, w, 4) uint8, colour already multiplied by alpha."""
        a = np.clip(self.alpha, 0, 1)[..., None]
        out = np.concatenate([np.clip(self.colour, 0, 1) * a, a], 2)
        return np.round(out * 255).astype(np.uint8)


def lit(
    height: Mask, scale: float, light: tuple[float, float, float] = (-0.42, -0.58, 0.70)
) -> Mask:
    """How much light falls on each pixel of a relief ``height`` (units): 0 away, 1 facing."""
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * (scale / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) * (scale / 8)
    norm = 1 / np.sqrt(dx * dx + dy * dy + 1)
    x, y, z = np.asarray(light) / np.linalg.norm(light)
    return np.clip((-dx * np.float32(x) - dy * np.float32(y) + np.float32(z)) * norm, -1, 1)


def dome(mask: Mask, reach: float, scale: float, smooth: float) -> Mask:
    """Relief of a rounded body with this outline: rises over ``reach`` units from its edge."""
    inside = (mask > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / np.float32(scale)
    t = np.clip(distance / np.float32(reach), 0, 1)
    height = np.float32(reach) * np.sqrt(1 - (1 - t) ** 2)
    sigma = smooth * scale
    return cv2.GaussianBlur(height.astype(np.float32), (0, 0), sigma)
