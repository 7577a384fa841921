"""What classifiers that were trained on real actors hear in a recording; never on our voices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.data.labels import EMOTIONS8
from empatheia.types import Speech


@dataclass(frozen=True, slots=True)
class Hearing:
    """Support vector machines on mel and pitch statistics. ``emotions`` can be heard.

    ``held_out``: for each clip of actors that the same machines were not taught by, whether the
    emotion and whether the gender was named rightly, in percent.
    """

    feeling: Any
    sex: Any
    emotions: tuple[str, ...]
    held_out: tuple[tuple[float, float], ...] = ()

    def emotion(self, speech: Speech) -> str:
        """One of ``emotions``. Raises InputError where there is no voice."""
        return str(self.feeling.predict(_rows([speech]))[0])

    def gender(self, speech: Speech) -> str:
        """``male`` or ``female``; the actors are adults. Raises InputError without a voice."""
        return str(self.sex.predict(_rows([speech]))[0])


def _rows(found: list[Speech]) -> np.ndarray:
    from empatheia.evaluation.voice import features_of

    return np.array([features_of(speech) for speech in found])


@cache
def hear_actors(ravdess: Path) -> Hearing:
    """Trained on all clips of a RAVDESS folder (odd actors are men) that have a pitch.

    The last fifth of the actors, before they are learnt from, say how well this works. Raises
    InputError.
    """
    from empatheia.data.actors import actor_clips
    from empatheia.evaluation.voice import audible, classifier

    found = list(audible([c for c in actor_clips(ravdess) if c.emotion in EMOTIONS8]))
    rows = np.array([features for _, features in found])
    actors = np.array([clip.actor for clip, _ in found])
    names = np.array([clip.emotion for clip, _ in found])
    sexes = np.where(actors % 2, "male", "female")
    people = sorted(set(actors.tolist()))
    last = np.isin(actors, people[-(len(people) // 5) :]) if len(people) >= 5 else actors < 0
    hits = [
        100.0 * (classifier().fit(rows[~last], y[~last]).predict(rows[last]) == y[last])
        for y in ((names, sexes) if last.any() else ())
    ]
    fitted = [classifier().fit(rows, y) for y in (names, sexes)]
    kept = tuple((float(a), float(b)) for a, b in zip(*hits, strict=True)) if hits else ()
    return Hearing(fitted[0], fitted[1], tuple(sorted(set(names.tolist()))), kept)
