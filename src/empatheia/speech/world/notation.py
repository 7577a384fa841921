"""Phonemes as the content encoder reads them: numbers, stress, and place in the sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from empatheia.speech.inventory import BASE_NUMBER, split_symbol
from empatheia.speech.world.features import FloatArray
from empatheia.types import Phoneme

PLACE = 5


def notate(
    phonemes: Sequence[Phoneme],
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Phonemes (N) -> base numbers (N,), stress (N,), and place (N, 5).

    The places are: emphasis, part of the sentence passed, part to come, first and last sound of a
    word. ``KeyError`` on a symbol outside the inventory: callers check that first.
    """
    count = len(phonemes)
    split = [split_symbol(p.symbol) for p in phonemes]
    base = np.array([BASE_NUMBER[b] for b, _ in split], np.int64)
    stress = np.array([s for _, s in split], np.int64)
    place = np.zeros((count, PLACE), np.float32)
    words = [p.word for p in phonemes]
    for i, phoneme in enumerate(phonemes):
        spoken = phoneme.word >= 0
        first = spoken and (i == 0 or words[i - 1] != phoneme.word)
        last = spoken and (i == count - 1 or words[i + 1] != phoneme.word)
        passed = (i + 0.5) / count
        place[i] = [phoneme.emphasis, passed, 1 - passed, first, last]
    return base, stress, place
