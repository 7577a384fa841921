"""The head without eyes, brows and mouth: skin with light on it, nose, ears, marks of age."""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

import numpy as np

from empatheia.face.avatar.canvas import (
    Canvas,
    Colour,
    Mask,
    Points,
    dome,
    lit,
    mirror,
    mix,
    spline,
)
from empatheia.face.avatar.looks import COVERS_EARS, Look

WHITE: Colour = (1.0, 1.0, 1.0)


def outline(look: Look) -> Points:
    """The closed outline of the face, from the top of the skull clockwise."""
    w, j, c, y = look.face_width, look.jaw_width, look.chin_width, look.chin_y
    right = [
        (0.0, 46.0),
        (0.52 * w, 50.0),
        (0.86 * w, 68.0),
        (0.99 * w, 96.0),
        (1.0 * w, 124.0),
        (0.965 * w, 144.0),
        (0.30 * w + 0.70 * j, y - 36),
        (j * 0.86, y - 20),
        (0.45 * j + 0.55 * c, y - 8.0),
        (c * 0.62, y - 1.2),
        (0.0, y),
    ]
    side = np.asarray(right) + (128.0, 0.0)
    return spline(np.vstack([side, mirror(side)[1:-1]]), closed=True)


def tones(skin: Colour) -> tuple[Colour, Colour, Colour, Colour]:
    """Deep shadow, shadow, base and highlight of a skin."""
    light = 0.3 * skin[0] + 0.59 * skin[1] + 0.11 * skin[2]
    k = 0.86 if light > 0.55 else 0.74
    shadow = (skin[0] * (k + 0.04), skin[1] * (k - 0.09), skin[2] * (k - 0.10))
    deep = (skin[0] * 0.66, skin[1] * 0.48, skin[2] * 0.44)
    high = mix(skin, (1.0, 0.97, 0.91), 0.50 if light > 0.55 else 0.24)
    return deep, shadow, skin, high


def ramp(light: Mask, skin: Colour) -> np.ndarray:
    """Light in [-1, 1] to skin colours (h, w, 3)."""
    deep, shadow, base, high = tones(skin)
    stops = np.array([-0.2, 0.36, 0.72, 1.0])
    table = np.stack(
        [
            np.interp(np.linspace(-1, 1, 512), stops, [t[i] for t in (deep, shadow, base, high)])
            for i in range(3)
        ],
        1,
    )
    index = ((light + 1) * 255.5).astype(np.int32).clip(0, 511)
    return table.astype(np.float32)[index]


def relief(look: Look, canvas: Canvas, face: Mask) -> Mask:
    """The head as a landscape: a dome with nose, cheeks, sockets, muzzle and chin."""
    h = dome(face, 50.0, canvas.scale, 6.0) * np.float32(0.62)
    spot, n = canvas.spot, look.nose_width
    ey, ny, my = look.eye_y, look.nose_y, look.mouth_y
    for side in (-1, 1):
        x = 128 + side * look.eye_x
        h -= 3.0 * spot(x - side * 3, ey - 1, 11, 7.5)
        h += 2.6 * spot(128 + side * 30, ny - 1, 14, 11)
        h += 1.5 * spot(x, look.brow_y + 1, 15, 5)
        h += (1.7 * n / 11) * spot(128 + side * n * 0.74, ny - 0.5, 0.26 * n, 3.2)
    length = ny - ey
    h += 4.6 * spot(128, ey + 0.58 * length, 4.3, 0.36 * length)
    h += 3.6 * spot(128, ny - 3, 0.47 * n, 5.0)
    h += 2.2 * spot(128, my + 1, 17, 8)
    h += 2.6 * spot(128, look.chin_y - 12, 12, 8)
    h += 1.4 * spot(128, 82, 34, 18)
    return h


def paint_head(look: Look, scale: float) -> Canvas:
    """Ears and the face with its light; hair, eyes, brows, mouth come on top."""
    canvas = Canvas(scale)
    if look.hair not in COVERS_EARS:
        _ears(look, canvas)
    face = canvas.fill(outline(look))
    light = lit(relief(look, canvas, face), scale)
    canvas.paint(face, ramp(canvas.soft(light, 0.8), look.skin))
    before = canvas.alpha.copy()
    _warmth(look, canvas)
    _nose(look, canvas)
    _sockets(look, canvas)
    _age_lines(look, canvas)
    _freckles(look, canvas)
    canvas.alpha = before
    return canvas


def _ears(look: Look, canvas: Canvas) -> None:
    deep, shadow, base, high = tones(look.skin)
    size, top = look.ears, look.eye_y - 7
    for side in (-1, 1):
        x = 128 + side * (look.face_width - 2)
        shape = np.array(
            [(0, 2), (5.5, -2), (9.5, 2), (10.5, 11), (8.5, 20), (5.5, 28), (1, 31), (-3, 24)],
            float,
        )
        points = spline(
            np.stack([x + side * shape[:, 0] * size, top + shape[:, 1] * size], 1), closed=True
        )
        ear = canvas.fill(points)
        canvas.paint(ear, mix(base, shadow, 0.45 if side < 0 else 0.8))
        inner = canvas.spot(
            x + side * 5.0 * size, top + 13 * size, 2.4 * size, 7.0 * size, tilt=side * 0.15
        )
        canvas.multiply(inner * ear, mix(shadow, deep, 0.4), 0.55)
        rim = spline(
            np.stack(
                [
                    x + side * np.array([2.0, 6.0, 8.6, 8.8, 7.0]) * size,
                    top + np.array([3.5, 1.8, 5.5, 13, 21]) * size,
                ],
                1,
            )
        )
        canvas.glow(canvas.stroke(rim, 1.8, blur=0.6) * ear, high, 0.35)


def _warmth(look: Look, canvas: Canvas) -> None:
    """Blush on cheeks, nose, chin and ears' side; a cool rim where the head turns away."""
    red: Colour = (1.0, 0.74, 0.70)
    for side in (-1, 1):
        canvas.multiply(
            canvas.spot(128 + side * 33, look.nose_y - 3, 12, 8.5), red, 0.42 * look.blush
        )
    canvas.multiply(canvas.spot(128, look.nose_y - 2, 8, 6), red, 0.30 * look.blush)
    canvas.multiply(canvas.spot(128, look.chin_y - 10, 12, 6), red, 0.18 * look.blush)
    canvas.glow(canvas.spot(112, 84, 22, 12), (1.0, 0.95, 0.88), 0.14)


def _nose(look: Look, canvas: Canvas) -> None:
    *_, high = tones(look.skin)
    n, y = look.nose_width, look.nose_y
    # Under the tip: a soft shadow, then the two nostrils, then the wings.
    under = spline(
        [
            (128 - n * 0.95, y + 1.5),
            (128 - n * 0.45, y + 4.6),
            (128, y + 5.6),
            (128 + n * 0.45, y + 4.6),
            (128 + n * 0.95, y + 1.5),
            (128, y + 2.6),
        ],
        closed=True,
    )
    canvas.multiply(canvas.fill(under, 1.5), (0.72, 0.54, 0.52), 0.62)
    canvas.multiply(canvas.spot(128 + 3, y + 9, n * 0.75, 3.6), (0.82, 0.66, 0.64), 0.40)
    for side in (-1, 1):
        hole = spline(
            np.array(
                [
                    (0.18 * n, 2.6),
                    (0.40 * n, 1.0),
                    (0.66 * n, 1.6),
                    (0.62 * n, 3.2),
                    (0.38 * n, 3.9),
                ]
            )
            * (side, 1)
            + (128, y),
            closed=True,
        )
        canvas.multiply(canvas.fill(hole, 0.55), (0.44, 0.26, 0.24), 0.66)
        wing = spline(
            np.array([(0.86 * n, -5.2), (1.04 * n, -1.5), (0.98 * n, 2.0), (0.72 * n, 3.4)])
            * (side, 1)
            + (128, y)
        )
        canvas.multiply(canvas.stroke(wing, 1.9, blur=0.7), (0.66, 0.46, 0.42), 0.62)
    bridge = spline([(128 + 5.4, look.eye_y - 8), (128 + 4.2, look.eye_y + 6), (128 + 5.2, y - 9)])
    canvas.multiply(canvas.stroke(bridge, 5.0, blur=2.2), (0.82, 0.68, 0.64), 0.55)
    canvas.glow(canvas.spot(126.5, look.eye_y + 0.55 * (y - look.eye_y), 1.5, 9), high, 0.22)
    canvas.glow(canvas.spot(126.0, y - 4.2, 2.7, 2.3), WHITE, 0.30)


def _sockets(look: Look, canvas: Canvas) -> None:
    for side in (-1, 1):
        x, y, s = 128 + side * look.eye_x, look.eye_y, look.eye_size
        canvas.multiply(canvas.spot(x - side * 2, y - 7.5, s * 0.75, 3.6), (0.78, 0.58, 0.56), 0.38)
        canvas.multiply(canvas.spot(x - side * s * 0.9, y - 1, 3.4, 6.5), (0.74, 0.54, 0.52), 0.42)
        canvas.multiply(
            canvas.spot(x, y + 9.5, s * 0.7, 2.4), (0.84, 0.68, 0.68), 0.30 + 0.25 * look.wrinkles
        )
    # The dent between nose and lip, and the shade under the lower lip.
    top, lip = look.nose_y + 6, look.mouth_y - look.lip_upper - 1
    canvas.multiply(
        canvas.spot(128, (top + lip) / 2, 2.0, (lip - top) * 0.4 + 1), (0.84, 0.68, 0.66), 0.40
    )
    canvas.multiply(
        canvas.spot(128, look.mouth_y + look.lip_lower + 4.2, 11, 2.4), (0.76, 0.58, 0.55), 0.45
    )


def _age_lines(look: Look, canvas: Canvas) -> None:
    w = look.wrinkles
    if w <= 0:
        return
    dark: Colour = (0.68, 0.47, 0.43)
    n, my = look.nose_width, look.mouth_y
    lines: list[tuple[list[tuple[float, float]], float, float]] = []
    for side in (-1, 1):
        at = lambda x, y, side=side: (128 + side * x, y)  # noqa: E731
        lines.append(
            (
                [
                    at(n * 1.1, look.nose_y - 2),
                    at(n * 1.1 + 7, look.nose_y + 6),
                    at(look.mouth_width + 5.5, my - 1),
                ],
                2.0,
                0.62,
            )
        )
        ex, ey = look.eye_x, look.eye_y
        s = look.eye_size
        lines.append(
            ([at(ex - s * 0.75, ey + 8), at(ex, ey + 12.5), at(ex + s * 0.8, ey + 9.5)], 1.5, 0.40)
        )
        for k in range(3):
            lines.append(
                (
                    [at(ex + s + 3, ey + 1.5 * k - 1.0), at(ex + s + 9.5, ey + 4.2 * k - 4)],
                    1.0,
                    0.34 * w,
                )
            )
        if w > 0.6:
            lines.append(
                (
                    [
                        at(look.mouth_width + 3, my + 4),
                        at(look.mouth_width + 4.5, my + 10),
                        at(look.mouth_width + 2, my + 16),
                    ],
                    1.8,
                    0.40,
                )
            )
            lines.append(([at(3.2, look.brow_y - 1), at(3.8, look.brow_y + 6)], 1.2, 0.3))
    for k in range(3 if w > 0.6 else 2):
        y = 74.0 + 8.5 * k
        lines.append(
            (
                [
                    (100.0, y + 1.5),
                    (116.0, y - 0.5),
                    (128.0, y + 0.8),
                    (142.0, y - 0.5),
                    (156.0, y + 1.5),
                ],
                1.4,
                0.40,
            )
        )
    for points, width, strength in lines:
        curve = spline(points)
        canvas.multiply(canvas.stroke(curve, width * 1.15, blur=0.75), dark, strength * w)
        canvas.glow(canvas.stroke(curve + (0.3, 1.6), width, blur=0.9), look.skin, 0.22 * w)


def _freckles(look: Look, canvas: Canvas) -> None:
    if look.freckles <= 0:
        return
    rng = np.random.default_rng(look.seed)
    dots = []
    for _ in range(44):
        x = rng.normal(0, 1) * 15 + rng.choice([-20, 0, 20])
        y = look.nose_y - 9 + rng.normal(0, 1) * 5
        r = rng.uniform(0.35, 0.75)
        a = np.linspace(0, 2 * np.pi, 9)[:-1]
        dots.append(np.stack([128 + x + r * np.cos(a), y + r * np.sin(a)], 1))
    canvas.multiply(canvas.fills(dots, 0.25), (0.72, 0.50, 0.38), 0.5 * look.freckles)
