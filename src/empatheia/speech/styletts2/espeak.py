"""Phonemes from the espeak-ng program, run beside us: it is GPL software and stays a program.

espeak drops punctuation and joins some words ("must have" becomes one), so a text is written out in
words, cut at its marks, the marks are kept, and sounds are given back to the words they belong to.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from empatheia.errors import InputError
from empatheia.speech.normalise import SpokenWord, spoken_words
from empatheia.speech.styletts2.symbols import STRESS, known
from empatheia.types import Phoneme

MAX_CHARACTERS = 1200
_TIMEOUT = 20.0
_SPACED = frozenset(",.!?;:")  # marks that stand alone, as the training texts had them
_SWITCH = re.compile(r"\([a-z-]+\)")  # "(en)": espeak says that it changed the language
_LETTER_I = re.compile(r"^i(?=$|')")  # espeak names the letter where it is small
_RARE = re.compile(r"([;:—…])[\"'»”)]*$")  # marks of the table that our plain words do not keep


class Espeak:
    """A text -> symbols of the table; a callable like the dictionary one."""

    def __init__(self, program: str = "espeak-ng", voice: str = "en-us") -> None:
        self._program, self._voice = program, voice

    def __call__(self, text: str) -> tuple[Phoneme, ...]:
        """Raises InputError where the program is absent or fails, or nothing can be said."""
        if len(text) > MAX_CHARACTERS:
            raise InputError(
                f"a sentence of {len(text)} characters is too long to be spoken at once: give at "
                f"most {MAX_CHARACTERS}, or cut it with empatheia.speech.sentences.split"
            )
        out: list[Phoneme] = []
        for phrase, mark in _phrases(text):
            for word, sound in zip(phrase, self._words([w.text for w in phrase]), strict=True):
                out += [Phoneme(" ")] if out and sound else []
                out += [Phoneme(symbol, word.token, word.emphasis) for symbol in known(sound)]
            if out and mark:
                out += [Phoneme(" "), Phoneme(mark)] if mark in _SPACED else [Phoneme(mark)]
        if not any(p.word >= 0 for p in out):
            shown = " ".join(text.split())[:40]
            raise InputError(f"nothing can be spoken in {shown!r}: give words in Latin letters")
        return tuple(out)

    def _words(self, words: Sequence[str]) -> list[str]:
        """The sound of each word, said together as a phrase."""
        phrase = " ".join(words)
        said = self._say(phrase).split()
        if len(said) == len(words):
            return said
        alone = ["".join(self._say(word).split()) for word in words]
        return share("".join(said), alone)

    def _say(self, text: str) -> str:
        if (path := shutil.which(self._program)) is None:
            raise InputError(
                f"the program {self._program} is not installed: install it (Debian: apt install "
                "espeak-ng; macOS: brew install espeak-ng), or choose phonemes='dictionary'"
            )
        command = [path, "-q", "--ipa", "-v", self._voice, "--stdin"]
        try:
            done = subprocess.run(
                command, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise InputError(f"{self._program} failed on a sentence: {error}") from error
        return _SWITCH.sub("", done.stdout.decode(errors="replace"))


def _phrases(text: str) -> list[tuple[list[SpokenWord], str]]:
    """What is said between two marks, written out in words, and the mark after it."""
    tokens = text.split()
    words = spoken_words(text)
    out: list[tuple[list[SpokenWord], str]] = []
    phrase: list[SpokenWord] = []
    for i, word in enumerate(words):
        phrase.append(replace(word, text=_LETTER_I.sub("I", word.text.rstrip("."))))
        last = i + 1 == len(words) or words[i + 1].token != word.token
        exact = _RARE.search(tokens[word.token]) if last else None
        if mark := exact.group(1) if exact else word.mark:
            out.append((phrase, mark))
            phrase = []
    return [*out, (phrase, "")] if phrase else out


def share(phrase: str, alone: Sequence[str]) -> list[str]:
    """Cut ``phrase`` where its words begin, by the sounds that they have when said alone.

    The cuts are those that change the fewest symbols. A stress mark goes with the sound after it.
    """
    inf = len(phrase) + sum(map(len, alone)) + 1
    best = [0] + [inf] * len(phrase)
    back: list[list[int]] = []
    for word in alone:
        row, cut = [inf] * (len(phrase) + 1), [0] * (len(phrase) + 1)
        for start, cost in enumerate(best):
            if cost >= inf:
                continue
            for end, change in enumerate(_changes(word, phrase[start : start + 2 * len(word) + 3])):
                if cost + change < row[start + end]:
                    row[start + end], cut[start + end] = cost + change, start
        best = row
        back.append(cut)
    ends = [len(phrase)]
    for cut in reversed(back):
        ends.append(cut[ends[-1]])
    ends.reverse()
    for i in range(1, len(ends) - 1):
        while ends[i] > ends[i - 1] and phrase[ends[i] - 1] in STRESS:
            ends[i] -= 1
    ends[0] = 0
    return [phrase[a:b] for a, b in pairwise(ends)]


def _changes(word: str, text: str) -> list[int]:
    """Edit distance of ``word`` to each beginning of ``text``, the empty one first."""
    row = list(range(len(text) + 1))
    for i, symbol in enumerate(word, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(text, 1):
            keep = previous + (symbol != other)
            previous, row[j] = row[j], min(keep, row[j] + 1, row[j - 1] + 1)
    return row
