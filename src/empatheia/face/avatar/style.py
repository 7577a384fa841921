"""The face's style: a network that sees pictures (S^v), and one that turns a style into a face.

Trained together on renders (``empatheia.training.face``): the encoder sees decoded frames only,
never a label nor a control; the decoder gives the controls back, so both mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from empatheia.errors import InputError
from empatheia.face.avatar.feeling import EXPRESSION
from empatheia.media.edges import FEATURES, SIDE, edges
from empatheia.types import ImageArray

STYLE_DIM = 32
SEEN = 12  # pictures of a clip that are looked at


@dataclass(frozen=True, slots=True)
class StyleConfig:
    """Widths of the two networks."""

    hidden: int = 160
    style: int = STYLE_DIM
    drop: float = 0.2


class FaceStyleNet(nn.Module):
    """Edges of the pictures of a clip -> style -> expression."""

    def __init__(self, config: StyleConfig | None = None) -> None:
        super().__init__()
        config = config or StyleConfig()
        h = config.hidden
        self.norm = nn.BatchNorm1d(2 * FEATURES, affine=False, momentum=0.02)
        self.encoder = nn.Sequential(
            nn.Dropout(config.drop), nn.Linear(2 * FEATURES, h), nn.SiLU(),
            nn.Dropout(config.drop), nn.Linear(h, h), nn.SiLU(), nn.Linear(h, config.style),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(config.style, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU(),
            nn.Linear(h, len(EXPRESSION)),
        )  # fmt: skip

    def encode(self, seen: Tensor) -> Tensor:
        """(clip, frame, FEATURES) -> (clip, style): the mean look and how much it changes."""
        spread = seen.var(1, unbiased=False).add(1e-6).sqrt()
        return self.encoder(self.norm(torch.cat([seen.mean(1), spread], 1)))

    def decode(self, style: Tensor) -> Tensor:
        """(clip, style) -> (clip, expression)."""
        return self.decoder(style)


def seen_pictures(frames: ImageArray) -> Tensor:
    """(frames, h, w, 3) uint8 -> (SEEN, FEATURES): an even choice of frames, squared, scaled."""
    count, h, w = frames.shape[:3]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    chosen = np.linspace(0, count - 1, min(SEEN, count)).round().astype(int)
    rows = []
    for i in chosen:
        square = frames[i, top : top + side, left : left + side]
        rows.append(edges(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)))
    return torch.from_numpy(np.stack(rows))


class StyleBook:
    """Mean styles of training clips by emotion and intensity, and by tone as a difference."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        emotions: list[str],
        levels: list[float],
        tones: list[str],
    ) -> None:
        self.means = tensors["book.means"]  # (emotion, tone, level, style)
        self.emotions, self.levels, self.tones = emotions, levels, tones

    def look_up(self, emotion: str, intensity: float, tone: str) -> Tensor:
        row = self.means[self.emotions.index(emotion), self.tones.index(tone)]
        at = float(np.interp(intensity, self.levels, range(len(self.levels))))
        low = min(int(at), len(self.levels) - 2)
        return row[low] + (row[low + 1] - row[low]) * (at - low)


def check_frames(frames: ImageArray) -> None:
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or len(frames) == 0:
        raise InputError(
            f"video frames have shape {frames.shape} and type {frames.dtype}: "
            "give uint8 (frames, height, width, 3) with at least one frame"
        )
    if min(frames.shape[1:3]) < 16:
        raise InputError(f"video frames are {frames.shape[1:3]} pixels: give at least 16 x 16")
