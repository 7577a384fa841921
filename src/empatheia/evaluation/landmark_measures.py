"""What landmarks of clips say beyond lips in step: distances to a reference, blinks, still lips.

Landmarks are the 478 points of FaceMesh in ``NAME.npz`` beside ``NAME.mp4``, as
``python -m empatheia.evaluation.face_landmarks`` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import MediaError
from empatheia.evaluation.face_measures import FPS, loudness, opening
from empatheia.evaluation.pictures import SLACK, shape_of

Points = NDArray[np.float64]  # (frames, 478, 2), pixels, NaN where no face was found
HOW: Final = "NAME.npz beside the video, from `python -m empatheia.evaluation.face_landmarks`"
INNER: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178)
OUTER: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181)
MOUTH: Final = INNER + OUTER
SHUT_EYE: Final = 0.6  # of the clip's own median opening
LONGEST: Final = 12  # pictures that a blink lasts at most
SILENT: Final = 40.0  # dB under the clip's 95th percentile
# upper, lower, upper, lower lid; outer and inner corner
_EYES: Final = ((160, 144, 158, 153, 33, 133), (385, 380, 387, 373, 263, 362))


def read_points(video: Path) -> Points | None:
    """Landmarks that belong to a video, (frames, 478, 2).

    In pixels of the video's middle square scaled to 256 x 256, as its pictures are looked at.

    None where there are none. Raises MediaError for a file that holds something else.
    """
    path = video.with_suffix(".npz")
    if not path.is_file():
        return None
    try:
        with np.load(path) as data:
            height, width = (float(v) for v in data["size"])
            points = np.asarray(data["points"], np.float64)
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise MediaError(f"{path} does not hold landmarks: it should be {HOW}") from error
    if points.ndim != 3 or points.shape[1:] != (478, 2) or len(points) == 0:
        raise MediaError(f"{path} holds points of shape {points.shape}: (frames, 478, 2) is needed")
    side, sides = min(width, height), np.array([width, height])
    return (points - (sides - side) / 2) * (256 / side)


def points_of(video: Path) -> Points | None:
    """:func:`read_points` at 25 pictures a second, whatever the video's own rate.

    Raises MediaError as well where video and landmarks have not as many pictures.
    """
    points = read_points(video)
    if points is None:
        return None
    shape = shape_of(video)
    if abs(len(points) - shape.frames) > SLACK:
        raise MediaError(
            f"{video.with_suffix('.npz')} holds {len(points)} pictures, the video {shape.frames}: "
            "make the landmarks again, of every picture"
        )
    if abs(shape.rate - FPS) < 0.01:
        return points
    count = round((len(points) - 1) * FPS / shape.rate) + 1
    shown = (np.arange(count) / FPS * shape.rate + 0.25).astype(int)
    return points[np.minimum(shown, len(points) - 1)]


@dataclass(frozen=True, slots=True)
class Distances:
    """Mean distance in pixels of a 256 x 256 picture: mouth (its place taken out), whole face."""

    mouth: float
    face: float
    frames: int


def distances(ours: Points, theirs: Points) -> Distances:
    """Frame by frame up to the shorter; frames where either has no face are left out.

    Mouth: the 36 lip points after both lips' centres are laid on each other, so that a head that
    moves otherwise does not count as other lips. Face: all points as they stand.
    """
    count = min(len(ours), len(theirs))
    a, b = ours[:count], theirs[:count]
    seen = np.isfinite(a).all((1, 2)) & np.isfinite(b).all((1, 2))
    if not seen.any():
        return Distances(float("nan"), float("nan"), 0)
    a, b = a[seen], b[seen]
    lips = [x[:, MOUTH] - x[:, MOUTH].mean(1, keepdims=True) for x in (a, b)]
    mouth = np.linalg.norm(lips[0] - lips[1], axis=-1).mean()
    return Distances(float(mouth), float(np.linalg.norm(a - b, axis=-1).mean()), int(seen.sum()))


@dataclass(frozen=True, slots=True)
class Blinks:
    """How often and for how long both eyes shut. People: 10 to 25 a minute, 0.1 to 0.4 s."""

    count: int
    seconds: float
    per_minute: float
    mean_length: float  # seconds, NaN without a blink


def eye_opening(points: Points) -> NDArray[np.float64]:
    """Eye aspect ratio (Soukupova and Cech 2016), mean of both eyes, (frames,)."""
    sides = []
    for a, b, c, d, outer, inner in _EYES:
        lids = _apart(points, a, b) + _apart(points, c, d)
        sides.append(lids / (2 * _apart(points, outer, inner)))
    return np.asarray(np.mean(sides, 0))


def _apart(points: Points, i: int, j: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(points[:, i] - points[:, j], axis=-1))


def blinks(points: Points, fps: float = FPS) -> Blinks:
    """Runs of at most half a second in which the eyes are under 0.6 of their usual opening."""
    ear = eye_opening(points)
    if not np.isfinite(ear).any():
        return Blinks(0, len(ear) / fps, float("nan"), float("nan"))
    shut = np.nan_to_num(ear, nan=np.inf) < SHUT_EYE * np.nanmedian(ear)
    edges = np.flatnonzero(np.diff(np.r_[0, shut.astype(np.int8), 0]))
    lengths = [b - a for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a <= LONGEST]
    seconds = len(ear) / fps
    mean = float(np.mean(lengths)) / fps if lengths else float("nan")
    return Blinks(len(lengths), seconds, 60 * len(lengths) / seconds, mean)


def silent_lip(points: Points, sound: Path) -> float:
    """Mean absolute deviation of the lips' opening in silences of 0.3 s and more; NaN if none.

    THEval's measure of lips that move while nothing is said; opening over the distance of the
    eyes' outer corners.
    """
    gap = opening(points)
    level = loudness(sound, len(gap))
    quiet = level < np.percentile(level, 95) - SILENT
    edges = np.flatnonzero(np.diff(np.r_[0, quiet.astype(np.int8), 0]))
    runs = [
        gap[a:b]
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a >= 0.3 * FPS and np.isfinite(gap[a:b]).any()
    ]
    if not runs:
        return float("nan")
    return float(np.mean([np.nanmean(np.abs(r - np.nanmedian(r))) for r in runs]))
