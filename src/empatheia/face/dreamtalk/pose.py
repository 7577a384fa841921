"""How the head moves: still, or as somebody's did in a file of coefficients."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from empatheia.face.dreamtalk.coefficients import read_coefficients

# angles, translation and crop of a head that looks at us from the middle of the picture
STILL = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9370641, 126.84911, 129.03864)


class Pose:
    """Rows (9,) for any frame: a recorded movement runs forth and back, so it never jumps."""

    def __init__(self, rows: Tensor | None = None) -> None:
        self._rows = torch.tensor([STILL]) if rows is None else rows

    @classmethod
    def read(cls, path: Path) -> Pose:
        """Of a ``.mat`` file. Raises MediaError."""
        return cls(read_coefficients(path).pose)

    def at(self, start: int, stop: int) -> Tensor:
        """(stop - start, 9)."""
        last = len(self._rows) - 1
        place = torch.arange(start, stop) % max(2 * last, 1)
        return self._rows[torch.where(place > last, 2 * last - place, place)]
