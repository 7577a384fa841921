"""Sentences spoken by open synthetic voices, with the time of every sound: the voice's teachers.

The teachers are free voices of CMU: ``slt``, ``rms`` and ``awb`` of Flite (16 kHz) and ``slt-hts``,
the HTS voice of Festival (32 kHz, which brings the upper band). They are needed to train the voice,
never to run it. On Debian: ``apt install flite festival festvox-us-slt-hts``.

Layout of a folder of teacher speech: ``<voice>/<number>.wav`` and ``index.jsonl``, one JSON object
a line with ``voice, wav, text, words`` and ``segments: [[symbol, end, word], ...]`` (seconds;
ARPAbet with a stress digit; pauses are ``pau`` or the punctuation mark that made them, word -1).
"""

from __future__ import annotations

import ctypes
import itertools
import json
import re
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from empatheia.errors import EmpatheiaError, InputError
from empatheia.types import AudioArray

FLITE_VOICES = ("slt", "rms", "awb")
HTS_VOICE = "slt-hts"
VOICES = (*FLITE_VOICES, HTS_VOICE)
_MARKS = ",.?!"
_PATHS = (
    "R:SylStructure.parent.stress",
    "R:SylStructure.parent.parent.name",
    "R:SylStructure.parent.parent.R:Token.parent.punc",
)
_FESTIVAL = """
(voice_cmu_us_slt_arctic_hts)
(define (teach text wav seg)
  (let ((utterance (utt.synth (eval (list 'Utterance 'Text text)))) (out (fopen seg "w")))
    (utt.save.wave utterance wav 'riff)
    (mapcar
      (lambda (s)
        (format out "%s\\t%f\\t%s\\t%s\\t%s\\n" (item.name s) (item.feat s "end")
          (item.feat s "R:SylStructure.parent.stress")
          (item.feat s "R:SylStructure.parent.parent.name")
          (item.feat s "R:SylStructure.parent.parent.R:Token.parent.punc")))
      (utt.relation.items utterance 'Segment))
    (fclose out)))
"""


class TeacherMissingError(EmpatheiaError):
    """A teacher voice is not installed."""


@dataclass(frozen=True, slots=True)
class TeacherClip:
    """One spoken sentence. ``segments``: (symbol, end in seconds, index of the word or -1)."""

    voice: str
    wav: str
    text: str
    words: tuple[str, ...]
    segments: tuple[tuple[str, float, int], ...]


@dataclass(frozen=True, slots=True)
class _RawSegment:
    phone: str
    end: float
    stress: str
    word: str
    mark: str


def arpabet(phone: str, stress: str) -> str:
    """Radio phone of the teachers -> ARPAbet, vowels with a stress digit (``ax`` is AH0)."""
    if phone == "ax":
        return "AH0"
    if phone == "axr":
        return "ER0"
    upper = phone.upper()
    return upper + ("1" if stress == "1" else "0") if upper[0] in "AEIOU" else upper


def _clip(voice: str, wav: str, text: str, raw: Sequence[_RawSegment]) -> TeacherClip:
    words: list[str] = []
    segments: list[tuple[str, float, int]] = []
    previous: _RawSegment | None = None
    ordered = _word_numbers(raw, text)
    for item, number in zip(raw, ordered, strict=True):
        if item.phone == "pau":
            mark = previous.mark[-1:] if previous is not None else ""
            segments.append((mark if mark in _MARKS and mark else "pau", item.end, -1))
        else:
            if number == len(words):
                words.append(item.word)
            segments.append((arpabet(item.phone, item.stress), item.end, number))
            previous = item
    return TeacherClip(voice, wav, text, tuple(words), tuple(segments))


def _word_numbers(raw: Sequence[_RawSegment], text: str) -> list[int]:
    """Number the words. Two equal neighbours ("very very") are told apart by the written text."""
    repeats = {
        a.lower()
        for a, b in zip(text.split(), text.split()[1:], strict=False)
        if a.strip(".,?!").lower() == b.strip(".,?!").lower()
    }
    if repeats:
        raise InputError(f"the sentence repeats {sorted(repeats)[0]!r}")
    number, last, out = -1, "", []
    for item in raw:
        if item.phone == "pau":
            out.append(-1)
            continue
        if item.word != last or number < 0:
            number, last = number + 1, item.word
        out.append(number)
    return out


class _Flite:
    """Flite through its shared library, because its command prints no stress."""

    def __init__(self, voice: str) -> None:
        try:
            self._lib = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
            for name in ("flite_usenglish", "flite_cmulex"):
                ctypes.CDLL(f"lib{name}.so.1", mode=ctypes.RTLD_GLOBAL)
            voices = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1")
        except OSError as error:
            raise TeacherMissingError(
                f"the teacher voice {voice!r} is not installed: apt install flite"
            ) from error
        pointer, text, real = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
        signatures: dict[str, tuple[object, list[object]]] = {
            "flite_synth_text": (pointer, [text, pointer]),
            "utt_relation": (pointer, [pointer, text]),
            "relation_head": (pointer, [pointer]),
            "item_next": (pointer, [pointer]),
            "ffeature_string": (text, [pointer, text]),
            "ffeature_float": (real, [pointer, text]),
            "utt_wave": (pointer, [pointer]),
            "cst_wave_save_riff": (ctypes.c_int, [pointer, text]),
            "delete_utterance": (None, [pointer]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        self._lib.flite_init()
        register = getattr(voices, f"register_cmu_us_{voice}")
        register.restype = pointer
        self._voice = register(None)

    def say(self, text: str, wav: Path) -> list[_RawSegment]:
        utterance = self._lib.flite_synth_text(text.encode(), self._voice)
        try:
            self._lib.cst_wave_save_riff(self._lib.utt_wave(utterance), str(wav).encode())
            item = self._lib.relation_head(self._lib.utt_relation(utterance, b"Segment"))
            out = []
            while item:
                stress, word, mark = (self._feature(item, path) for path in _PATHS)
                end = float(self._lib.ffeature_float(item, b"end"))
                out.append(_RawSegment(self._feature(item, "name"), end, stress, word, mark))
                item = self._lib.item_next(item)
            return out
        finally:
            self._lib.delete_utterance(utterance)

    def _feature(self, item: int, path: str) -> str:
        value: bytes = self._lib.ffeature_string(item, path.encode())
        return value.decode("latin-1")


def _say_flite(voice: str, jobs: Sequence[tuple[str, Path]]) -> Iterator[list[_RawSegment]]:
    flite = _Flite(voice)
    for text, wav in jobs:
        yield flite.say(text, wav)


def _say_festival(jobs: Sequence[tuple[str, Path]]) -> Iterator[list[_RawSegment]]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "teach.scm")
        segments = [Path(folder, f"{i}.tsv") for i in range(len(jobs))]
        calls = [
            f'(teach "{text}" "{wav}" "{seg}")'
            for (text, wav), seg in zip(jobs, segments, strict=True)
        ]
        script.write_text(_FESTIVAL + "\n".join(calls), encoding="ascii")
        try:
            subprocess.run(["festival", "-b", str(script)], check=True, capture_output=True)
        except FileNotFoundError as error:
            raise TeacherMissingError(
                "Festival is not installed: apt install festival festvox-us-slt-hts"
            ) from error
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise TeacherMissingError(f"Festival failed: {' '.join(last)}") from error
        for path in segments:
            rows = [line.split("\t") for line in path.read_text().splitlines()]
            yield [_RawSegment(p, float(end), stress, w, m) for p, end, stress, w, m in rows]


_SAYABLE = re.compile(r"[A-Za-z0-9 ,.?!'-]+")


def usable_sentence(sentence: str) -> bool:
    """Whether a sentence can be a teacher's line: 3-20 plain words, no word said twice running."""
    words = [w.strip(".,?!").lower() for w in sentence.split()]
    twice = any(a == b for a, b in itertools.pairwise(words))
    return 3 <= len(words) <= 20 and not twice and bool(_SAYABLE.fullmatch(sentence))


def listener_sentences(path: Path, seed: int = 0) -> list[str]:
    """Distinct usable sentences of listeners in an EmpatheticDialogues file, shuffled."""
    import random

    if not path.is_file():
        raise InputError(f"no file at {path}: give EmpatheticDialogues as JSON lines")
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        for utterance in json.loads(line)["utterances"]:
            if utterance["role"] == "listener":
                pieces = re.split(r"(?<=[.?!])\s+", utterance["text"].replace("_comma_", ","))
                found |= {
                    " ".join(p.split()) for p in pieces if p.rstrip().endswith((".", "?", "!"))
                }
    usable = sorted(filter(usable_sentence, found))
    random.Random(seed).shuffle(usable)
    return usable


def render(sentences: Iterable[str], voice: str, folder: Path) -> list[TeacherClip]:
    """Let one teacher say all sentences into ``folder/voice``; returns what it said when."""
    if voice not in VOICES:
        raise InputError(f"unknown teacher voice {voice!r}. Allowed: {', '.join(VOICES)}.")
    (folder / voice).mkdir(parents=True, exist_ok=True)
    jobs = [
        (text, folder / voice / f"{i:05d}.wav")
        for i, text in enumerate(filter(usable_sentence, sentences))
    ]
    say: Callable[[Sequence[tuple[str, Path]]], Iterator[list[_RawSegment]]]
    say = _say_festival if voice == HTS_VOICE else lambda jobs: _say_flite(voice, jobs)
    clips = []
    for (text, wav), raw in zip(jobs, say(jobs), strict=True):
        if wav.is_file() and any(item.phone != "pau" for item in raw):
            clips.append(_clip(voice, f"{voice}/{wav.name}", text, raw))
    return clips


def write_index(clips: Sequence[TeacherClip], folder: Path) -> Path:
    """Write ``index.jsonl``, which marks the folder complete."""
    path = folder / "index.jsonl"
    temporary = path.with_name("index.jsonl.part")
    temporary.write_text("".join(json.dumps(asdict(c)) + "\n" for c in clips), encoding="utf-8")
    temporary.replace(path)
    return path


def read_index(folder: Path) -> list[TeacherClip]:
    """Clips of a complete folder. Raises InputError where there is none."""
    path = folder / "index.jsonl"
    if not path.is_file():
        raise InputError(
            f"no teacher speech in {folder}: run `empatheia data teacher-speech` first"
        )
    clips = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        segments = tuple((str(s), float(end), int(word)) for s, end, word in row["segments"])
        clips.append(
            TeacherClip(row["voice"], row["wav"], row["text"], tuple(row["words"]), segments)
        )
    return clips


def read_wav(path: Path) -> tuple[AudioArray, int]:
    """16-bit mono wav of a teacher -> (float32 samples in [-1, 1], sample rate)."""
    import numpy as np

    with wave.open(str(path)) as handle:
        data = np.frombuffer(handle.readframes(handle.getnframes()), np.int16)
        return (data / 32768.0).astype(np.float32), handle.getframerate()
