"""Text measures of the field, each as its usual definition."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

VOCABULARY: Final = 30_522  # words that texts of any length are thought to draw from, for EAD
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")


def tokens(text: str) -> list[str]:
    """Lower-case words (contractions whole) and single punctuation marks."""
    return _TOKEN.findall(text.lower().replace("’", "'"))


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Dist-n in percent: different n-grams of the whole corpus over all of its n-grams.

    Li et al. 2016, corpus level, as in the released evaluation of CEM and CASE. It falls as the
    corpus grows: compare only at the same number of texts.
    """
    grams = [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)]
    return 100 * len(set(grams)) / len(grams) if grams else 0.0


def expected_distinct(texts: Sequence[Sequence[str]], vocabulary: int = VOCABULARY) -> float:
    """EAD in percent: different words over those expected of as many draws (Liu et al. 2022).

    As many words as were said, drawn evenly from ``vocabulary``, would hold V(1 - (1 - 1/V)^C)
    different ones; so that long texts are not called poor for being long.
    """
    words = [word for text in texts for word in text]
    if not words:
        return 0.0
    expected = -vocabulary * math.expm1(len(words) * math.log1p(-1 / vocabulary))
    return 100 * len(set(words)) / expected


def rouge_l(candidate: Sequence[str], reference: Sequence[str]) -> float:
    """F1 of the longest common subsequence (Lin 2004), in percent."""
    if not candidate or not reference:
        return 0.0
    row = [0] * (len(reference) + 1)
    for word in candidate:
        diagonal = 0
        for j, other in enumerate(reference, 1):
            above = row[j]
            row[j] = diagonal + 1 if word == other else max(above, row[j - 1])
            diagonal = above
    common = row[-1]
    return 200 * common / (len(candidate) + len(reference))


def word_count(text: str) -> int:
    """Words as white space separates them: the unit of perplexity per word."""
    return max(1, len(text.split()))
