"""Whether pictures, or movements, are spread as those of real clips are; no pairs are needed.

FID is the name of one thing only: the Fréchet distance of Inception's pool3 features, for which
the weights are brought. FD-landmark is the same distance of movements told by landmarks; it needs
no weights and cannot be compared with FID. KID is unbiased, FID falls as pictures are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from empatheia.errors import InputError, WeightsError
from empatheia.evaluation.face_measures import LEFT_EYE, RIGHT_EYE, opening
from empatheia.evaluation.landmark_measures import Points, eye_opening
from empatheia.files import digest_of
from empatheia.types import ImageArray

INCEPTION: Final = (
    "inception-2015-12-05.pt, from nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/"
    "metrics, given by --inception"
)
POOL3: Final = 2048
BATCH: Final = 16
Rows = NDArray[np.float64]  # (sample, dim)


def frechet(one: Rows, other: Rows) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2) of Gaussians fitted to both (Heusel et al. 2017).

    The trace of the root is the sum of singular values of R1 R2^T, where S = R^T R: no matrix root.
    Raises InputError for fewer than two samples.
    """
    if min(len(one), len(other)) < 2:
        raise InputError("a Fréchet distance needs two samples and more on each side")
    apart = one.mean(0) - other.mean(0)
    roots = [np.linalg.qr(x - x.mean(0), "r") / np.sqrt(len(x) - 1) for x in (one, other)]
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    spread = sum(float((r**2).sum()) for r in roots)
    return max(0.0, float(apart @ apart) + spread - 2 * float(shared))


def kid(one: Rows, other: Rows) -> float:
    """Unbiased squared MMD with the kernel (x.y / dim + 1)^3 (Binkowski et al. 2018)."""
    if min(len(one), len(other)) < 2:
        raise InputError("KID needs two samples and more on each side")

    def kernel(a: Rows, b: Rows) -> Rows:
        return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)

    within = []
    for x in (one, other):
        all_pairs = kernel(x, x)
        within.append((all_pairs.sum() - np.trace(all_pairs)) / (len(x) * (len(x) - 1)))
    return float(sum(within) - 2 * kernel(one, other).mean())


def movement(points: Points) -> Rows:
    """(frames, 478, 2) -> (frames - 1, 12): what a face does in a picture, and since the last.

    Opening of lips and eyes, width of the mouth, place of the face and its tilt, over the distance
    of the eyes' outer corners; pictures without a face are left out.
    """
    left, right = points[:, LEFT_EYE], points[:, RIGHT_EYE]
    across, middle = right - left, (left + right) / 2
    length = np.hypot(*across.T)
    wide = np.linalg.norm(points[:, 61] - points[:, 291], axis=-1) / length
    place = middle / np.nanmedian(length) if np.isfinite(length).any() else middle
    place = place - (np.nanmean(place, 0) if np.isfinite(place).any() else 0)
    tilt = np.arctan2(across[:, 1], across[:, 0])
    now = np.stack([opening(points), eye_opening(points), wide, *place.T, tilt], 1)
    rows = np.concatenate([now[1:], np.diff(now, axis=0)], 1)
    return np.asarray(rows[np.isfinite(rows).all(1)])


def movement_distance(ours: Sequence[Rows], real: Sequence[Rows]) -> float:
    """FD-landmark of clips' movements, each number over its spread among real ones."""
    theirs = np.concatenate(real)
    spread = np.maximum(theirs.std(0), 1e-9)
    return frechet(np.concatenate(ours) / spread, theirs / spread)


class Inception:
    """Pool3 of the Inception of 2015-12-05 as TorchScript, which scales pictures by itself."""

    def __init__(self, path: Path) -> None:
        """Raises WeightsError."""
        if not path.is_file():
            raise WeightsError(f"no Inception weights at {path}: needs {INCEPTION}")
        try:
            self.net = torch.jit.load(str(path), map_location="cpu").eval()
        except RuntimeError as error:
            raise WeightsError(f"{path} is no TorchScript file: needs {INCEPTION}") from error
        self.digest = digest_of(path)

    @torch.inference_mode()
    def __call__(self, frames: Sequence[ImageArray]) -> Rows:
        """(picture, 2048). Raises WeightsError where the network gives something else."""
        out = []
        for start in range(0, len(frames), BATCH):
            batch = torch.from_numpy(np.stack(frames[start : start + BATCH])).permute(0, 3, 1, 2)
            try:
                found = self.net(batch, return_features=True)
            except RuntimeError as error:
                raise WeightsError(f"the network gives no features: needs {INCEPTION}") from error
            if found.shape != (len(batch), POOL3):
                raise WeightsError(f"features of {tuple(found.shape)}: needs {INCEPTION}")
            out.append(found.double().numpy())
        return np.concatenate(out)
