"""What classifiers that were trained on real actors hear in a recording; never on our voices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.data.labels import EMOTIONS8
from empatheia.media.audio import read_audio
from empatheia.types import Speech


@dataclass(frozen=True, slots=True)
class Hearing:
    """Support vector machines on mel and pitch statistics. ``emotions`` can be heard."""

    feeling: Any
    sex: Any
    emotions: tuple[str, ...]

    def emotion(self, speech: Speech) -> str:
        """One of ``emotions``. Raises InputError where there is no voice."""
        return str(self.feeling.predict(_rows([speech]))[0])

    def gender(self, speech: Speech) -> str:
        """``male`` or ``female``; the actors are adults. Raises InputError without a voice."""
        return str(self.sex.predict(_rows([speech]))[0])


def _rows(found: list[Speech]) -> np.ndarray:
    from empatheia.evaluation.voice import _features

    return np.array([_features(speech) for speech in found])


@cache
def hear_actors(ravdess: Path) -> Hearing:
    """Trained on all clips of a RAVDESS folder (odd actors are men). Raises InputError."""
    from empatheia.data.actors import actor_clips
    from empatheia.evaluation.voice import _classifier

    clips = [c for c in actor_clips(ravdess) if c.emotion in EMOTIONS8]
    rows = _rows([read_audio(c.path) for c in clips])
    names = [c.emotion for c in clips]
    sexes = ["male" if c.actor % 2 else "female" for c in clips]
    fitted = _classifier().fit(rows, names), _classifier().fit(rows, sexes)
    return Hearing(*fitted, tuple(sorted(set(names))))
