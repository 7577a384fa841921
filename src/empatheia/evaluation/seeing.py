"""What a face feels by its landmarks, for a classifier trained on other people's faces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empatheia.data.labels import EMOTIONS8
from empatheia.errors import InputError
from empatheia.evaluation.face_measures import LEFT_EYE, RIGHT_EYE
from empatheia.evaluation.landmark_measures import HOW, read_points
from empatheia.face.avatar.feeling import EMOTIONS

Shape = NDArray[np.float64]  # (frames, n) of ``features``; rows that are not finite have no face
Labelled = tuple[Shape, str]


def features(points: NDArray[np.float64]) -> Shape:
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


@dataclass(frozen=True, slots=True)
class Seeing:
    """Discriminant analysis of whitened landmarks: what differs between people counts less.

    ``held_out``: for each clip of a person that the same analysis was not taught by, whether the
    emotion was named rightly, in percent. ``digest``: of the clips that it learnt from.
    """

    model: Any
    held_out: tuple[float, ...] = ()
    digest: str = "none"

    @classmethod
    def trained(cls, clips: Sequence[Labelled]) -> Seeing:
        from sklearn.decomposition import PCA
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows = np.concatenate([_usable(shape) for shape, _ in clips])
        names = [name for shape, name in clips for _ in _usable(shape)]
        size = min(80, sum(len(shape) for shape, _ in clips) // 2)
        analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
        model = make_pipeline(StandardScaler(), PCA(size, random_state=0), analysis)
        return cls(model.fit(rows, names))

    @property
    def emotions(self) -> tuple[str, ...]:
        """That can be seen."""
        return tuple(map(str, self.model.classes_))

    def emotion(self, shape: Shape) -> str | None:
        """The likeliest over all pictures; None where no picture has a face."""
        usable = _usable(shape)
        if len(usable) == 0:
            return None
        chances = np.log(np.clip(self.model.predict_proba(usable), 1e-6, 1)).mean(0)
        return str(self.model.classes_[int(np.argmax(chances))])


def _usable(shape: Shape) -> Shape:
    return shape[np.isfinite(shape).all(1)]


def see_people(mead: Path) -> Seeing:
    """Trained on the landmarks of a folder of MEAD clips.

    Raises InputError where it has not two emotions, MediaError for a file without landmarks.
    """
    people: dict[str, list[Labelled]] = {}
    for path in sorted(mead.glob("*.npz")):
        emotion = next((e for e in EMOTIONS8 if f"_{e}_" in path.stem), None)
        points = read_points(path)
        if emotion is not None and points is not None:
            people.setdefault(path.stem.partition("_")[0], []).append((features(points), emotion))
    clips = [clip for some in people.values() for clip in some]
    if len({emotion for _, emotion in clips}) < 2:
        raise InputError(
            f"{mead} has no landmarks of two emotions and more: needs MEAD clips "
            f"(PERSON_..._EMOTION_....mp4) and {HOW}"
        )
    told = hashlib.sha256()
    for shape, emotion in clips:
        told.update(emotion.encode() + shape.tobytes())
    digest = told.hexdigest()[:16]
    return Seeing(Seeing.trained(clips).model, tuple(_held_out(people)), digest)


def _held_out(people: Mapping[str, Sequence[Labelled]]) -> Iterator[float]:
    """Each person named by what the others taught."""
    for person, clips in people.items():
        others = [clip for name, some in people.items() if name != person for clip in some]
        if len({emotion for _, emotion in others}) > 1:
            seeing = Seeing.trained(others)
            yield from (100.0 * (seeing.emotion(shape) == emotion) for shape, emotion in clips)


def emotion_accuracy(
    train: Sequence[Labelled], test: Sequence[Labelled]
) -> tuple[float, NDArray[np.int64]]:
    """Share of test clips named rightly, and the confusion (truth, named)."""
    seeing = Seeing.trained(train)
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)
    for shape, name in test:
        said = seeing.emotion(shape)
        if said is not None:
            confusion[EMOTIONS.index(name), EMOTIONS.index(said)] += 1
    return float(np.trace(confusion) / max(confusion.sum(), 1)), confusion
