"""Phoneme times of real recordings by forced alignment. Needs the extra ``align``.

PocketSphinx, with the acoustic model that it brings, is told the sounds of the text (by our own
reading, so no word is unknown) and finds where each is. Where text and sound do not belong together
it finds no path, or one whose sounds are implausibly short: such an utterance is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from empatheia.data.rules import Fault
from empatheia.errors import InputError, MissingExtraError
from empatheia.files import write_whole
from empatheia.media.audio import read_audio
from empatheia.types import Dialogue, Phoneme, Speech, TimedPhoneme

RATE: Final = 16_000
STEP: Final = 0.01  # seconds of one frame
SQUEEZED: Final = 0.03  # seconds: three states of the model, the least that a sound can last
MOST_SQUEEZED: Final = 0.25  # of all sounds; more means that another text is said
SILENCES: Final = frozenset(
    {"SIL", "<s>", "</s>", "<sil>", "[SPEECH]", "[NOISE]", "+NSN+", "+SPN+"}
)
Pronounce = Callable[[str], Sequence[Phoneme]]


@dataclass(frozen=True, slots=True)
class Aligned:
    """A dialogue with times where they could be found, and the failures."""

    dialogue: Dialogue
    faults: tuple[Fault, ...]


class Aligner:
    """``pronounce`` gives the ARPAbet sounds of a text with the word of each."""

    def __init__(self, pronounce: Pronounce) -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise MissingExtraError("pocketsphinx", "align") from error
        self._sphinx: Any = pocketsphinx
        self._pronounce = pronounce

    def align(self, speech: Speech, text: str) -> tuple[TimedPhoneme, ...]:
        """The time of each sound of ``text`` in ``speech`` (16 kHz). Raises InputError."""
        words = _words(self._pronounce(text))
        if not words:
            raise InputError(f"nothing to align in {text[:40]!r}")
        decoder = self._sphinx.Decoder(samprate=float(RATE), lm=None, loglevel="FATAL")
        names = []
        for sounds in words.values():
            name = "W" + "x".join(p.symbol for p in sounds)
            if decoder.lookup_word(name) is None:
                decoder.add_word(name, " ".join(_plain(p.symbol) for p in sounds), True)
            names.append(name)
        data = (np.clip(speech.audio, -1, 1) * 32767).astype("<i2").tobytes()
        try:
            decoder.set_align_text(" ".join(names))
            _decode(decoder, data)
            decoder.set_alignment()
            _decode(decoder, data)
            alignment = decoder.get_alignment()
        except RuntimeError as error:
            raise InputError("text and sound do not fit: no alignment was found") from error
        if alignment is None:
            raise InputError("text and sound do not fit: no alignment was found")
        return _timed(alignment, words)


def _words(phonemes: Sequence[Phoneme]) -> dict[int, list[Phoneme]]:
    """Sounds by word, pauses left out: the recording decides where those are."""
    words: dict[int, list[Phoneme]] = {}
    for phoneme in phonemes:
        if phoneme.word >= 0:
            words.setdefault(phoneme.word, []).append(phoneme)
    return words


def _plain(symbol: str) -> str:
    """ARPAbet without stress, as the acoustic model knows it."""
    return symbol.rstrip("012")


def _decode(decoder: Any, data: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(data, no_search=False, full_utt=True)
    decoder.end_utt()


def _timed(alignment: Any, words: dict[int, list[Phoneme]]) -> tuple[TimedPhoneme, ...]:
    # an entry may only be looked into while it is the iterator's own
    entries = [(item.name, [(p.start * STEP, p.duration * STEP) for p in item])
               for item in alignment]  # fmt: skip
    found = [spans for name, spans in entries if name not in SILENCES]
    if len(found) != len(words):
        raise InputError("text and sound do not fit: some words were not found")
    out: list[TimedPhoneme] = []
    for spans, sounds in zip(found, words.values(), strict=True):
        if len(spans) != len(sounds):
            raise InputError("text and sound do not fit: some sounds were not found")
        out += [
            TimedPhoneme(p.symbol, round(start, 4), round(start + length, 4), p.word)
            for p, (start, length) in zip(sounds, spans, strict=True)
        ]
    squeezed = sum(p.end - p.start <= SQUEEZED + 1e-6 for p in out) / len(out)
    if squeezed > MOST_SQUEEZED:
        raise InputError(
            f"text and sound do not fit: {100 * squeezed:.0f} % of sounds are squeezed"
        )
    return tuple(out)


def align_dialogue(aligner: Aligner, dialogue: Dialogue, folder: Path) -> Aligned:
    """Times for every turn that has sound and no times yet, as JSON files in ``folder``."""
    turns, faults = [], []
    for place, turn in enumerate(dialogue.turns):
        if turn.audio is None or turn.times is not None:
            turns.append(turn)
            continue
        target = folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', dialogue.id)}-{place}.json"
        try:
            made_of = {"text": turn.text, "audio": turn.audio.name, "bytes": _size(turn.audio)}
            if not _done(target, made_of):
                speech = read_audio(turn.audio, RATE)
                _write(target, aligner.align(speech, turn.text), made_of, speech.seconds)
            turns.append(replace(turn, times=target))
        except InputError as error:
            faults.append(Fault("M8", dialogue.id, str(error), place))
            turns.append(turn)
    return Aligned(replace(dialogue, turns=tuple(turns)), tuple(faults))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _done(target: Path, made_of: dict[str, Any]) -> bool:
    """Whether these times were found before for the same text and sound."""
    try:
        told = json.loads(target.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(told.get(name) == value for name, value in made_of.items())


def _write(
    target: Path, phonemes: Iterable[TimedPhoneme], made_of: dict[str, Any], seconds: float
) -> None:
    told = {
        **made_of,
        "seconds": round(seconds, 4),
        "words": str(made_of["text"]).split(),
        "phonemes": [[p.symbol, p.start, p.end, p.word] for p in phonemes],
        "by": "forced alignment",
    }
    write_whole(target, json.dumps(told, ensure_ascii=False).encode() + b"\n")


def align(dialogues: Iterable[Dialogue], folder: Path, pronounce: Pronounce) -> Iterator[Aligned]:
    """All dialogues in order; a second call does only what is missing."""
    aligner = Aligner(pronounce)
    for dialogue in dialogues:
        yield align_dialogue(aligner, dialogue, folder)
