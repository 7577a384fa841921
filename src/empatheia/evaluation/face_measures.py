"""What landmarks of decoded clips say of the face: is it one, is it in step, does it feel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empatheia.evaluation.face_clips import Clip
from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.media.audio import read_audio

FPS = 25
UPPER, LOWER, LEFT_EYE, RIGHT_EYE = 13, 14, 33, 263  # inner lips and outer corners of the eyes


@dataclass(frozen=True, slots=True)
class Presence:
    """Pictures looked at, and those with exactly one face."""

    pictures: int
    one_face: int
    worst: str

    @property
    def share(self) -> float:
        return self.one_face / max(self.pictures, 1)


@dataclass(frozen=True, slots=True)
class Sync:
    """Lag in pictures between lips and vowels, positive where the sound is late."""

    lags: tuple[int, ...]
    correlations: tuple[float, ...]

    def within(self, centre: int, slack: int = 1) -> float:
        return float(np.mean([abs(lag - centre) <= slack for lag in self.lags]))


def track(folder: Path, clip: Clip) -> dict[str, NDArray[np.float64]]:
    with np.load(folder / (Path(clip.file).stem + ".npz")) as data:
        return {name: data[name] for name in data.files}


def presence(folder: Path, clips: Sequence[Clip]) -> Presence:
    pictures = one = 0
    worst, lowest = "", 2.0
    for clip in clips:
        faces = track(folder, clip)["faces"]
        pictures, one = pictures + len(faces), one + int((faces == 1).sum())
        if (share := float((faces == 1).mean())) < lowest:
            worst, lowest = f"{clip.avatar} {clip.emotion} {share:.2f}", share
    return Presence(pictures, one, worst)


def opening(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of the inner lips over the distance of the eyes, (frames,)."""
    gap = np.hypot(*(points[:, LOWER] - points[:, UPPER]).T)
    return gap / np.hypot(*(points[:, LEFT_EYE] - points[:, RIGHT_EYE]).T)


def vowel_energy(path: Path, clip: Clip, frames: int, shift: int = 0) -> NDArray[np.float64]:
    """Loudness of the decoded sound in each picture's time, where a vowel is spoken."""
    sound = read_audio(path)
    edges = np.minimum(
        np.round(np.arange(frames + 1) / FPS * sound.sample_rate).astype(int), len(sound.audio)
    )
    square = np.r_[0.0, np.cumsum(sound.audio.astype(np.float64) ** 2)]
    loud = np.sqrt(np.diff(square[edges]) / np.maximum(np.diff(edges), 1))
    share = np.zeros(frames)
    for start, end in clip.vowels:
        a, b = start * FPS + shift, end * FPS + shift
        tick = np.arange(frames)
        share += np.clip(np.minimum(tick + 1, b) - np.maximum(tick, a), 0, 1)
    return loud * np.minimum(share, 1)


def best_lag(
    lips: NDArray[np.float64], sound: NDArray[np.float64], reach: int = 12
) -> tuple[int, float]:
    """The shift of ``sound`` against ``lips`` with the highest correlation."""
    found = []
    for lag in range(-reach, reach + 1):
        a = lips[max(0, -lag) : len(lips) - max(0, lag)]
        b = sound[max(0, lag) : len(sound) - max(0, -lag)]
        ok = np.isfinite(a)
        steady = ok.sum() < 8 or np.std(a[ok]) < 1e-9 or np.std(b[ok]) < 1e-9
        found.append(-1.0 if steady else float(np.corrcoef(a[ok], b[ok])[0, 1]))
    best = int(np.argmax(found))
    return best - reach, found[best]


def sync(folder: Path, clips: Sequence[Clip], shift: int = 0) -> Sync:
    """``shift``: where the vowels are in the sound (7 for clips whose sound was moved)."""
    lags, values = [], []
    for clip in clips:
        # The pictures of a moved clip are those of the clip itself; landmarks are found once.
        lips = Clip(
            clip.file.replace("shifted", "lips"), "lips", clip.avatar, clip.emotion, clip.vowels
        )
        gap = opening(track(folder, lips)["points"])
        lag, value = best_lag(gap, vowel_energy(folder / clip.file, clip, len(gap), shift))
        lags.append(lag)
        values.append(value)
    return Sync(tuple(lags), tuple(values))


def features(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 478, 2) -> (frames, n): shape without place, size and tilt, from the eyes."""
    left, right = points[:, LEFT_EYE], points[:, RIGHT_EYE]
    middle, across = (left + right) / 2, right - left
    length = np.hypot(*across.T)
    c, s = across[:, 0] / length, across[:, 1] / length
    moved = points - middle[:, None]
    x = (moved[..., 0] * c[:, None] + moved[..., 1] * s[:, None]) / length[:, None]
    y = (moved[..., 1] * c[:, None] - moved[..., 0] * s[:, None]) / length[:, None]
    tilt = np.arctan2(across[:, 1], across[:, 0])[:, None]
    return np.concatenate([x, y, tilt], 1)


def emotion_accuracy(
    train: Sequence[tuple[NDArray[np.float64], str]],
    test: Sequence[tuple[NDArray[np.float64], str]],
) -> tuple[float, NDArray[np.int64]]:
    """Share of test clips named rightly, and the confusion (truth, named), by mean landmarks."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), PCA(40, random_state=0), LogisticRegression(C=1.0, max_iter=2000)
    )
    rows = np.concatenate([f[np.isfinite(f).all(1)] for f, _ in train])
    names = [name for f, name in train for _ in range(int(np.isfinite(f).all(1).sum()))]
    model.fit(rows, names)
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)
    for f, name in test:
        usable = f[np.isfinite(f).all(1)]
        if len(usable) == 0:
            continue
        chances = model.predict_log_proba(usable).mean(0)
        said = str(model.classes_[int(np.argmax(chances))])
        confusion[EMOTIONS.index(name), EMOTIONS.index(said)] += 1
    return float(np.trace(confusion) / max(confusion.sum(), 1)), confusion
