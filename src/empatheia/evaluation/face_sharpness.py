"""CPBD, a measure of sharpness without a reference (Narvekar and Karam, IEEE TIP 20(9), 2011).

For each vertical edge its width is compared with the width that people just notice as blur; CPBD
is the share of edges that are seen as sharp. From 0 to 1, higher is sharper. It depends on the
size of the picture: compare at 256 x 256 only, never enlarged.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.types import ImageArray

_BLOCK, _CAP, _BETA, _SEEN = 64, 100, 3.6, 63


def _edge_map(grey: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Canny with thresholds from the histogram of strengths: 70 % quantile, and 0.4 of it."""
    smooth = cv2.GaussianBlur(grey / 255, (0, 0), np.sqrt(2.0))
    dx, dy = (cv2.Sobel(smooth, cv2.CV_64F, *order) for order in ((1, 0), (0, 1)))
    strength = np.hypot(dx, dy)
    strength /= max(float(strength.max()), 1e-12)
    counts = np.histogram(strength, 64, (0, 1))[0].cumsum()
    high = (int(np.argmax(counts > 0.7 * strength.size)) + 1) / 64
    unit = 8192 / max(float(np.hypot(dx, dy).max()), 1e-12)
    a, b = (np.round(d * unit).astype(np.int16) for d in (dx, dy))
    return cv2.Canny(a, b, 0.4 * high * 8192, high * 8192, L2gradient=True) > 0


def _vertical_edges(grey: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Sobel edges in x, thinned along either axis; the cut-off is the one of the release."""
    g = cv2.Sobel(grey, cv2.CV_64F, 1, 0) / 8
    p = g * g
    peak = np.zeros(p.shape, bool)
    for axis in (0, 1):
        peak |= (np.roll(p, 1, axis) <= p) & (p > np.roll(p, -1, axis))
    out = (np.abs(g) > 2) & peak
    out[:, [0, -1]] = out[[0, -1]] = False
    return out


def _widths(
    grey: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    rising: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Length of the monotone run through each edge; its two neighbours always belong to it."""
    width = np.zeros(len(rows), np.int64)
    for step in (-1, 1):
        at, going = columns + step, np.ones(len(rows), bool)
        width += 1
        for _ in range(_CAP):
            after = at + step
            inside = (after >= 0) & (after < grey.shape[1])
            here, there = grey[rows, at], grey[rows, np.clip(after, 0, grey.shape[1] - 1)]
            up = rising == (step > 0)
            going &= inside & np.where(up, there > here, there < here)
            if not going.any():
                break
            at = np.where(going, after, at)
            width += going
    return width


def cpbd(image: ImageArray) -> float:
    """Sharpness of one RGB picture (height, width, 3); NaN where it has no edges."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    edges = _edge_map(grey)
    dy, dx = np.gradient(grey)
    level = np.round(np.degrees(np.arctan2(dy, dx)) / 45) * 45
    usable = _vertical_edges(grey) & np.isin(np.abs(level), (0.0, 180.0))
    blurs = []
    for top in range(0, grey.shape[0] - _BLOCK + 1, _BLOCK):
        for left in range(0, grey.shape[1] - _BLOCK + 1, _BLOCK):
            block = slice(top, top + _BLOCK), slice(left, left + _BLOCK)
            if edges[block].sum() <= 0.002 * _BLOCK**2:
                continue
            rows, columns = np.nonzero(usable[block])
            rows, columns = rows + top, columns + left
            width = _widths(grey, rows, columns, dx[rows, columns] >= 0)
            noticed = 5.0 if np.ptp(grey[block]) <= 50 else 3.0
            blurs.append(1 - np.exp(-((width / noticed) ** _BETA)))
    if not blurs or sum(map(len, blurs)) == 0:
        return float("nan")
    # whole percents, as the release counts: an edge as wide as is just noticed (63.2 %) is sharp
    return float((np.round(100 * np.concatenate(blurs)) <= _SEEN).mean())
