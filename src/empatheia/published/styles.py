"""Mean style vectors by emotion and person, for generators whose styles are heard or seen.

A row belongs to an emotion and to a person of whom some traits may be left open (``*``); the most
exact row that exists answers. Intensity runs on the line from the neutral row to the emotion's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, check_emotion8, check_profile
from empatheia.errors import InputError, WeightsError
from empatheia.types import Profile

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

_ANY = "*"
_PREFIX = "style/"
Row = tuple[str, str, str, str, str]  # emotion, age, gender, tone, race


class StyleMeans:
    """A table of vectors; every row has the same length."""

    def __init__(self, rows: Mapping[Row, Tensor]) -> None:
        self._rows = dict(rows)

    @classmethod
    def of(cls, clips: Iterable[tuple[str, Profile, Tensor]]) -> StyleMeans:
        """Means of encoded clips (emotion, who, vector), for each trait known or left open."""
        groups: defaultdict[Row, list[Tensor]] = defaultdict(list)
        for emotion, profile, vector in clips:
            check_emotion8(emotion)
            for row in _from_exact_to_open(emotion, profile):
                groups[row].append(vector)
        return cls({row: torch.stack(found).mean(0) for row, found in groups.items()})

    @classmethod
    def random(cls, dim: int, seed: int = 0) -> StyleMeans:
        """Vectors that differ by emotion, age and gender: for tests."""
        source = torch.Generator().manual_seed(seed)
        drawn = {name: torch.randn(dim, generator=source) for name in (*EMOTIONS8, *AGES, *GENDERS)}
        return cls(
            {
                (e, a, g, _ANY, _ANY): drawn[e] + 0.5 * (drawn[a] + drawn[g])
                for e in EMOTIONS8
                for a in AGES
                for g in GENDERS
            }
        )

    def find(self, emotion: str, intensity: float, profile: Profile) -> Float[Tensor, " style"]:
        """The style of an emotion at ``intensity`` in [0, 1]; 0 is neutral.

        Raises InputError on an unknown name, WeightsError where the table has no such emotion.
        """
        check_emotion8(emotion)
        check_profile(profile)
        if not 0 <= intensity <= 1:
            raise InputError(f"intensity {intensity} is outside 0 to 1")
        neutral = self._row("neutral", profile)
        return torch.lerp(neutral, self._row(emotion, profile), float(intensity))

    def _row(self, emotion: str, profile: Profile) -> Tensor:
        for row in _from_exact_to_open(emotion, profile):
            if row in self._rows:
                return self._rows[row]
        have = sorted({row[0] for row in self._rows})
        raise WeightsError(
            f"no style for {emotion!r} (there are: {', '.join(have) or 'none'}): make a table of "
            "recordings or clips of each emotion with 'empatheia weights styles'"
        )

    def tensors(self) -> dict[str, Tensor]:
        """As a weight file keeps them; the inverse of :meth:`from_tensors`."""
        return {_PREFIX + "/".join(row): value for row, value in self._rows.items()}

    @classmethod
    def of_file(
        cls, path: Path, tensors: Mapping[str, Tensor], said: object, kind: str, dim: int
    ) -> StyleMeans:
        """The table of ``weights styles`` that says its kind is ``said``; ``kind`` is wanted.

        Raises WeightsError where it belongs to another generator: a voice's would fit a face.
        """
        found = cls.from_tensors(tensors)
        widths = {len(row) for row in found._rows.values()}
        if said != f"{kind} styles" or widths != {dim}:
            raise WeightsError(
                f"{path} holds {said or 'no styles'} of width {sorted(widths) or 'none'}, not "
                f"{kind} styles of {dim}: make them with 'empatheia weights styles {kind}'"
            )
        return found

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> StyleMeans:
        """The rows among the tensors of a weight file; other tensors are left alone."""
        rows: dict[Row, Tensor] = {}
        for name, value in tensors.items():
            parts = name.removeprefix(_PREFIX).split("/")
            if name.startswith(_PREFIX) and len(parts) == 5:
                rows[parts[0], parts[1], parts[2], parts[3], parts[4]] = value
        return cls(rows)


def _from_exact_to_open(emotion: str, profile: Profile) -> list[Row]:
    """The emotion's rows for this person: race, tone, age and gender left open one after another.

    Gender stays longest: it changes a voice and a face more than the other three.
    """
    age, gender, tone, race = astuple(profile)
    return [
        (emotion, age, gender, tone, race),
        (emotion, age, gender, tone, _ANY),
        (emotion, age, gender, _ANY, _ANY),
        (emotion, _ANY, gender, _ANY, _ANY),
        (emotion, _ANY, _ANY, _ANY, _ANY),
    ]
