"""A moustache that goes where the upper lip goes: drawn for every picture from painted fur."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.brush import Brush
from empatheia.face.avatar.canvas import mix, steps
from empatheia.face.avatar.looks import Look
from empatheia.face.avatar.mouth import Lips

_WIDE, _HIGH = 72, 44  # units of fur, its middle at the rest place of the lip's bow
_T = steps(33, -1, 1)
_ABS = np.abs(_T)
_OVER = (1 - _ABS**2.2) * 0.3 - 0.5 * np.exp(-((_T / 0.10) ** 2))  # how far it hangs over the lip
WORN = ("moustache", "full", "short")


class Moustache:
    """Draws the moustache of one person, if there is one."""

    def __init__(self, look: Look, scale: float) -> None:
        self.look, self.worn = look, look.beard in WORN
        if not self.worn:
            return
        shape = (round(_HIGH * scale), round(_WIDE * scale))
        rng = np.random.default_rng(look.seed + 5)
        strands = _combed(rng.normal(0, 1, shape).astype(np.float32), scale)
        colour = np.asarray(mix(look.hair_colour, look.brow_colour, 0.35), np.float32)
        depth = 0.26 if colour.mean() < 0.45 else 0.13
        lit = 1.06 - 0.16 * np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
        tone = np.clip(1 + depth * strands, 0.55, 1.5) * lit
        self.fur = np.clip(colour * tone[..., None] * 255, 0, 255).astype(np.uint8)
        self.rough = np.clip(0.5 + 0.22 * strands, 0, 1)

    def draw(self, brush: Brush, lips: Lips) -> None:
        """Over the lips that were just drawn."""
        if not self.worn:
            return
        look, top = self.look, lips.top
        out, droop = (1.3, 1.2) if look.beard == "moustache" else (4.2, 7.0)  # into the beard
        lower = top + np.stack([out * _T**3, _OVER + droop * _ABS**6], 1)
        lift = top[16, 1] - (look.mouth_y - 0.9 * look.lip_upper)
        base = look.nose_y + 6.8 + 0.45 * lift + 1.0 * np.exp(-((_T / 0.08) ** 2))
        thick = np.clip((1 - _ABS**2.4) ** 0.8, 0.0, 1.0)
        upper_y = np.minimum(base * thick + (lower[:, 1] - 1.6) * (1 - thick), lower[:, 1] - 0.8)
        ring = np.vstack([np.stack([lower[:, 0] * 0.985 + 128 * 0.015, upper_y], 1), lower[::-1]])
        box = brush.box(ring, 2.0)
        mask = brush.mask(ring, box, 0.75)
        scale = brush.scale
        left = box[0] - round((128 - _WIDE / 2) * scale)
        up = box[1] - round((look.mouth_y - _HIGH / 2 + lift) * scale)
        h, w = mask.shape
        high, wide = self.rough.shape
        if h > high or w > wide:
            return
        left, up = min(max(left, 0), wide - w), min(max(up, 0), high - h)
        rough = self.rough[up : up + h, left : left + w]
        edge = np.clip((mask * np.float32(1 / 255) - 0.55 * rough) * 3.2, 0, 1) * np.float32(255)
        brush.blend(box, edge.astype(np.uint8), self.fur[up : up + h, left : left + w], 0.94)


def _combed(noise: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Noise drawn out into strands that fall away from the middle; unit size."""
    h, w = noise.shape
    long = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.32 * scale, sigmaY=2.0 * scale)
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    lean = (x - w / 2) / (w / 2)
    return np.asarray(
        cv2.remap(
            long / max(float(long.std()), 1e-6),
            x - (y - h / 2) * lean * np.float32(0.9),
            y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        ),
        np.float32,
    )
