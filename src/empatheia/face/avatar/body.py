"""What is behind and below the head: backdrop, neck, shoulders and clothes."""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

import numpy as np

from empatheia.face.avatar.canvas import Canvas, Mask, Points, dome, lit, mirror, mix, spline
from empatheia.face.avatar.head import ramp
from empatheia.face.avatar.looks import Look


def paint_backdrop(look: Look, scale: float) -> Canvas:
    """A soft wall with a glow behind the head."""
    canvas = Canvas(scale)
    x, y = canvas.grid
    inner, outer = (
        np.asarray(look.backdrop[0], np.float32),
        np.asarray(look.backdrop[1], np.float32),
    )
    t = np.clip(np.hypot(x - 118, (y - 104) * 0.95) / 172, 0, 1)[..., None] ** 1.25
    canvas.colour[:] = inner * (1 - t) + outer * t
    canvas.alpha[:] = 1
    canvas.glow(canvas.spot(70, 46, 52, 40), (1.0, 0.98, 0.94), 0.22)
    return canvas


def _halved(points: list[tuple[float, float]]) -> Points:
    right = spline(np.asarray(points, float) + (128, 0))
    return np.vstack([right, mirror(right)])


def paint_body(look: Look, scale: float) -> Canvas:
    """Neck, shoulders and clothes, to below the picture's edge so that breathing shows no gap."""
    canvas = Canvas(scale)
    n, s, top = look.neck, look.shoulders, look.chin_y - look.tuck
    neck = canvas.fill(
        _halved(
            [
                (n, top - 40),
                (n * 0.98, top - 6),
                (n * 1.02, top + 16),
                (n * 1.5, top + 28),
                (n * 1.9, top + 44),
                (0, top + 70),
            ]
        )
    )
    light = lit(dome(neck, n * 1.1, scale, 3.0) * np.float32(0.7), scale)
    canvas.paint(neck, ramp(canvas.soft(light, 1.0) - np.float32(0.06), look.skin))
    canvas.multiply(canvas.spot(132, top - 2, n * 0.95, 13), (0.60, 0.44, 0.43), 0.72)
    for side in (-1, 1):
        bone = spline(
            [(128 + side * 5, top + 31), (128 + side * 18, top + 28), (128 + side * 34, top + 24)]
        )
        canvas.multiply(canvas.stroke(bone, 2.4, blur=1.2) * neck, (0.74, 0.56, 0.53), 0.40)
    _clothes(look, canvas, top, s, n)
    return canvas


def _clothes(look: Look, canvas: Canvas, top: float, s: float, n: float) -> None:
    dip = {"crew": 25.0, "scoop": 38.0, "v": 46.0, "collar": 31.0, "hood": 27.0}[look.neckline]
    wide = {"crew": 1.18, "scoop": 1.42, "v": 1.22, "collar": 1.15, "hood": 1.2}[look.neckline]
    edge: list[tuple[float, float]] = [
        (0.0, top + dip),
        (n * 0.55, top + dip - 3.2),
        (n * wide, top + 12),
    ]
    if look.neckline == "v":
        edge = [(0.0, top + dip), (n * 0.62, top + dip * 0.62), (n * wide, top + 12)]
    shoulder = [
        (n * wide, top + 12),
        (n * wide + 0.28 * (s - n), top + 18),
        (0.74 * s + 4, top + 26),
        (s, top + 42),
        (s + 8, top + 70),
        (s + 10, top + 110),
    ]
    inner, outer = spline(np.asarray(edge) + (128, 0)), spline(np.asarray(shoulder) + (128, 0))
    right = np.vstack([inner, outer])
    cloth = canvas.fill(np.vstack([right, mirror(right)]))
    canvas.multiply(canvas.soft(cloth, 1.8), (0.58, 0.46, 0.46), 0.55)
    relief = dome(cloth, 42.0, canvas.scale, 5.0) * np.float32(0.55)
    light = canvas.soft(lit(relief, canvas.scale), 1.2)
    tone = (0.74 + 0.36 * np.clip(light, 0, 1))[..., None]
    canvas.paint(cloth, np.clip(np.asarray(look.cloth, np.float32) * tone, 0, 1))
    for side in (-1, 1):
        for x0, x1, y1 in ((0.55, 0.40, 64.0), (0.80, 0.66, 70.0)):
            fold = spline(
                [
                    (128 + side * s * x0, top + 34),
                    (128 + side * s * (x0 + x1) / 2, top + 48),
                    (128 + side * s * x1, top + y1),
                ]
            )
            canvas.multiply(canvas.stroke(fold, 4.0, blur=2.0) * cloth, (0.62, 0.60, 0.64), 0.38)
    _neckline(look, canvas, inner, cloth, top, n)


def _neckline(look: Look, canvas: Canvas, inner: Points, cloth: Mask, top: float, n: float) -> None:
    dark = mix(look.cloth, (0.0, 0.0, 0.0), 0.30)
    both = np.vstack([mirror(inner)[:-1], inner])
    if look.neckline == "collar":
        for side, shade in ((-1, 0.0), (1, 0.10)):
            wing = np.array(
                [(3.0, 33.0), (n * 1.02, 8.0), (n * 1.32, 13.0), (n * 1.22, 31.0), (n * 0.62, 45.0)]
            )
            points = wing * (side, 1) + (128, top)
            canvas.multiply(canvas.fill(points + (side * 0.6, 2.0), 1.4), (0.5, 0.48, 0.5), 0.5)
            canvas.paint(canvas.fill(points), mix(mix(look.cloth, (1, 1, 1), 0.30), dark, shade))
        return
    if look.neckline == "hood":
        for side in (-1, 1):
            roll = spline(
                np.array([(n * 0.25, 33.0), (n * 0.9, 22.0), (n * 1.35, 6.0)]) * (side, 1)
                + (128, top)
            )
            canvas.multiply(canvas.stroke(roll + (0, 2.5), 12, 0.5, 1.5), (0.5, 0.48, 0.5), 0.45)
            canvas.paint(
                canvas.stroke(roll, 10.5, 0.35),
                mix(look.cloth, (1, 1, 1), 0.10 if side < 0 else 0.02),
            )
            string = spline(
                np.array([(n * 0.30, 33.0), (n * 0.36, 48.0), (n * 0.32, 62.0)]) * (side, 1)
                + (128, top)
            )
            canvas.paint(canvas.stroke(string, 1.9, 0.1), look.trim)
        return
    canvas.paint(canvas.stroke(both, 4.4, 0.0) * cloth, mix(look.cloth, (1, 1, 1), 0.10), clip=True)
    canvas.multiply(canvas.stroke(both + (0, 3.2), 0.9, 0.0, 0.3) * cloth, (0.55, 0.53, 0.56), 0.6)
