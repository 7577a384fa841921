"""Word errors of speech, heard by PocketSphinx (an offline recogniser, extra ``test``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from empatheia.errors import MissingExtraError
from empatheia.media.audio import resample
from empatheia.speech.normalise import spoken_words
from empatheia.types import Speech

_RATE = 16000


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Wrong, missing and extra words (or characters), and how many were said."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        return 100.0 * self.errors / max(self.words, 1)


def total(parts: Sequence[WordErrors]) -> WordErrors:
    return WordErrors(sum(p.errors for p in parts), sum(p.words for p in parts))


class Recogniser:
    """Hears one sentence at a time, each from the same state."""

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingExtraError("pocketsphinx", "test") from error
        self._make: Any = Decoder
        self._decoder: Any = None

    def hear(self, speech: Speech) -> list[str]:
        """Lower-case words."""
        if self._decoder is None:
            self._decoder = self._make(samprate=float(_RATE), loglevel="FATAL")
        audio = resample(speech.audio, speech.sample_rate, _RATE)
        silence = np.zeros(_RATE // 4, np.float32)
        audio = np.concatenate([silence, audio, silence])
        loudest = float(np.abs(audio).max(initial=0.0)) or 1.0
        pcm = (audio / loudest * 0.6 * 32767).astype(np.int16).tobytes()
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return plain_words(found.hypstr) if found else []

    def errors(self, speech: Speech, text: str) -> WordErrors:
        """Errors against the words that ``text`` says."""
        return errors_of(self.hear(speech), text)


def errors_of(heard: Sequence[str], text: str) -> WordErrors:
    """Errors of what was heard against the words that ``text`` says."""
    said = [w for word in spoken_words(text) for w in plain_words(word.text)]
    return WordErrors(edits(said, heard), len(said))


def character_errors_of(heard: Sequence[str], text: str) -> WordErrors:
    """As :func:`errors_of`, counted in characters; a space between words is one."""
    said = " ".join(w for word in spoken_words(text) for w in plain_words(word.text))
    return WordErrors(edits(said, " ".join(heard)), len(said))


def plain_words(text: str) -> list[str]:
    """Words without punctuation, so that "don't" and "dont" are the same."""
    kept = "".join(c for c in text.lower() if c.isalnum() or c in " ")
    return kept.split()


def edits(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
