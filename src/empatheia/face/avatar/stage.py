"""One person on a picture of a given size: layers painted once, then bent and joined per picture.

A layer is bent by a coarse mesh (rest position minus displacement fields), which is stretched to
pixels and given to one resampling. Fields: turning and nodding by depth, the jaw, the cheeks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.body import paint_backdrop, paint_body
from empatheia.face.avatar.brush import Brush, Texture
from empatheia.face.avatar.canvas import UNITS, Canvas
from empatheia.face.avatar.controls import INDEX
from empatheia.face.avatar.extras import paint_beard, paint_earrings, paint_glasses
from empatheia.face.avatar.eyes import Brows, Eyes
from empatheia.face.avatar.hair import paint_hair
from empatheia.face.avatar.head import paint_head
from empatheia.face.avatar.looks import Look
from empatheia.face.avatar.moustache import Moustache
from empatheia.face.avatar.mouth import Mouth
from empatheia.face.avatar.styles import STYLES
from empatheia.types import ImageArray

Field = NDArray[np.float32]  # (mesh, mesh, 2) displacement in units at rest positions
CELL = 4.0  # units between mesh points
ZOOM, CENTRE = 1.13, (128.0, 120.0)
PIVOT = (128.0, 212.0)
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """A texture and the fields that bend it, in the order yaw, pitch, jaw, smile, cheek."""

    texture: Texture
    fields: NDArray[np.float32]  # (5, mesh, mesh, 2)


def _rest() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    axis = (np.arange(-8, UNITS / CELL + 9) * CELL).astype(np.float32)
    return np.meshgrid(axis, axis)


def _smooth(t: NDArray[Any]) -> NDArray[Any]:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _spot(
    x: NDArray[np.float32], y: NDArray[np.float32], cx: float, cy: float, rx: float, ry: float
) -> NDArray[np.float32]:
    return np.exp(-0.5 * (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)).astype(np.float32)


def _fields(look: Look, kind: str) -> NDArray[np.float32]:
    x, y = _rest()
    out = np.zeros((5, *x.shape, 2), np.float32)
    w = look.face_width
    depth = np.sqrt(np.clip(1 - ((x - 128) / (w + 16)) ** 2 - ((y - 124) / 112) ** 2, 0, 1))
    if kind == "back":
        out[0, ..., 0] = -3.5 * _smooth((210 - y) / 90)
        out[1, ..., 1] = -2.0
        return out
    if kind == "hair":
        fall = _smooth((205 - y) / 90)
        out[0, ..., 0] = (9.5 * depth + 1.0) * fall
        out[1, ..., 1] = (7.5 * depth) * fall
        return out
    nose = _spot(x, y, 128, look.nose_y - 4, 10, 13)
    out[0, ..., 0] = 8.5 * depth + 2.6 * nose
    out[1, ..., 1] = 6.5 * depth + 2.0 * nose
    side = 1 - _smooth((np.abs(x - 128) - 0.45 * w) / (0.62 * w))
    out[2, ..., 1] = 8.0 * _smooth((y - look.mouth_y + 3) / (look.chin_y - look.mouth_y - 2)) * side
    for sign in (-1, 1):
        apple = _spot(x, y, 128 + sign * 31, look.nose_y + 5, 13, 11)
        jowl = _spot(x, y, 128 + sign * 40, look.mouth_y + 2, 9, 14)
        out[3, ..., 0] += sign * (0.9 * apple + 1.9 * jowl)
        out[3, ..., 1] -= 1.4 * apple
        out[4, ..., 1] -= 2.6 * apple
    return out


class Stage:
    """Draws one person at one size."""

    def __init__(self, look: Look, size: int) -> None:
        self.look, self.size = look, size
        scale = 1.0 if size <= 128 else 2.0 if size <= 256 else 3.0
        self.scale = scale
        style = STYLES[look.hair](look.face_width)
        head = paint_head(look, scale)
        paint_beard(look, head)
        front = Canvas(scale)
        paint_earrings(look, front)
        paint_hair(front, style.front, look.hair_colour, look.seed)
        self.head = Layer(head.premultiplied(), _fields(look, "head"))
        self.front = Layer(front.premultiplied(), _fields(look, "hair"))
        self.back = None
        if style.back:
            back = paint_hair(Canvas(scale), style.back, look.hair_colour, look.seed + 1)
            self.back = Layer(back.premultiplied(), _fields(look, "back"))
        self.body = paint_body(look, scale).premultiplied()
        glasses = paint_glasses(look, scale)
        self.glasses = None if glasses is None else glasses.premultiplied()
        self.backdrop = self._still(paint_backdrop(look, scale).premultiplied())
        self.eyes, self.brows, self.mouth = Eyes(look, scale), Brows(look), Mouth(look)
        self.moustache = Moustache(look, scale)
        self._work = self.head.texture.copy()
        self._frame_box = self._glasses_box()

    def copy(self) -> Stage:
        """The same person with a work sheet of its own, to draw in another thread."""
        other = copy.copy(self)
        other._work = self.head.texture.copy()
        return other

    def _glasses_box(self) -> tuple[slice, slice]:
        if self.glasses is None:
            return slice(0, 0), slice(0, 0)
        rows, columns = (
            np.nonzero(self.glasses[..., 3].any(1))[0],
            np.nonzero(self.glasses[..., 3].any(0))[0],
        )
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def _still(self, texture: Texture) -> ImageArray:
        mesh = self._places(0.0, 0.0, 0.0)
        return self._bend(texture, mesh)[..., :3].copy()

    def draw(self, c: NDArray[np.float32]) -> ImageArray:
        """The picture (size, size, 3) for one frame of controls."""
        yaw, pitch, roll, lean, breath = (
            float(c[INDEX[n]]) for n in ("yaw", "pitch", "roll", "lean", "breath")
        )
        smile = max(0.0, float(c[INDEX["smile_left"]] + c[INDEX["smile_right"]]) / 2)
        weights = np.array(
            [
                yaw,
                pitch,
                float(c[INDEX["jaw"]]) * (1 - 0.8 * float(c[INDEX["press"]])),
                smile,
                float(c[INDEX["cheek"]]),
            ],
            np.float32,
        )
        dx, dy = 3.2 * yaw + 5.0 * lean, 2.4 * pitch - 0.9 * breath
        places = self._places(0.14 * roll, dx, dy)
        picture = self.backdrop.copy()
        if self.back is not None:
            _over(picture, self._bend(self.back.texture, self._mesh(places, self.back, weights)))
        _over(picture, self._bend(self.body, self._body_mesh(dx, roll, breath)))
        self._features(c)
        _over(picture, self._bend(self._work, self._mesh(places, self.head, weights)))
        _over(picture, self._bend(self.front.texture, self._mesh(places, self.front, weights)))
        return picture

    def _features(self, c: NDArray[np.float32]) -> None:
        np.copyto(self._work, self.head.texture)
        brush = Brush(self._work, self.scale)
        self.eyes.draw(brush, c)
        self.moustache.draw(brush, self.mouth.draw(brush, c))
        self.brows.draw(brush, c)
        if self.glasses is not None:
            region = self._work[self._frame_box]
            _over4(region, self.glasses[self._frame_box])

    def _places(self, angle: float, dx: float, dy: float) -> NDArray[np.float32]:
        """Rest place (units) of each point of a mesh over the picture: head turned and moved."""
        count = round(UNITS / CELL / ZOOM) + 1
        self._count = count
        step = UNITS / ZOOM / count
        axis = (np.arange(-_MARGIN, count + _MARGIN) + 0.5) * step - UNITS / ZOOM / 2
        x, y = np.meshgrid(axis + CENTRE[0] - PIVOT[0] - dx, axis + CENTRE[1] - PIVOT[1] - dy)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([c * x + s * y + PIVOT[0], c * y - s * x + PIVOT[1]], 2).astype(np.float32)

    def _mesh(
        self, places: NDArray[np.float32], layer: Layer, weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        field = np.tensordot(weights, layer.fields, 1)
        at = places / np.float32(CELL) + np.float32(8.0)
        return places - cv2.remap(
            field, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def _body_mesh(self, dx: float, roll: float, breath: float) -> NDArray[np.float32]:
        places = self._places(0.0, 0.0, 0.0)
        top = self.look.chin_y
        up = np.clip((top + 26 - places[..., 1]) / 40, 0, 1)
        places[..., 0] -= up * (dx + 0.14 * roll * (PIVOT[1] - top + 8)) + (1 - up) * 0.25 * dx
        places[..., 1] += (1 - up) * 1.1 * breath
        return places

    def _bend(self, texture: Texture, mesh: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The texture seen through the mesh, (size, size, 4)."""
        full = len(mesh) * self.size / self._count
        side = round(full)
        pixels = mesh * np.float32(self.scale) - np.float32(0.5)
        dense = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR)
        edge = round(_MARGIN * self.size / self._count)
        dense = dense[edge : edge + self.size, edge : edge + self.size]
        return cv2.remap(
            texture,
            dense,
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 0),
        )


def _over(picture: ImageArray, layer: NDArray[np.uint8]) -> None:
    """Premultiplied ``layer`` over ``picture``, in place, only where the layer has something."""
    alpha = layer[..., 3]
    x, y, w, h = cv2.boundingRect(alpha)
    if w == 0:
        return
    region = picture[y : y + h, x : x + w]
    part = layer[y : y + h, x : x + w]
    rest = cv2.cvtColor(255 - part[..., 3], cv2.COLOR_GRAY2BGR)
    region[...] = cv2.add(cv2.multiply(region, rest, scale=1 / 255), part[..., :3])


def _over4(region: Texture, layer: Texture) -> None:
    rest = cv2.merge([255 - layer[..., 3]] * 4)
    region[...] = cv2.add(cv2.multiply(region, rest, scale=1 / 255), layer)
