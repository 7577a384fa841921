"""What classifiers that were trained on real actors hear in a recording; never on our voices.

Rooms, microphones and generators colour a spectrum more than feelings do: a classifier of plain
features calls nearly all of a stranger's recordings one and the same. So loudness is left out
(replies are evened out in it), and for the feeling each recording is told by how it differs from
the others of the same person, in learning and in use. What is heard in one recording therefore
depends on which others are there: the more unlike their feelings are, the surer it is. The gender
is that of a whole voice and cannot be heard so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from empatheia.data.labels import EMOTIONS8
from empatheia.types import Speech

LEAST: Final = 10  # recordings of one person; with fewer, people are taken together
Cues = NDArray[np.float64]
_ENERGY, _MEL = 3, slice(5, 25)  # of ``voice.features_of``


def heard(speech: Speech) -> Cues:
    """(44,) pitch, length, tilt and spectrum without its level. Raises InputError: no voice."""
    from empatheia.evaluation.voice import features_of

    return _level(np.array(features_of(speech)))


def _level(row: Cues) -> Cues:
    row = row.copy()
    row[_MEL] -= row[_MEL].mean()
    return np.delete(row, _ENERGY)


def beside_own(rows: Cues, people: NDArray[Any]) -> Cues:
    """(n, features), each person's standardised by themselves."""
    out = np.empty_like(rows)
    for person in set(people.tolist()):
        own = people == person
        out[own] = (rows[own] - rows[own].mean(0)) / np.maximum(rows[own].std(0), 1e-6)
    return out


@dataclass(frozen=True, slots=True)
class Hearing:
    """Discriminant analysis for the feeling, support vectors for the gender.

    ``emotions`` can be heard. ``held_out``: for each clip of actors that the same machines were not
    taught by, whether the emotion and whether the gender was named rightly, in percent.
    ``digest``: of the features and names of the recordings that they learnt from.
    """

    feeling: Any
    sex: Any
    emotions: tuple[str, ...]
    held_out: tuple[tuple[float, float], ...] = ()
    digest: str = "none"

    def feelings(self, rows: Sequence[Cues], people: Sequence[str]) -> list[str | None]:
        """One of ``emotions`` for each of :func:`heard`.

        None where there are under ``LEAST`` recordings, the rare people's taken together.
        """
        counts = Counter(people)
        known = np.array([person if counts[person] >= LEAST else "" for person in people])
        enough = {person for person, n in Counter(known.tolist()).items() if n >= LEAST}
        usable = np.array([person in enough for person in known.tolist()], bool)
        out: list[str | None] = [None] * len(rows)
        if usable.any():
            said = self.feeling.predict(beside_own(np.array(rows)[usable], known[usable]))
            for place, name in zip(np.flatnonzero(usable), said, strict=True):
                out[int(place)] = str(name)
        return out

    def gender(self, row: Cues) -> str:
        """``male`` or ``female``; the actors are adults."""
        return str(self.sex.predict(row[None])[0])


def _teach(rows: Cues, names: NDArray[Any], actors: NDArray[Any], sexes: NDArray[Any]) -> list[Any]:
    """The two machines: of the feeling (rows beside the actor's own) and of the gender."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    from empatheia.evaluation.voice import classifier

    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    return [analysis.fit(beside_own(rows, actors), names), classifier().fit(rows, sexes)]


@cache
def hear_actors(ravdess: Path) -> Hearing:
    """Trained on all clips of a RAVDESS folder (odd actors are men) that have a pitch.

    The last fifth of the actors, before they are learnt from, say how well this works. Raises
    InputError.
    """
    from empatheia.data.actors import actor_clips
    from empatheia.evaluation.voice import audible

    found = list(audible([c for c in actor_clips(ravdess) if c.emotion in EMOTIONS8]))
    rows = np.array([_level(features) for _, features in found])
    actors = np.array([clip.actor for clip, _ in found])
    names = np.array([clip.emotion for clip, _ in found])
    sexes = np.where(actors % 2, "male", "female")
    people = sorted(set(actors.tolist()))
    last = np.isin(actors, people[-(len(people) // 5) :]) if len(people) >= 5 else actors < 0
    kept: tuple[tuple[float, float], ...] = ()
    if last.any():
        feeling, sex = _teach(rows[~last], names[~last], actors[~last], sexes[~last])
        told = feeling.predict(beside_own(rows[last], actors[last])) == names[last]
        kept = tuple(
            (100.0 * float(a), 100.0 * float(b))
            for a, b in zip(told, sex.predict(rows[last]) == sexes[last], strict=True)
        )
    feeling, sex = _teach(rows, names, actors, sexes)
    told = " ".join([*names.tolist(), *sexes.tolist()]).encode()
    digest = hashlib.sha256(rows.tobytes() + told).hexdigest()[:16]
    return Hearing(feeling, sex, tuple(sorted(set(names.tolist()))), kept, digest)
