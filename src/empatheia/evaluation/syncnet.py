"""SyncNet (Chung and Zisserman 2016): network and scoring; the published weights are brought.

``syncnet_v2.model`` (54.6 MB) is from www.robots.ox.ac.uk/~vgg/software/lipsync/data. The face is
cropped here by landmarks instead of the S3FD detector, so the figures are named "own crop".
LSE-D is the least mean distance over shifts, LSE-C (Sync_cf) the median minus the least.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from empatheia.errors import InputError, WeightsError
from empatheia.evaluation.sound_features import RATE, mfcc
from empatheia.files import digest_of
from empatheia.media.audio import resample
from empatheia.types import ImageArray, Speech

if TYPE_CHECKING:
    from jaxtyping import Float

NEEDS: Final = (
    "syncnet_v2.model, from www.robots.ox.ac.uk/~vgg/software/lipsync/data, given by --syncnet"
)
SHIFT: Final = 15  # pictures that the sound is moved by, either way
SPAN: Final = 5  # pictures a window
SIDE: Final = 224
DIM: Final = 1024


def _conv(
    inside: int, out: int, kernel: tuple[int, ...], stride: int = 1, pad: int = 1
) -> list[nn.Module]:
    """Convolution, batch norm, ReLU; 3-d kernels stride and pad only within a picture."""
    if len(kernel) == 3:
        step, edge = (1, stride, stride), (0, pad, pad)
        return [nn.Conv3d(inside, out, kernel, step, edge), nn.BatchNorm3d(out), nn.ReLU()]
    return [nn.Conv2d(inside, out, kernel, stride, pad), nn.BatchNorm2d(out), nn.ReLU()]  # type: ignore[arg-type]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, DIM))


class SyncNet(nn.Module):
    """Two towers whose outputs are near where lips and sound belong together (13.6 M numbers)."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_conv(1, 64, (3, 3)), nn.MaxPool2d(1, 1),
            *_conv(64, 192, (3, 3)), nn.MaxPool2d(3, (1, 2)),
            *_conv(192, 384, (3, 3)), *_conv(384, 256, (3, 3)),
            *_conv(256, 256, (3, 3)), nn.MaxPool2d(3, 2),
            *_conv(256, 512, (5, 4), pad=0),
        )  # fmt: skip
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_conv(3, 96, (5, 7, 7), 2, 0), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv(96, 256, (1, 5, 5), 2), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_conv(256, 256, (1, 3, 3)), *_conv(256, 256, (1, 3, 3)),
            *_conv(256, 256, (1, 3, 3)), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv(256, 512, (1, 6, 6), pad=0),
        )  # fmt: skip

    def sound(self, x: Float[Tensor, "window 1 13 20"]) -> Float[Tensor, "window 1024"]:
        return self.netfcaud(self.netcnnaud(x).flatten(1))

    def lips(self, x: Float[Tensor, "window 3 5 224 224"]) -> Float[Tensor, "window 1024"]:
        return self.netfclip(self.netcnnlip(x).flatten(1))


@dataclass(frozen=True, slots=True)
class SyncScore:
    """Of one clip. ``offset`` in pictures: above 0 the sound leads. ``confidence`` is LSE-C."""

    offset: int
    distance: float
    confidence: float
    windows: int


def shift_scores(lips: Tensor, sound: Tensor, shift: int = SHIFT) -> SyncScore:
    """Distances of window features (windows, dim) at every shift; sound is zero-padded."""
    count = min(len(lips), len(sound))
    padded = nn.functional.pad(sound[:count], (0, 0, shift, shift))
    found = [
        float((lips[:count] - padded[k : k + count] + 1e-6).norm(dim=1).mean())
        for k in range(2 * shift + 1)
    ]
    best = int(np.argmin(found))
    return SyncScore(shift - best, found[best], float(np.median(found)) - found[best], count)


class SyncNetScorer:
    """Weights by path. Raises WeightsError where the file is not SyncNet's."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise WeightsError(f"no file at {path}: needs {NEEDS}")
        self.digest = digest_of(path)
        self.net = SyncNet().eval()
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.net.load_state_dict(state)
        except Exception as error:
            told = " ".join(str(error).split())[:200]
            raise WeightsError(f"{path} does not hold SyncNet's weights: {told}") from error

    @torch.inference_mode()
    def __call__(self, faces: ImageArray, speech: Speech) -> SyncScore:
        """``faces`` (frames, 224, 224, 3) RGB at 25 a second. Raises InputError if too short."""
        audio = resample(speech.audio, speech.sample_rate, RATE)
        rows = mfcc(np.round(audio.astype(np.float64) * 32767))
        count = min(len(faces) - SPAN, (len(rows) - 20) // 4) + 1
        if count < 2 * SHIFT:
            raise InputError(f"{count} windows of lips and sound are too few: give 2 s and more")
        lips, sound = [], []
        for start in range(0, count, 16):
            some = range(start, min(start + 16, count))
            lips.append(self.net.lips(torch.stack([_pictures(faces[i : i + SPAN]) for i in some])))
            parts = [torch.from_numpy(rows[4 * i : 4 * i + 20].T).float()[None] for i in some]
            sound.append(self.net.sound(torch.stack(parts)))
        return shift_scores(torch.cat(lips), torch.cat(sound))


def _pictures(frames: ImageArray) -> Tensor:
    """(5, 224, 224, 3) RGB -> (3, 5, 224, 224) BGR, 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(frames[..., ::-1])).permute(3, 0, 1, 2).float()


def crop_faces(frames: ImageArray, points: NDArray[np.float64], side: int = SIDE) -> ImageArray:
    """A steady square around the face, scaled to ``side``. ``points`` in pixels of ``frames``.

    As the published tools crop a detected box: smoothed over 13 pictures, widened by 0.4 with
    more below than above, grey (110) beyond the picture.
    """
    import cv2
    from scipy.signal import medfilt

    seen = np.asarray(np.isfinite(points).all((1, 2)))[:, None]
    low, high = (np.where(seen, f(points, 1), np.nan) for f in (np.min, np.max))
    size = _filled(np.max(high - low, 1) / 2)
    centre = [_filled((low[:, i] + high[:, i]) / 2) for i in range(2)]
    window = min(13, len(size) - (len(size) + 1) % 2)
    size, x, y = (medfilt(v, window) for v in (size, *centre))
    out = []
    for i, frame in enumerate(frames[: len(size)]):
        pad = int(size[i] * (1 + 2 * 0.4)) + 1
        wide = cv2.copyMakeBorder(
            frame, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(110, 110, 110)
        )
        left, right = (int(x[i] + pad + s * size[i] * 1.4) for s in (-1, 1))
        top, bottom = int(y[i] + pad - size[i]), int(y[i] + pad + size[i] * 1.8)
        out.append(cv2.resize(wide[top:bottom, left:right], (side, side)))
    return np.stack(out)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps (NaN) bridged in a straight line. Raises InputError where no face was found at all."""
    known = np.isfinite(values)
    if not known.any():
        raise InputError("no face in any picture: nothing to crop")
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
