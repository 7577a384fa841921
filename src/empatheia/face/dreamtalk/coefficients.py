"""Face coefficients (3DMM) from the .mat files that extraction programs write.

Extracting them from a video needs the Basel Face Model, which everybody licenses for themselves;
that step stays outside. A file holds ``coeff`` (frames, 257) and ``transform_params`` (frames, 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from empatheia.errors import MediaError

if TYPE_CHECKING:
    from torch import Tensor

_COLUMNS = 257
_EXPRESSION = slice(80, 144)
_ANGLES, _SHIFT = slice(224, 227), slice(254, 257)


@dataclass(frozen=True, slots=True)
class Coefficients:
    """How a face moved, 25 times a second."""

    expression: Tensor  # (frames, 64)
    pose: Tensor  # (frames, 9): three angles, three of translation, three of the crop


def read_coefficients(path: Path) -> Coefficients:
    """Raises MediaError naming what the file lacks."""
    import torch
    from scipy.io import loadmat

    if not path.is_file():
        raise MediaError(f"no file at {path}: give a .mat file of face coefficients")
    try:
        values = loadmat(str(path))
    except Exception as error:  # scipy raises whatever the damage leads to
        raise MediaError(f"{path} is no readable .mat file: {error}") from error
    if "coeff" not in values or "transform_params" not in values:
        names = ", ".join(n for n in values if not n.startswith("__")) or "nothing"
        raise MediaError(f"{path} holds {names}: it needs coeff and transform_params")
    coeff = np.asarray(values["coeff"], np.float32)
    crop = np.asarray(values["transform_params"], np.float32)
    fits = coeff.ndim == 2 and coeff.shape[1] == _COLUMNS and crop.shape == (len(coeff), 5)
    if not fits or not len(coeff):
        raise MediaError(
            f"{path} has coeff {coeff.shape} and transform_params {crop.shape}: it needs "
            f"(frames, {_COLUMNS}) and (frames, 5)"
        )
    if not (np.isfinite(coeff).all() and np.isfinite(crop).all()):
        raise MediaError(f"{path} has NaN or infinite coefficients: extract them again")
    pose = np.concatenate((coeff[:, _ANGLES], coeff[:, _SHIFT], crop[:, -3:]), axis=1)
    return Coefficients(torch.from_numpy(coeff[:, _EXPRESSION].copy()), torch.from_numpy(pose))
