"""Dialogues that were told before in almost the same words."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Final

from empatheia.data.tidy import normal_form
from empatheia.types import Dialogue

WORDS: Final = 3  # words of a shingle
ALIKE: Final = 0.5  # share of the smaller dialogue's shingles that makes two the same
_COMMON: Final = 50  # a shingle of more dialogues than that says nothing


class Told:
    """Remembers dialogues by their shingles; finds one that a new dialogue repeats."""

    def __init__(self) -> None:
        self._where: dict[int, list[int]] = {}
        self._sizes: list[int] = []
        self._ids: list[str] = []

    def add(self, dialogue: Dialogue) -> None:
        shingles = _shingles(dialogue)
        number = len(self._ids)
        self._ids.append(dialogue.id)
        self._sizes.append(len(shingles))
        for shingle in shingles:
            self._where.setdefault(shingle, []).append(number)

    def like(self, dialogue: Dialogue) -> tuple[str, float] | None:
        """Id of the nearest dialogue and the share in common, where that is enough."""
        shingles = _shingles(dialogue)
        shared: Counter[int] = Counter()
        for shingle in shingles:
            places = self._where.get(shingle, ())
            if len(places) <= _COMMON:
                shared.update(places)
        if not shared:
            return None
        best, count = max(shared.items(), key=lambda item: (item[1], -item[0]))
        share = count / max(min(len(shingles), self._sizes[best]), 1)
        return (self._ids[best], round(share, 3)) if share >= ALIKE else None


def _shingles(dialogue: Dialogue) -> set[int]:
    words = normal_form(" ".join(turn.text for turn in dialogue.turns)).split()
    parts = (" ".join(words[i : i + WORDS]) for i in range(max(len(words) - WORDS + 1, 1)))
    return {
        int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest()) for part in parts
    }
