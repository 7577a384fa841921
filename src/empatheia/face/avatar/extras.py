"""Beards, glasses and earrings."""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

import cv2
import numpy as np

from empatheia.face.avatar.canvas import Canvas, Mask, Points, mix, ribbon, spline
from empatheia.face.avatar.head import outline
from empatheia.face.avatar.looks import COVERS_EARS, Look


def paint_beard(look: Look, canvas: Canvas) -> None:
    """Into the skin, before the mouth is drawn over it."""
    if look.beard in ("", "moustache"):  # a moustache moves with the lips, see moustache.py
        return
    x, y = canvas.grid
    face = canvas.alpha.copy()
    my, w = look.mouth_y, look.face_width
    side = np.abs(x - 128)
    line = (
        my + 3 - 34 * np.clip((side - 0.55 * w) / (0.45 * w), 0, 1) ** 1.5
    )  # upper edge of the cheeks
    jaw = _step((y - line + 4) / 9)
    lip = canvas.fill(
        spline(
            [
                (128 - 22, my + 5),
                (128 - 14, my - 9),
                (128 - 3, my - 13),
                (128, my - 12),
                (128 + 3, my - 13),
                (128 + 14, my - 9),
                (128 + 22, my + 5),
                (128, my - 4),
            ],
            closed=True,
        ),
        1.6,
    )
    bare = canvas.fill(
        spline(
            [
                (128 - look.mouth_width - 1, my),
                (128, my - 4),
                (128 + look.mouth_width + 1, my),
                (128 + 9, my + 9.5),
                (128, my + 10.5),
                (128 - 9, my + 9.5),
            ],
            closed=True,
        ),
        1.6,
    )
    shape = {
        "stubble": np.maximum(jaw, lip),
        "full": jaw,
        "short": jaw * _step((38 - side) / 18),
    }[look.beard]
    shape = np.clip(shape - 0.9 * bare, 0, 1) * canvas.fill(outline(look), 0.8)
    rng = np.random.default_rng(look.seed + 3)
    opacity = 0.30 if look.beard == "stubble" else 0.90
    colour = np.asarray(mix(look.hair_colour, look.brow_colour, 0.4), np.float32)
    texture = _bristles(canvas, rng, 0.28 if colour.mean() < 0.45 else 0.15)
    canvas.paint(
        (shape * opacity).astype(np.float32), np.clip(colour * texture[..., None], 0, 1), clip=True
    )
    canvas.alpha = face


def _step(t: Mask) -> Mask:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _bristles(canvas: Canvas, rng: np.random.Generator, depth: float) -> Mask:
    """Fine downward strokes around 1."""
    noise = rng.normal(0, 1, canvas.alpha.shape).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.35 * canvas.scale, sigmaY=1.2 * canvas.scale)
    return np.clip(1 + depth * fine / max(float(fine.std()), 1e-6), 0.45, 1.7)


def lens(look: Look, side: int) -> Points:
    """Outline of one lens."""
    a = np.linspace(0, 2 * np.pi, 49)[:-1]
    power = 2 / (2.3 if look.glasses == "round" else 4.2)
    rx, ry = (17.5, 15.0) if look.glasses == "round" else (19.0, 13.0)
    k = look.eye_size / 14.5
    c, s = np.cos(a), np.sin(a)
    x = 128 + side * (look.eye_x + 0.6) + k * rx * np.sign(c) * np.abs(c) ** power
    return np.stack([x, look.eye_y + 2.4 + k * ry * np.sign(s) * np.abs(s) ** power], 1)


def paint_glasses(look: Look, scale: float) -> Canvas | None:
    """A layer that lies over the eyes, or nothing."""
    if not look.glasses:
        return None
    canvas = Canvas(scale)
    frame = mix(look.brow_colour, (0.10, 0.09, 0.12), 0.65)
    for side in (-1, 1):
        ring = lens(look, side)
        closed = np.vstack([ring, ring[:2]])
        glass = canvas.fill(ring)
        canvas.paint(
            canvas.fill(ribbon(closed + (0, 1.6), np.full(len(closed), 2.0)), 1.2),
            (0.25, 0.12, 0.10),
            0.28,
        )
        canvas.paint(glass, (0.93, 0.97, 1.0), 0.05)
        cx, cy = ring.mean(0)
        streak = np.array([(-9, -14), (-3, -14), (-12, 12), (-18, 12)], float) + (cx, cy)
        canvas.paint(canvas.fill(streak, 0.6) * glass, (1.0, 1.0, 1.0), 0.13)
        canvas.paint(canvas.fill(ribbon(closed, np.full(len(closed), 1.6))), frame)
        canvas.paint(
            canvas.fill(ribbon(closed[24:40] + (0, -0.5), np.full(16, 0.5)), 0.3), (1, 1, 1), 0.30
        )
        outer = ring[0] if side > 0 else ring[24]
        arm = spline(
            [
                outer + (0, -3),
                outer + (side * 8, -4.5),
                (128 + side * (look.face_width + 1), look.eye_y - 3),
            ]
        )
        canvas.paint(canvas.fill(ribbon(arm, np.linspace(1.8, 1.5, len(arm)))), frame)
    inner = lens(look, 1)[24] - (0.6, 2.5)
    bridge = spline([(256 - inner[0], inner[1]), (128, inner[1] - 3.6), (inner[0], inner[1])])
    canvas.paint(canvas.fill(ribbon(bridge, np.full(len(bridge), 1.7))), frame)
    return canvas


def paint_earrings(look: Look, canvas: Canvas) -> None:
    if not look.earrings or look.hair in COVERS_EARS:
        return
    for side in (-1, 1):
        a = np.linspace(0, 2 * np.pi, 17)[:-1]
        centre = np.array([128 + side * (look.face_width + 1.5), look.eye_y + 24 * look.ears])
        ring = centre + 1.9 * np.stack([np.cos(a), np.sin(a)], 1)
        canvas.paint(canvas.fill(ring), (0.93, 0.78, 0.45))
        canvas.paint(
            canvas.fill(centre + (-0.5, -0.6) + 0.7 * np.stack([np.cos(a), np.sin(a)], 1)),
            (1.0, 0.96, 0.84),
        )
