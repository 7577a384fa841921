"""Eyes and brows, drawn for every picture: lids over a ball with an iris that looks somewhere."""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.brush import Brush
from empatheia.face.avatar.canvas import Colour, Points, mix, ribbon, spline, steps, swell
from empatheia.face.avatar.controls import INDEX
from empatheia.face.avatar.head import tones
from empatheia.face.avatar.looks import Look

_T = steps(25, -1, 1)  # from the inner corner to the outer one
_ARCH = (1 - np.abs(_T) ** 2.4) ** 0.80
_BOWL = 1 - np.abs(_T) ** 2.3


def iris_sprite(look: Look, scale: float, radius: float) -> NDArray[np.uint8]:
    """(h, w, 4) straight-alpha picture of an iris with pupil, without highlights."""
    side = int(np.ceil((radius + 1.5) * 2 * scale)) | 1
    axis = (np.arange(side) - side // 2) / scale
    x, y = np.meshgrid(axis, axis)
    r, angle = np.hypot(x, y) / radius, np.arctan2(y, x)
    base = np.array(look.iris)
    light = np.clip(base * 1.75 + 0.10, 0, 1)
    glow = np.clip((y / radius + 0.35), 0, 1) * np.clip(1.1 - r, 0, 1) * 1.3
    rays = 0.5 + 0.5 * np.sin(angle * 23 + np.sin(angle * 7) * 2)
    t = np.clip(glow + 0.10 * rays * (r > 0.4), 0, 1)[..., None]
    colour = base * 0.82 * (1 - t) + light * t
    ring = np.clip((r - 0.78) / 0.2, 0, 1)[..., None]
    colour = colour * (1 - 0.72 * ring)
    pupil = np.clip((0.43 - r) * radius * scale * 0.9 + 0.5, 0, 1)[..., None]
    colour = colour * (1 - pupil) + np.array([0.04, 0.03, 0.035]) * pupil
    alpha = np.clip((1 - r) * radius * scale * 0.8 + 0.5, 0, 1)[..., None]
    return np.round(np.concatenate([colour, alpha], 2) * 255).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Lids:
    upper: Points
    lower: Points

    @property
    def shape(self) -> Points:
        return np.vstack([self.upper, self.lower[::-1]])


class Eyes:
    """Draws both eyes of one person."""

    def __init__(self, look: Look, scale: float) -> None:
        self.look = look
        self.radius = look.eye_size * 0.585 * min(look.eye_open, 1.05) ** 0.5
        self.sprite = iris_sprite(look, scale, self.radius)
        _, shadow, _, _ = tones(look.skin)
        self.line = mix(mix(look.brow_colour, (0.10, 0.07, 0.07), 0.75), look.skin, 0.04)
        self.fold: Colour = mix(
            shadow, (shadow[0] * 0.62, shadow[1] * 0.48, shadow[2] * 0.46), 0.75
        )
        self.under = shadow
        self.white: Colour = (0.975, 0.965, 0.955)

    def lids(self, side: int, blink: float, widen: float, squint: float, look_down: float) -> Lids:
        look, s = self.look, self.look.eye_size
        x = 128 + side * (look.eye_x + s * _T)
        base = look.eye_y + 0.9 - (0.9 + look.eye_tilt) * (_T + 1) / 2 * 0.9
        upper = (
            s
            * 0.585
            * look.eye_open
            * (1 + 0.24 * widen - 0.16 * squint - 0.22 * max(look_down, 0.0))
        )
        lower = s * 0.40 * look.eye_open * (1 + 0.10 * widen - 0.62 * squint)
        shut = 0.72 * lower
        top = base - _ARCH * (upper * (1 - blink) - shut * blink)
        low = base + _BOWL * (lower * (1 - blink) + shut * blink)
        return Lids(np.stack([x, np.minimum(top, low)], 1), np.stack([x, low], 1))

    def draw(self, brush: Brush, c: NDArray[np.float32]) -> None:
        for side, name in ((-1, "blink_left"), (1, "blink_right")):
            gaze = (float(c[INDEX["gaze_x"]]), float(c[INDEX["gaze_y"]]))
            lids = self.lids(
                side,
                float(c[INDEX[name]]),
                float(c[INDEX["widen"]]),
                float(c[INDEX["squint"]]),
                gaze[1],
            )
            self._ball(brush, side, lids, gaze)
            self._lines(
                brush,
                side,
                lids,
                float(c[INDEX[name]]),
                float(c[INDEX["squint"]]),
                float(c[INDEX["widen"]]),
            )

    def _ball(self, brush: Brush, side: int, lids: Lids, gaze: tuple[float, float]) -> None:
        look, scale = self.look, brush.scale
        box = x0, y0, x1, y1 = brush.box(lids.shape, 1.0)
        if x1 - x0 < 2 or y1 - y0 < 2 or (lids.lower - lids.upper)[:, 1].max() < 0.25:
            return
        mask = brush.mask(lids.shape, box)
        ball = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        ball[:] = np.round(np.array(self.white) * 255)
        scene = Brush(ball, scale)
        shift = -np.array([x0, y0]) / scale
        cx = 128 + side * look.eye_x + gaze[0] * look.eye_size * 0.30
        cy = look.eye_y - 0.9 + gaze[1] * look.eye_size * 0.20
        self._corner_shade(scene, lids, shift, side)
        self._iris(ball, (cx * scale - x0, cy * scale - y0))
        shade = np.vstack([lids.upper + (0, -2.0), (lids.upper + (0, 2.5))[::-1]]) + shift
        scene.wash(shade, (0.33, 0.24, 0.27), 0.55, 0.9)
        for dx, dy, r, strength in ((-0.34, -0.36, 0.25, 1.0), (0.36, 0.40, 0.13, 0.55)):
            a = np.linspace(0, 2 * np.pi, 15)[:-1]
            spot = np.stack(
                [
                    cx + dx * self.radius + r * self.radius * np.cos(a),
                    cy + dy * self.radius + r * self.radius * np.sin(a),
                ],
                1,
            )
            scene.wash(spot + shift, (1.0, 1.0, 1.0), 0.95 * strength, 0.12)
        brush.blend(box, mask, ball)

    def _corner_shade(
        self, scene: Brush, lids: Lids, shift: NDArray[np.float64], side: int
    ) -> None:
        inner, outer = lids.lower[0] + shift, lids.lower[-1] + shift
        for corner, width in ((inner, 4.2), (outer, 4.6)):
            a = np.linspace(0, 2 * np.pi, 13)[:-1]
            scene.wash(
                corner + np.stack([width * np.cos(a), 5.5 * np.sin(a)], 1),
                (0.72, 0.60, 0.60),
                0.50,
                1.4,
            )
        a = np.linspace(0, 2 * np.pi, 11)[:-1]
        scene.wash(
            inner + np.stack([side * 0.9 + 1.5 * np.cos(a), -0.2 + 1.5 * np.sin(a)], 1),
            (0.86, 0.56, 0.54),
            0.8,
            0.3,
        )

    def _iris(self, ball: NDArray[np.uint8], centre: tuple[float, float]) -> None:
        h, w = ball.shape[:2]
        half = self.sprite.shape[0] // 2
        move = np.array([[1, 0, centre[0] - 0.5 - half], [0, 1, centre[1] - 0.5 - half]])
        placed = cv2.warpAffine(self.sprite, move, (w, h), flags=cv2.INTER_LINEAR)
        share = placed[..., 3:].astype(np.float32) / 255
        old = ball.astype(np.float32)
        ball[...] = (old + (placed[..., :3] - old) * share + 0.5).astype(np.uint8)

    def _lines(
        self, brush: Brush, side: int, lids: Lids, blink: float, squint: float, widen: float
    ) -> None:
        look = self.look
        upper, female = lids.upper, look.lashes
        rise = np.clip(1 - blink * 1.2, 0, 1)
        tip = upper[-1] + np.array(
            [side * (1.2 + 2.0 * female), (-1.2 - 1.7 * female) * rise + 0.8 * (1 - rise)]
        )
        lash = np.vstack([upper[1:], tip])
        t = steps(len(lash), 0, 1)
        width = (
            0.7 + (1.5 + 0.75 * female) * np.sin(np.clip(t * 1.12, 0, 1) ** 1.4 * np.pi * 0.60)
        ) * (1 - np.clip((t - 0.86) / 0.14, 0, 1) ** 1.5 * 0.93)
        brush.wash(
            ribbon(lash + (0, -width[:, None] * [0.18])[1] * np.array([0, 1.0]), width),
            self.line,
            0.96,
        )
        if female > 0.6:
            for k, length in ((20, 2.6), (17, 2.0), (22, 3.0)):
                root = upper[k]
                end = root + np.array(
                    [side * length * 0.8, -length * (0.75 * rise - 0.35 * (1 - rise))]
                )
                bend = (root + end) / 2 + np.array([side * 0.4, 0.35])
                brush.wash(
                    ribbon(spline([root, bend, end], step=4), steps(9, 1.1, 0.1)),
                    self.line,
                    0.85,
                )
        # The fold of the lid, the edge below, and the bag under a squeezed eye.
        fold = upper[2:] + np.stack(
            [
                np.zeros(23),
                -2.4
                - 1.9 * look.crease * (1 - 0.55 * widen) * swell(23, 0.25, 2.6) * (1 - 0.3 * blink),
            ],
            1,
        )
        fold[:, 1] += blink * 2.4
        brush.wash(ribbon(fold, steps(23, 0.5, 1.35)), self.fold, 0.30 + 0.45 * look.crease, 0.25)
        brush.wash(
            ribbon(lids.lower[5:], steps(20, 0.3, 1.15)),
            mix(self.fold, self.line, 0.35),
            0.60,
            0.2,
        )
        if squint > 0.08:
            bag = lids.lower[3:-2] + (0, 2.6)
            brush.wash(
                ribbon(bag, 1.4 * swell(len(bag), 0.2, 2.9)),
                self.fold,
                0.55 * squint,
                0.5,
            )


class Brows:
    """Draws both brows."""

    def __init__(self, look: Look) -> None:
        self.look = look
        deep, shadow, *_ = tones(look.skin)
        self.fold = mix(shadow, deep, 0.7)

    def curve(
        self, side: int, inner: float, outer: float, frown: float
    ) -> tuple[Points, NDArray[np.float64]]:
        look = self.look
        x0, x1 = 9.8 * look.eye_x / 25 - 2.9 * frown, look.eye_x + look.eye_size + 3.6
        y, a = look.brow_y, look.brow_arch
        xs = np.array([x0, x0 + 0.34 * (x1 - x0), x0 + 0.70 * (x1 - x0), x1])
        lift = np.array(
            [
                7.4 * inner - 3.4 * frown,
                4.9 * inner + 2.1 * outer - 2.0 * frown,
                6.4 * outer + 1.4 * inner - 0.8 * frown,
                6.0 * outer,
            ]
        )
        ys = y + np.array([0.3, -0.85 * a, -1.0 * a, 2.6]) - lift
        curve = spline(np.stack([128 + side * xs, ys], 1), step=7)
        t = steps(len(curve), 0, 1)
        return curve, look.brow_thick * np.interp(
            t, [0, 0.08, 0.45, 0.8, 1], [0.55, 0.92, 1.0, 0.62, 0.12]
        )

    def draw(self, brush: Brush, c: NDArray[np.float32]) -> None:
        frown = float(c[INDEX["frown"]])
        for side, name in ((-1, "left"), (1, "right")):
            curve, width = self.curve(
                side, float(c[INDEX[f"inner_{name}"]]), float(c[INDEX[f"outer_{name}"]]), frown
            )
            brush.wash(ribbon(curve, width), self.look.brow_colour, 0.80, 0.42)
            brush.wash(
                ribbon(curve[2:-1], width[2:-1] * 0.55),
                mix(self.look.brow_colour, (0, 0, 0), 0.25),
                0.55,
                0.5,
            )
        self._furrows(brush, frown, float(c[INDEX["wrinkle"]]))

    def _furrows(self, brush: Brush, frown: float, wrinkle: float) -> None:
        """Lines between the brows when they meet, and across the nose when it is wrinkled."""
        y = self.look.eye_y
        for side in (-1, 1):
            if frown > 0.1:
                crease = [(3.6, y - 18.0), (4.4, y - 13.5), (3.4, y - 8.5)]
                self._line(brush, side, crease, 1.7, 0.62 * frown)
            if wrinkle > 0.1:
                for k, x in ((0, 6.8), (1, 7.4), (2, 7.2)):
                    low = y - 3.5 + 4.6 * k
                    bent = [(x, low - 1.8), (x - 2.6, low + 0.4), (1.2, low + 0.1)]
                    self._line(brush, side, bent, 1.5, 0.55 * wrinkle)

    def _line(
        self, brush: Brush, side: int, points: list[tuple[float, float]], width: float, dark: float
    ) -> None:
        curve = spline(np.asarray(points) * (side, 1) + (128, 0), step=4)
        brush.wash(ribbon(curve, width * swell(len(curve), 0.4, 2.8)), self.fold, dark, 0.45)
