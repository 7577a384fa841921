"""Examples of different lengths in one batch: padded behind, with masks (True is real)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

# What the extraction of features writes for a reply, by name, with the shape of one example.
FIELDS: Final = {
    "speech_content": "(phonemes, content of the voice)   teacher of C^s, Eq. 9",
    "speech_style": "(style of the voice,)                teacher of S^s, Eq. 10",
    "video_content": "(frames, content of the face)       teacher of C^v, Eq. 9",
    "video_style": "(style of the face,)                  teacher of S^v, Eq. 10",
    "phoneme_times": "(phonemes, 2)                       start and end in seconds",
    "phoneme_words": "(phonemes,)                         index of the word, -1 for a pause",
}


@dataclass(frozen=True, slots=True)
class Padded:
    """``values`` (batch, longest, ...) with zeros behind each row's own length."""

    values: Float[Tensor, "batch time *rest"]
    mask: Bool[Tensor, "batch time"]

    @property
    def lengths(self) -> Tensor:
        """(batch,)"""
        return self.mask.sum(1)


@dataclass(frozen=True, slots=True)
class Batch:
    """``keys``: which replies; ``sequences``: fields with a length; ``vectors``: (batch, dim)."""

    keys: tuple[str, ...]
    sequences: Mapping[str, Padded]
    vectors: Mapping[str, Tensor]


def pad(rows: Sequence[Tensor], multiple: int = 1) -> Padded:
    """Rows (time_i, ...) -> (batch, longest time, ...), the longest rounded up to ``multiple``."""
    longest = -(-max(len(row) for row in rows) // multiple) * multiple
    values = rows[0].new_zeros(len(rows), longest, *rows[0].shape[1:])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(rows):
        values[place, : len(row)] = row
        mask[place, : len(row)] = True
    return Padded(values, mask)


def collate(
    keys: Sequence[str], features: Sequence[Mapping[str, Tensor]], multiple: int = 1
) -> Batch:
    """One batch of the features of several replies. All must have the same fields.

    A field whose name ends in ``_style`` is a vector; any other begins with time.
    """
    names = list(features[0])
    if any(list(one) != names for one in features):
        raise ValueError(f"the replies {list(keys)} do not have the same fields")
    sequences, vectors = {}, {}
    for name in names:
        rows = [one[name] for one in features]
        if name.endswith("_style"):
            vectors[name] = torch.stack(rows)
        else:
            sequences[name] = pad(rows, multiple)
    return Batch(tuple(keys), sequences, vectors)
