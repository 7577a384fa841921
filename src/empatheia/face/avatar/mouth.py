"""The mouth, drawn for every picture: lips around an opening with teeth and tongue in it."""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.brush import Brush
from empatheia.face.avatar.canvas import Colour, Points, mix, ribbon, spline, steps, swell
from empatheia.face.avatar.controls import INDEX
from empatheia.face.avatar.head import tones
from empatheia.face.avatar.looks import Look

_T = steps(33, -1, 1)
_ABS = np.abs(_T)
_BOW = np.interp(_ABS, [0, 0.10, 0.24, 0.5, 0.8, 1], [0.80, 0.88, 1.0, 0.80, 0.36, 0.0])
OPENING = 11.0  # units between the lips at jaw = 1


@dataclass(frozen=True, slots=True)
class Lips:
    """The four curves, each from the left corner to the right one."""

    top: Points
    upper: Points  # lower edge of the upper lip
    lower: Points  # upper edge of the lower lip
    bottom: Points

    @property
    def gap(self) -> float:
        return float((self.lower - self.upper)[:, 1].max())


class Mouth:
    """Draws the mouth of one person."""

    def __init__(self, look: Look) -> None:
        self.look = look
        deep, shadow, _, _ = tones(look.skin)
        lips = look.lips
        self.upper_colour = mix(lips, (lips[0] * 0.72, lips[1] * 0.58, lips[2] * 0.60), 0.55)
        self.lower_colour = lips
        self.shine = mix(lips, (1.0, 0.93, 0.90), 0.62)
        self.line: Colour = mix(deep, (lips[0] * 0.40, lips[1] * 0.22, lips[2] * 0.22), 0.6)
        self.fold: Colour = mix(shadow, deep, 0.55)

    def shape(self, c: NDArray[np.float32]) -> Lips:
        """Where the lips are for controls ``c``."""
        v = {name: float(c[INDEX[name]]) for name in _USED}
        look, press, round_ = self.look, v["press"], v["round"]
        open_ = (
            OPENING
            * v["jaw"]
            * (1 - 0.96 * min(press + 0.9 * v["tuck"], 1.0))
            * (1 - 0.30 * round_)
        )
        smiles = np.where(_T < 0, v["smile_left"], v["smile_right"])
        smile = (v["smile_left"] + v["smile_right"]) / 2
        half = look.mouth_width * (
            1 + 0.17 * v["wide"] + 0.20 * v["stretch"] - 0.40 * round_ - 0.10 * v["jaw"]
        )
        up = np.maximum(smiles, 0)
        x = 128 + _T * half * (1 + 0.22 * up)
        corner = -6.4 * smiles + 2.4 * np.minimum(smiles, 0) + 0.30 * open_
        line = (
            corner * _ABS**1.7
            + 1.7 * smile * (1 - _ABS**1.7)
            + 0.7 * (1 - _ABS)
            - 0.5 * np.exp(-((_T / 0.12) ** 2)) * (1 - v["jaw"])
        )
        power = 2.5 - 0.5 * round_ + 0.6 * max(smile, 0) + 1.2 * v["stretch"]
        bulge = 1 - _ABS**power
        lift = 4.3 * v["sneer"] + 0.6 * v["teeth"] + 0.10 * open_
        show = max(v["teeth"], 0.0) * (1 - press)
        upper = line - lift * bulge * (1 - press)
        lower = line + bulge * (
            0.90 * open_ + 2.9 * show * (1 - v["tuck"]) + 1.6 * v["lower_teeth"] - 1.4 * v["tuck"]
        )
        lower = np.maximum(lower, upper)
        thin = (
            (1 - 0.48 * press)
            * (1 - 0.16 * v["jaw"])
            * (1 - 0.14 * max(smile, 0))
            * (1 - 0.2 * v["stretch"])
        )
        top = upper - look.lip_upper * thin * (1 + 0.16 * round_) * (1 - 0.25 * v["sneer"]) * _BOW
        bottom = (
            lower
            + look.lip_lower
            * thin
            * (1 + 0.15 * round_)
            * (1 - 0.55 * v["tuck"])
            * (1 - _ABS**2.1) ** 0.85
        )
        y = look.mouth_y
        return Lips(*(np.stack([x, y + curve], 1) for curve in (top, upper, lower, bottom)))

    def draw(self, brush: Brush, c: NDArray[np.float32]) -> Lips:
        """Draws it, and says where the lips are."""
        lips = self.shape(c)
        self._skin(brush, lips, c)
        if lips.gap > 0.35:
            self._inside(brush, lips, c)
        self._lips(brush, lips)
        return lips

    def _skin(self, brush: Brush, lips: Lips, c: NDArray[np.float32]) -> None:
        """Folds from nose to mouth, dimples at the corners, shade under the lip."""
        look = self.look
        cheek = float(c[INDEX["cheek"]])
        sneer = float(c[INDEX["wrinkle"]])
        for side, name, k in ((-1, "left", 0), (1, "right", -1)):
            corner = lips.upper[k]
            smile = float(c[INDEX[f"smile_{name}"]])
            strength = 0.40 * max(smile, 0) + 0.30 * sneer + 0.12 * cheek
            start = np.array([128 + side * (look.nose_width * 1.10 + 1), look.nose_y - 1.5])
            fold = spline(
                [
                    tuple(start),
                    tuple((start + corner) / 2 + (side * (4.2 + 1.2 * smile), -1.8)),
                    tuple(corner + (side * 4.6, 0.5 + 1.5 * smile)),
                ],
                step=7,
            )
            brush.wash(
                ribbon(fold, 2.3 * swell(len(fold), 0.35, 2.9)),
                self.fold,
                strength,
                1.1,
            )
            dimple = (
                corner
                + np.array([side * 0.8, 0.0])
                + np.array([[-1.2, -1.5], [1.2, -1.3], [1.5, 1.5], [-1.0, 1.8]])
            )
            brush.wash(dimple, self.fold, 0.42 + 0.25 * abs(smile), 0.7)
        under = lips.bottom[8:-8] + (0, 2.0)
        brush.wash(ribbon(under, 2.6 * swell(len(under), 0.3, 2.84)), self.fold, 0.30, 0.9)

    def _inside(self, brush: Brush, lips: Lips, c: NDArray[np.float32]) -> None:
        ring = np.vstack([lips.upper, lips.lower[::-1]])
        box = brush.box(ring, 1.0)
        x0, y0, x1, y1 = box
        mask = brush.mask(ring, box)
        scene_pixels = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
        scene_pixels[:] = (74, 26, 30)
        scene = Brush(scene_pixels, brush.scale)
        shift = -np.array([x0, y0]) / brush.scale
        tongue_up, jaw = float(c[INDEX["tongue"]]), float(c[INDEX["jaw"]])
        self._tongue(scene, lips, shift, tongue_up)
        show = min(1.0, 0.12 + float(c[INDEX["teeth"]]) + float(c[INDEX["tuck"]]) + 0.3 * jaw)
        half = (lips.upper[-1, 0] - lips.upper[0, 0]) / 2 * 0.86
        x = 128 + steps(17, -1, 1) * half
        edge = steps(17, -1, 1)
        top = np.interp(x, lips.upper[:, 0], lips.upper[:, 1])
        depth = (4.6 * show) * (1 - 0.35 * np.abs(edge) ** 2.5) + 0.8
        teeth = (
            np.vstack([np.stack([x, top - 2.0], 1), np.stack([x, top + depth], 1)[::-1]]) + shift
        )
        scene.wash(teeth + (0, 1.2), (0.16, 0.05, 0.06), 0.6, 0.8)
        scene.wash(teeth, (0.97, 0.955, 0.93), 0.98, 0.22)
        low = float(c[INDEX["lower_teeth"]])
        if low > 0.05:
            bottom = np.interp(x, lips.lower[:, 0], lips.lower[:, 1])
            row = (
                np.vstack(
                    [
                        np.stack([x, bottom - 2.6 * low * (1 - 0.3 * edge**2)], 1),
                        np.stack([x, bottom + 2], 1)[::-1],
                    ]
                )
                + shift
            )
            scene.wash(row, (0.90, 0.875, 0.85), 0.95, 0.25)
        shade = np.vstack([lips.upper + (0, -2.5), (lips.upper + (0, 1.3))[::-1]]) + shift
        scene.wash(shade, (0.20, 0.06, 0.07), 0.42, 0.8)
        for k, side in ((0, 1), (-1, -1)):
            corner = lips.upper[k] + shift
            dark = corner + np.array([[-2, -5], [side * 5.5, -5], [side * 4.0, 6], [-2, 6]])
            scene.wash(dark, (0.16, 0.05, 0.06), 0.60, 1.6)
        brush.blend(box, mask, scene_pixels)

    def _tongue(self, scene: Brush, lips: Lips, shift: NDArray[np.float64], raised: float) -> None:
        mid = len(_T) // 2
        bottom, top = lips.lower[mid, 1], lips.upper[mid, 1]
        half = (lips.upper[-1, 0] - lips.upper[0, 0]) / 2 * 0.62
        height = (bottom - top) * (0.42 + 0.42 * raised)
        a = np.linspace(0, 2 * np.pi, 25)[:-1]
        body = (
            np.stack([128 + half * np.cos(a), bottom + 2.2 + (height + 1.0) * np.sin(a)], 1) + shift
        )
        scene.wash(body, (0.78, 0.36, 0.37), 0.95, 0.5)
        scene.wash(body * (1, 1) + (0, -height * 0.35), (0.88, 0.50, 0.49), 0.35, 1.2)

    def _lips(self, brush: Brush, lips: Lips) -> None:
        upper = np.vstack([lips.top, lips.upper[::-1] + (0, 0.15)])
        lower = np.vstack([lips.lower - (0, 0.15), lips.bottom[::-1]])
        brush.wash(lower, self.lower_colour, 0.94, 0.28)
        brush.wash(upper, self.upper_colour, 0.94, 0.28)
        mid = (lips.lower * 0.62 + lips.bottom * 0.38)[9:-11]
        brush.wash(ribbon(mid, 2.0 * swell(len(mid), 0.25, 2.9)), self.shine, 0.55, 0.7)
        bow = (lips.top * 0.75 + lips.upper * 0.25)[9:-9]
        brush.wash(ribbon(bow, 1.0 * swell(len(bow), 0.3, 2.84)), self.shine, 0.20, 0.5)
        dark = ribbon(lips.upper, 0.5 + 0.9 * (1 - _ABS**2))
        brush.wash(dark, self.line, 0.85, 0.18)
        if lips.gap > 0.6:
            brush.wash(ribbon(lips.lower[2:-2], np.full(29, 0.6)), self.line, 0.45, 0.25)


_USED = (
    "jaw",
    "wide",
    "round",
    "press",
    "tuck",
    "teeth",
    "lower_teeth",
    "smile_left",
    "smile_right",
    "sneer",
    "stretch",
)
