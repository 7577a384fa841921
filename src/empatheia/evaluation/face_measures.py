"""What landmarks of decoded clips say of the face: is it one, is it in step, does it feel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empatheia.evaluation.face_clips import Clip
from empatheia.media.audio import read_audio

FPS = 25
REACH = 12  # pictures that sound and lips are shifted against each other
SHUT = 0.03  # opening of the lips, over the distance of the eyes' corners, that looks closed
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
    """Lag in pictures between lips and vowels, positive where the sound is late.

    ``together``: the lag with the highest mean correlation over all clips.
    """

    lags: tuple[int, ...]
    correlations: tuple[float, ...]
    together: int

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
    share = np.zeros(frames)
    for start, end in clip.vowels:
        a, b = start * FPS + shift, end * FPS + shift
        tick = np.arange(frames)
        share += np.clip(np.minimum(tick + 1, b) - np.maximum(tick, a), 0, 1)
    return _level(path, frames) * np.minimum(share, 1)


def correlations(
    lips: NDArray[np.float64], sound: NDArray[np.float64], reach: int = REACH
) -> NDArray[np.float64]:
    """Correlation of ``lips`` with ``sound`` shifted by -reach to reach pictures."""
    found = []
    for lag in range(-reach, reach + 1):
        a = lips[max(0, -lag) : len(lips) - max(0, lag)]
        b = sound[max(0, lag) : len(sound) - max(0, -lag)]
        ok = np.isfinite(a)
        steady = ok.sum() < 8 or np.std(a[ok]) < 1e-9 or np.std(b[ok]) < 1e-9
        found.append(-1.0 if steady else float(np.corrcoef(a[ok], b[ok])[0, 1]))
    return np.array(found)


def best_lag(
    lips: NDArray[np.float64], sound: NDArray[np.float64], reach: int = REACH
) -> tuple[int, float]:
    """The shift of ``sound`` against ``lips`` with the highest correlation."""
    found = correlations(lips, sound, reach)
    best = int(np.argmax(found))
    return best - reach, float(found[best])


def sync(folder: Path, clips: Sequence[Clip], shift: int = 0) -> Sync:
    """``shift``: where the vowels are in the sound (7 for clips whose sound was moved)."""
    table = []
    for clip in clips:
        # The pictures of a moved clip are those of the clip itself; landmarks are found once.
        lips = Clip(
            clip.file.replace("shifted", "lips"), "lips", clip.avatar, clip.emotion, clip.vowels
        )
        gap = opening(track(folder, lips)["points"])
        table.append(correlations(gap, vowel_energy(folder / clip.file, clip, len(gap), shift)))
    found = np.stack(table)
    return Sync(
        tuple(int(i) - REACH for i in found.argmax(1)),
        tuple(float(v) for v in found.max(1)),
        int(found.mean(0).argmax()) - REACH,
    )


def closures(folder: Path, clips: Sequence[Clip]) -> dict[str, float]:
    """Of all P, B and M: the share at which the lips are seen shut, a picture more or less."""
    shut, narrow = [], []
    for clip in clips:
        gap = opening(track(folder, clip)["points"])
        wide = float(np.nanpercentile(gap, 90))
        for start, end in clip.shut:
            near = gap[max(0, int(start * FPS) - 1) : int(end * FPS) + 2]
            if np.isfinite(near).any():
                shut.append(float(np.nanmin(near)) < SHUT)
                narrow.append(float(np.nanmin(near)) / wide)
    return {
        "sounds": len(shut),
        "shut": float(np.mean(shut)),
        "median_share_of_wide_open": float(np.median(narrow)),
    }


def heard(folder: Path, clips: Sequence[Clip]) -> dict[str, float]:
    """Recordings without times: lips shut where it is silent, apart where it is loud."""
    quiet, loud, together = [], [], []
    for clip in clips:
        gap = opening(track(folder, clip)["points"])
        level = loudness(folder / clip.file, len(gap))
        top = float(np.percentile(level, 95))
        silent = level < top - 40
        silent[1:-1] &= silent[2:] & silent[:-2]  # lips open a little before they are heard
        quiet.append(float((gap[silent] < SHUT).mean()))
        loud.append(float((gap[level > top - 4] >= SHUT).mean()))
        together.append(float(np.corrcoef(gap, np.clip(level, top - 40, top))[0, 1]))
    return {
        "clips": len(clips),
        "shut_in_silence": float(np.nanmean(quiet)),
        "open_when_loud": float(np.nanmean(loud)),
        "correlation_with_loudness": float(np.nanmean(together)),
    }


def loudness(path: Path, frames: int) -> NDArray[np.float64]:
    """dB of the decoded sound in each picture's time."""
    return np.asarray(20 * np.log10(_level(path, frames) + 1e-6))


def _level(path: Path, frames: int) -> NDArray[np.float64]:
    sound = read_audio(path)
    edges = np.minimum(
        np.round(np.arange(frames + 1) / FPS * sound.sample_rate).astype(int), len(sound.audio)
    )
    square = np.r_[0.0, np.cumsum(sound.audio.astype(np.float64) ** 2)]
    return np.asarray(np.sqrt(np.diff(square[edges]) / np.maximum(np.diff(edges), 1)))
