"""A learned second look at what one turn means, for wording that no rule foresaw.

A multinomial logistic regression over sentence vectors: five categories of crisis and none
(``empatheia train care`` fits it). The vectors come from whoever builds the screen, because the
text encoder is another part of the system. Where the harmless rules recognise an idiom, fiction,
the distant past or the like, only a strong alarm counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from empatheia import hub
from empatheia.care.detector import CATEGORIES, is_doubtful
from empatheia.errors import WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]  # n texts -> (n, dim)

CLASSES = ("none", *CATEGORIES)
WEIGHTS = "care.safetensors"
PROBE = "I don't know how to go on from here."  # its vector tells one encoder from another
SAME_ENCODER = 0.99  # cosine of the probe's vector with the one that was seen in training
MAX_WORDS = 60  # of a piece that is looked at as a whole
MAX_PIECES = 12  # of a long turn the first and the last ones are read
REMEMBERED = 512  # pieces whose result is kept: a dialogue is screened anew at every turn


class SemanticScore:
    """Says which crisis a turn speaks of, if any. Deterministic for one encoder."""

    def __init__(
        self, embed: Embed, tensors: Mapping[str, NDArray[np.float32]], meta: Mapping[str, Any]
    ) -> None:
        """``tensors``: weight (6, dim), bias (6,), probe (dim,). Raises WeightsError."""
        self._embed = embed
        self._weight, self._bias = tensors["weight"], tensors["bias"]
        self.threshold = float(meta["threshold"])
        self.strong = float(meta["strong"])
        _check_encoder(embed, tensors["probe"])
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._probabilities_of_piece)

    @classmethod
    def load(cls, embed: Embed, path: Path | None = None) -> SemanticScore:
        """Read ``path``, else the file that is shipped. Raises WeightsError."""
        weights = hub.load(path if path is not None else hub.shipped(WEIGHTS))
        if tuple(weights.meta.get("classes", ())) != CLASSES:
            raise WeightsError(f"{path or WEIGHTS} holds no classifier of {', '.join(CLASSES)}")
        return cls(embed, {k: v.float().numpy() for k, v in weights.tensors.items()}, weights.meta)

    def probabilities(self, text: str) -> Mapping[str, float]:
        """By class, of the piece of ``text`` that sounds most like a crisis."""
        rows = [self._remembered(piece) for piece in pieces(text)]
        worst = min(rows, key=lambda row: row[0], default=(1.0, *(0.0 for _ in CATEGORIES)))
        return dict(zip(CLASSES, worst, strict=True))

    def category(self, text: str) -> str | None:
        """The crisis that ``text`` speaks of, or None."""
        found = self.probabilities(text)
        alarm = 1 - found["none"]
        if alarm <= self.threshold or (alarm <= self.strong and is_doubtful(text)):
            return None
        return max(CATEGORIES, key=lambda name: found[name])

    def _probabilities_of_piece(self, piece: str) -> tuple[float, ...]:
        logits = self._weight @ self._embed([piece])[0] + self._bias
        odds = np.exp(logits - logits.max())
        return tuple(float(x) for x in odds / odds.sum())


def pieces(text: str) -> list[str]:
    """Whole sentences of at most ``MAX_WORDS`` words together; a longer sentence is cut."""
    text = text.replace("\u2019", "'")
    sentences = re.split(r"(?<=[.!?])\s+|\n+", text[:50_000] + "\n" + text[50_000:][-50_000:])
    out: list[list[str]] = [[]]
    for sentence in sentences:
        words = sentence.split()
        if out[-1] and len(out[-1]) + len(words) > MAX_WORDS:
            out.append([])
        out[-1] += words
        while len(out[-1]) > MAX_WORDS:
            out[-1:] = [out[-1][:MAX_WORDS], out[-1][MAX_WORDS:]]
    found = [" ".join(words) for words in out if words]
    if len(found) > MAX_PIECES:
        found = found[: MAX_PIECES // 2] + found[-MAX_PIECES // 2 :]
    return found


def _check_encoder(embed: Embed, expected: NDArray[np.float32]) -> None:
    seen = embed([PROBE])[0]
    same = seen.shape == expected.shape
    if same:
        cosine = float(seen @ expected) / float(np.linalg.norm(seen) * np.linalg.norm(expected))
        same = cosine >= SAME_ENCODER
    if not same:
        raise WeightsError(
            f"{WEIGHTS} was fitted on another text encoder: run `empatheia train care` on this one"
        )
