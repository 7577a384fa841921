"""A reply, a sentence at a time: where to cut, how loud to be, how to join without a click."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from empatheia.errors import InputError
from empatheia.protocols import SpeechGenerator
from empatheia.speech.loudness import normalise
from empatheia.types import AudioArray, Profile, Speech, TimedPhoneme

LONGEST = 220  # characters; longer sentences are cut at a comma, or else between words
PAUSE = 0.16  # seconds of silence after a sentence
_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]?\w)|\n+")
_NO_END = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|vs|etc|e\.g|i\.e|a\.m|p\.m|No|Jan|Feb|Mar|Apr|Jun|Jul|"
    r"Aug|Sept?|Oct|Nov|Dec|U\.S)|\b[A-Z])\.$"
)


def split(text: str) -> list[str]:
    """Sentences of a reply, in order; joined by spaces they are the reply's words again."""
    pieces: list[str] = []
    for part in re.split(r"\n+", text):
        start = 0
        for match in _END.finditer(part):
            before = part[start : match.start()].rstrip()
            if _NO_END.search(before) and part[match.end() : match.end() + 1] != "":
                continue
            pieces.append(part[start : match.end()])
            start = match.end()
        pieces.append(part[start:])
    out: list[str] = []
    for piece in (" ".join(p.split()) for p in pieces):
        if piece:
            out += _shorten(piece)
    return _merge(out)


def _merge(pieces: Sequence[str]) -> list[str]:
    """Pieces without a word (a smiley, a stray mark) stay with the sentence before."""
    out: list[str] = []
    for piece in pieces:
        if out and not re.search(r"\w", piece):
            out[-1] = f"{out[-1]} {piece}"
        else:
            out.append(piece)
    return out


def _shorten(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST:
        return [sentence]
    window = sentence[: LONGEST + 1]
    cut = max(window.rfind(mark) for mark in (", ", "; ", ": ", " - "))
    if cut < LONGEST // 3:
        cut = window.rfind(" ")
    if cut <= 0:
        cut = LONGEST - 1
    return [sentence[: cut + 1].strip(), *_shorten(sentence[cut + 1 :].strip())]


def sayable(generator: SpeechGenerator, text: str) -> list[str]:
    """The sentences of ``text`` that can be spoken; InputError where none can."""
    out, fault = [], None
    for sentence in split(text):
        try:
            generator.phonemize(sentence)
        except InputError as error:
            fault = error
        else:
            out.append(sentence)
    if not out:
        raise fault or InputError("the text is empty: give at least one word")
    return out


def speak(
    generator: SpeechGenerator, text: str, emotion: str, intensity: float, profile: Profile
) -> Iterator[Speech]:
    """Speak a text in one style, yielding each sentence when it is ready, at -23 LUFS.

    Word indices count the words of the whole text's spoken sentences. The sound of all sentences
    joined end to end is the reply: each ends in silence, so joins do not click.
    """
    style = generator.style_for(emotion, intensity, profile)
    words = 0
    for sentence in sayable(generator, text):
        phonemes = generator.phonemize(sentence)
        said = generator.generate(phonemes, generator.encode_content(phonemes), style)
        yield level(said, sentence, words)
        words += len(sentence.split())


def level(said: Speech, sentence: str, first_word: int = 0) -> Speech:
    """A generated sentence at -23 LUFS, with its words and a short silence after it."""
    gap = np.zeros(round(PAUSE * said.sample_rate), np.float32)
    audio = normalise(np.concatenate([said.audio, gap]), said.sample_rate)
    shifted = tuple(
        TimedPhoneme(p.symbol, p.start, p.end, p.word + first_word if p.word >= 0 else -1)
        for p in said.phonemes
    )
    return Speech(audio, said.sample_rate, shifted, tuple(sentence.split()))


def join(parts: Sequence[Speech]) -> Speech:
    """Sentences end to end. Raises InputError where rates differ or none is given."""
    if not parts or len({p.sample_rate for p in parts}) != 1:
        raise InputError("give at least one sentence, all of the same sample rate")
    rate = parts[0].sample_rate
    phonemes: list[TimedPhoneme] = []
    start = 0.0
    for part in parts:
        phonemes += [
            TimedPhoneme(p.symbol, p.start + start, p.end + start, p.word) for p in part.phonemes
        ]
        start += part.seconds
    audio: AudioArray = np.concatenate([p.audio for p in parts])
    return Speech(audio, rate, tuple(phonemes), tuple(w for p in parts for w in p.words))
