"""What a synchronizer may know of a place before it is filled: word, place in it, and timing.

Never which sound it is: that must come from the language model's states (paper, Eq. 1-2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.nn.query_vae import Side
from empatheia.nn.transformer import sinusoids
from empatheia.types import Phoneme, TimedPhoneme

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

MOST = 15  # sounds of a word that are told apart
EXTRA = 4  # pause, passed, to come, log length


@dataclass(frozen=True, slots=True)
class Places:
    """``index`` counts within the word, ``count`` is how many the word has; padding is not real.

    ``extra`` holds 1 for a pause, and for pictures the share of the sound that has passed, the
    share to come, and the log of its length in tenths of a second.
    """

    word: Int[Tensor, "batch n"]
    index: Int[Tensor, "batch n"]
    count: Int[Tensor, "batch n"]
    extra: Float[Tensor, "batch n 4"]
    real: Bool[Tensor, "batch n"]

    def __len__(self) -> int:
        return self.word.shape[1]


def _of(rows: Sequence[tuple[int, int, int, tuple[float, float, float, float]]]) -> Places:
    numbers = torch.tensor([row[:3] for row in rows], dtype=torch.long).reshape(-1, 3)
    extra = torch.tensor([row[3] for row in rows], dtype=torch.float).reshape(-1, EXTRA)
    return Places(
        numbers[None, :, 0],
        numbers[None, :, 1].clamp(max=MOST),
        numbers[None, :, 2].clamp(max=MOST),
        extra[None],
        torch.ones(1, len(rows), dtype=torch.bool),
    )


def _within(words: Sequence[int]) -> list[tuple[int, int, int, float]]:
    """(word, index, count, pause) of each place; a pause stands with the word before it."""
    rows: list[tuple[int, int, int, float]] = []
    before = max(next((w for w in words if w >= 0), 0), 0)
    for word, group in groupby(words):
        count = len(list(group))
        before = word if word >= 0 else before
        rows += [(before, i, count, float(word < 0)) for i in range(count)]
    return rows


def places_of_words(words: Sequence[int]) -> Places:
    """From the number of the word that each token or sound belongs to (-1: a pause)."""
    return _of([(w, i, n, (pause, 0.0, 0.0, 0.0)) for w, i, n, pause in _within(words)])


def places_of_phonemes(phonemes: Sequence[Phoneme]) -> Places:
    return places_of_words([p.word for p in phonemes])


def places_of_frames(phonemes: Sequence[TimedPhoneme], frames: int, fps: int) -> Places:
    """For each picture the sound in whose time its middle lies; after the last one, the last."""
    within = _within([p.word for p in phonemes])
    ends = torch.tensor([p.end for p in phonemes])
    middles = (torch.arange(frames) + 0.5) / fps
    which = torch.searchsorted(ends, middles, right=True).clamp(max=len(phonemes) - 1)
    rows = []
    for place, time in zip(which.tolist(), middles.tolist(), strict=True):
        sound, (word, index, count, pause) = phonemes[place], within[place]
        length = max(sound.end - sound.start, 1e-3)
        passed = min(max((time - sound.start) / length, 0.0), 1.0)
        told = (pause, passed, 1 - passed, float(torch.tensor(length * 10).log1p()))
        rows.append((word, index, count, told))
    return _of(rows)


def stack_places(rows: Sequence[Places]) -> Places:
    """One batch of rows of different lengths, padded on the right."""
    width = max(map(len, rows))

    def padded(name: str) -> Tensor:
        parts = [getattr(row, name)[0] for row in rows]
        out = parts[0].new_zeros((len(parts), width, *parts[0].shape[1:]))
        for i, part in enumerate(parts):
            out[i, : len(part)] = part
        return out

    return Places(*(padded(name) for name in ("word", "index", "count", "extra", "real")))


class PlaceEncoder(nn.Module):
    """Places as vectors that are added to queries or states."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.index = nn.Embedding(MOST + 1, dim)
        self.count = nn.Embedding(MOST + 1, dim)
        self.extra = nn.Linear(EXTRA, dim)
        self.word = nn.Linear(dim, dim)

    def forward(self, places: Places) -> Side:
        known = self.index(places.index) + self.count(places.count) + self.extra(places.extra)
        known = known + self.word(sinusoids(places.word, self.dim))
        return Side(places.real, known, places.word)
