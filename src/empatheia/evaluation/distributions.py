"""FID, KID and FD-landmark of a system's clips beside reference clips, as a row's figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from empatheia.evaluation import frechet
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.landmark_measures import HOW, Points
from empatheia.evaluation.pictures import SIZE
from empatheia.evaluation.scorecard import Figure
from empatheia.evaluation.statistics import jackknife_score
from empatheia.media.video import read_video

EVERY: Final = 5  # pictures of which one is looked at
NO_REFERENCE: Final = "reference videos, which this data does not have"
Distance = Callable[[frechet.Rows, frechet.Rows], float]


class Filmed(Protocol):
    """A clip: the item it belongs to and its file."""

    @property
    def item(self) -> str: ...
    @property
    def video(self) -> Path: ...


@dataclass(frozen=True, slots=True)
class Distributions:
    """``points`` gives a clip's landmarks, or None with a fault."""

    inception: frechet.Inception | None
    faults: Faults
    points: Callable[[Filmed], Points | None]

    def beside(self, ours: Sequence[Filmed], real: Sequence[Filmed]) -> dict[str, Figure]:
        """Intervals leave out clips of ours; the reference stays whole."""
        if not ours or not real:
            return dict.fromkeys(("fid", "kid", "fd_landmark"), Figure.missing(NO_REFERENCE))
        return self._pictures(ours, real) | {"fd_landmark": self._movements(ours, real)}

    def _movements(self, ours: Sequence[Filmed], real: Sequence[Filmed]) -> Figure:
        both = [
            [rows for clip in clips if (p := self.points(clip)) is not None
             and len(rows := frechet.movement(p)) > 1]
            for clips in (ours, real)
        ]  # fmt: skip
        if not all(both):
            return Figure.missing(HOW)
        theirs = both[1]
        return Figure.of(jackknife_score(both[0], lambda x: frechet.movement_distance(x, theirs)))

    def _pictures(self, ours: Sequence[Filmed], real: Sequence[Filmed]) -> dict[str, Figure]:
        if self.inception is None:
            return dict.fromkeys(("fid", "kid"), Figure.missing(frechet.INCEPTION))
        needs = f"clips of more than {EVERY} pictures that can be decoded"
        seen = [
            [rows for clip in clips if len(rows := self._features(clip, self.inception)) > 1]
            for clips in (ours, real)
        ]
        if not all(seen):
            return dict.fromkeys(("fid", "kid"), Figure.missing(needs))
        theirs, digest = np.concatenate(seen[1]), self.inception.digest

        def figure(distance: Distance, scale: float) -> Figure:
            score = jackknife_score(
                seen[0], lambda x: scale * distance(np.concatenate(x), theirs), parts=5
            )
            return Figure.of(score, digest)

        return {"fid": figure(frechet.frechet, 1.0), "kid": figure(frechet.kid, 1000.0)}

    def _features(self, clip: Filmed, network: frechet.Inception) -> frechet.Rows:
        video = self.faults.measure(
            "FID", clip.item, partial(read_video, clip.video, size=SIZE, crop=True)
        )
        return np.empty((0, frechet.POOL3)) if video is None else network(video.frames[::EVERY])
