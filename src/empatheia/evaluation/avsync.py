"""AVSync-L: whether lips follow the sound, by a linear model (after FaceSync, Slaney 2000).

A ridge regression predicts the mouth's opening from log mel energies; a clip's score is how well
the prediction correlates with the seen mouth when the sound is shifted against it. It is fitted on
clips whose lips are right. It is not SyncNet and carries its own name and the digest of its
numbers. Frontal faces, clips of 4 s and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import InputError
from empatheia.evaluation.sound_features import RATE, mel_energies
from empatheia.media.audio import resample
from empatheia.types import Speech

FPS: Final = 25
CONTEXT: Final = 6  # pictures of sound before and after
REACH: Final = 15  # pictures that sound is shifted by
NEAR: Final = 2  # shifts that count as in step for ``sync_r``
SETTINGS: Final = {"fps": FPS, "context": CONTEXT, "reach": REACH, "band": "0.3 to 10 Hz"}
NEEDS: Final = "fitted numbers, from `empatheia evaluate avsync-fit`, given by --avsync"
SHIPPED: Final = "avsync.safetensors"  # fitted on rendered clips of 11 of the 22 drawn people
_INNER: Final = ((13, 14), (82, 87), (312, 317))
_EYES: Final = (33, 263)


@dataclass(frozen=True, slots=True)
class AVSync:
    """The linear model: (26 x 13 + 1, 2) numbers, their file's digest, what they were fitted on."""

    coefficients: NDArray[np.float64]
    digest: str = "none"
    source: str = "unknown"
    clips: int = 0

    def settings(self) -> dict[str, Any]:
        """How it measures, and what it knows lips from."""
        return {**SETTINGS, "fitted_on": self.source, "fitted_clips": self.clips}


@dataclass(frozen=True, slots=True)
class LagScore:
    """Of one clip. ``offset`` in pictures, above 0: the sound is late. ``p``: share of circular
    shifts of the sound that are at least as good."""

    offset: int
    distance: float
    confidence: float
    sync_r: float
    p: float


def mouth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 478, 2) -> (frames, 2): inner opening and outer height over the eyes' distance.

    Band-passed to 0.3-10 Hz and standardised; gaps are bridged.
    """
    from scipy.signal import butter, sosfiltfilt

    def apart(i: int, j: int) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(points[:, i] - points[:, j], axis=-1))

    eyes = apart(*_EYES)
    both = np.stack([np.mean([apart(i, j) for i, j in _INNER], 0) / eyes, apart(0, 17) / eyes], 1)
    tick = np.arange(len(both))
    for column in both.T:
        known = np.isfinite(column)
        if known.sum() < len(column) / 2:
            raise InputError("a face was found in less than half of the pictures")
        column[~known] = np.interp(tick[~known], tick[known], column[known])
    if len(both) < 3 * REACH:
        raise InputError(f"{len(both)} pictures are too few for lip-sync: give 4 s and more")
    passed = sosfiltfilt(butter(2, (0.3, 10), "bandpass", fs=FPS, output="sos"), both, axis=0)
    return np.asarray((passed - passed.mean(0)) / np.maximum(passed.std(0), 1e-9))


def sound(speech: Speech, frames: int) -> NDArray[np.float64]:
    """(frames, 26 x 13 + 1): log mel around each picture, standardised over the clip, and a one.

    Fewer than ``frames`` where the sound ends earlier: silence that is not there is not made up.
    """
    audio = resample(speech.audio, speech.sample_rate, RATE).astype(np.float64)
    mel = np.log(mel_energies(audio)[0] + 1e-8)
    frames = min(frames, -(-len(mel) // 4))  # the last window may end within a picture
    mel = np.pad(mel, ((0, max(0, 4 * frames - len(mel))), (0, 0)), "edge")[: 4 * frames]
    mel = mel.reshape(frames, 4, -1).mean(1)
    mel = (mel - mel.mean(0)) / np.maximum(mel.std(0), 1e-6)
    wide = np.pad(mel, ((CONTEXT, CONTEXT), (0, 0)), "edge")
    around = [wide[k : k + frames] for k in range(2 * CONTEXT + 1)]
    return np.concatenate([*around, np.ones((frames, 1))], 1)


def fit(
    clips: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], strength: float = 100.0
) -> AVSync:
    """Ridge regression over (sound, mouth) of clips whose lips are right, cut to the shorter.

    Raises InputError.
    """
    if not clips:
        raise InputError("no clip with sound and landmarks: nothing to fit on")
    x = np.concatenate([s[: len(m)] for s, m in clips])
    y = np.concatenate([m[: len(s)] for s, m in clips])
    penalty = strength * np.eye(x.shape[1])
    penalty[-1, -1] = 1e-6
    return AVSync(np.linalg.solve(x.T @ x + penalty, x.T @ y))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Mean over the columns."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.maximum(np.sqrt((a**2).sum(0) * (b**2).sum(0)), 1e-12)
    return float(((a * b).sum(0) / scale).mean())


def score(model: AVSync, heard: NDArray[np.float64], seen: NDArray[np.float64]) -> LagScore:
    """One clip from :func:`sound` and :func:`mouth`. No padding: only frames valid at all shifts.

    Raises InputError where the clip is too short.
    """
    count = min(len(heard), len(seen))
    if count < 4 * REACH:
        raise InputError(f"{count} pictures are too few for lip-sync: give 4 s and more")
    said, still = heard[:count] @ model.coefficients, seen[REACH : count - REACH]
    lags = range(-REACH, REACH + 1)
    r = np.array([_correlation(said[REACH + k : count - REACH + k], still) for k in lags])
    d = np.sqrt(np.maximum(2 - 2 * r, 0))
    best = int(np.argmin(d))
    near = float(r[REACH - NEAR : REACH + NEAR + 1].max())
    rolled = [
        max(_correlation(np.roll(said, s + k, 0), seen[:count]) for k in (-1, 0, 1))
        for s in range(FPS, count - FPS)
    ]
    own = max(_correlation(np.roll(said, k, 0), seen[:count]) for k in (-1, 0, 1))
    p = (1 + sum(v >= own for v in rolled)) / (1 + len(rolled))
    return LagScore(best - REACH, float(d[best]), float(np.median(d) - d[best]), near, p)


def save(model: AVSync, path: Path, clips: int, source: str) -> None:
    """Write the numbers with what they were fitted on."""
    import torch

    from empatheia import hub

    meta = {"kind": "avsync-l", "clips": clips, "source": source, **SETTINGS}
    hub.save(path, {"coefficients": torch.from_numpy(model.coefficients.astype(np.float32))}, meta)


def load(path: Path) -> AVSync:
    """Raises WeightsError where the file is another one."""
    from empatheia import hub
    from empatheia.errors import WeightsError

    weights = hub.load(path)
    if weights.meta.get("kind") != "avsync-l":
        raise WeightsError(f"{path} does not hold AVSync-L numbers: {NEEDS}")
    told = str(weights.meta.get("source", "unknown")), int(weights.meta.get("clips", 0))
    return AVSync(weights.tensors["coefficients"].double().numpy(), weights.digest, *told)
