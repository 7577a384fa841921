"""Clips to measure the face on: written as mp4 by the product's own path, with a list beside them.

``feeling``: every stock avatar in every emotion while it speaks. ``lips``: sentences whose phoneme
times are known, each also with its sound moved by seven pictures (``shifted``). ``heard``:
recordings of people, without times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError
from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.face.avatar.generator import DrawnFace
from empatheia.face.visemes import VOWELS
from empatheia.files import write_whole
from empatheia.media.audio import read_audio
from empatheia.media.video import encode_mp4
from empatheia.protocols import SpeechGenerator
from empatheia.speech.sentences import join, speak
from empatheia.types import Avatar, Profile, Speech

Speak = Callable[[int, Avatar, str, float], Speech]  # number, who, emotion, intensity
Spans = tuple[tuple[float, float], ...]
SHIFT = 7  # pictures that the sound is moved by
LIST = "clips.jsonl"
LIPS_SECONDS = 3.0  # at most, of a clip for lip-sync
EDGE = 0.4  # seconds of silence around a recording, which was cut close
SENTENCES = (
    "I am so happy for you, that must have been a wonderful moment.",
    "Maybe we could talk about what happened before he moved away.",
    "That sounds really hard, please tell me more about your mother.",
    "Both of you have been through a lot of pain this summer.",
    "You should be proud of how far you have come by now.",
    "Did anybody help you when the whole family was away?",
    "I would feel the same if my best friend forgot about me.",
    "Nobody should have to wait that long for a simple answer.",
    "How awful, people should never be treated in such a way.",
    "What a lovely surprise, have you already called your father?",
    "Some days are heavy, but you do not have to be alone with it.",
    "Thank you for telling me, I hope tomorrow will be a bit easier.",
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One line of the list. ``vowels`` and ``shut`` (P, B, M): (start, end) in seconds."""

    file: str
    kind: str
    avatar: str
    emotion: str
    vowels: Spans
    shut: Spans = ()


def read_clips(folder: Path) -> list[Clip]:
    """The list in ``folder``. Raises InputError."""
    if not (folder / LIST).is_file():
        raise InputError(f"no {LIST} in {folder}: write clips with `empatheia evaluate face-clips`")
    rows = [json.loads(line) for line in (folder / LIST).read_text().splitlines()]
    spans = lambda row, key: tuple(map(tuple, row.get(key, ())))  # noqa: E731
    return [
        Clip(**{**row, "vowels": spans(row, "vowels"), "shut": spans(row, "shut")}) for row in rows
    ]


def own_voice(voice: SpeechGenerator) -> Speak:
    """Clauses that the product's voice says as the avatar, with the avatar's feeling."""
    clauses = [part.strip() for text in SENTENCES for part in text.split(",")]

    def said(number: int, who: Avatar, emotion: str, intensity: float) -> Speech:
        text = clauses[number % len(clauses)]
        return join(list(speak(voice, text, emotion, intensity, who.profile)))

    return said


def recorded(speeches: Sequence[Speech]) -> Speak:
    """Given speeches in turn, whoever speaks. Raises InputError where times are missing."""
    if not speeches or not all(s.phonemes for s in speeches):
        raise InputError("clips for measuring need speech with phoneme times")

    return lambda number, *_: cut(speeches[number % len(speeches)], 3.0)


def vowels(speech: Speech) -> Spans:
    return tuple((p.start, p.end) for p in speech.phonemes if p.symbol.rstrip("012") in VOWELS)


def bilabials(speech: Speech) -> Spans:
    return tuple((p.start, p.end) for p in speech.phonemes if p.symbol in ("P", "B", "M"))


def cut(speech: Speech, seconds: float) -> Speech:
    """The first ``seconds`` of a speech."""
    keep = tuple(p for p in speech.phonemes if p.end <= seconds)
    return Speech(speech.audio[: round(seconds * speech.sample_rate)], speech.sample_rate, keep)


def delayed(speech: Speech, seconds: float) -> Speech:
    """The same length, the sound later."""
    gap = np.zeros(round(seconds * speech.sample_rate), np.float32)
    audio = np.concatenate([gap, speech.audio])[: len(speech.audio)]
    return Speech(audio, speech.sample_rate)


def write_clips(
    face: DrawnFace,
    said: Speak,
    folder: Path,
    lips: int = 50,
    seconds: float = 1.0,
    recordings: Sequence[Path] = (),
    tell: Callable[[str], None] = print,
) -> list[Clip]:
    """Renders all kinds into ``folder``; the list is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = _feelings(face, said, folder, seconds, tell) + _lips(face, said, folder, lips)
    clips += _heard(face, recordings, folder)
    text = "".join(json.dumps(asdict(c)) + "\n" for c in clips)
    temporary = folder / (LIST + ".part")
    temporary.write_text(text)
    temporary.replace(folder / LIST)
    return clips


def _write(path: Path, face: DrawnFace, frames: Any, speech: Speech) -> None:
    if not path.is_file():  # a run that was stopped goes on where it was
        write_whole(path, encode_mp4(frames, face.fps, speech))


def _write_both(
    folder: Path, clip: Clip, moved: Clip, face: DrawnFace, frames: Any, speech: Speech
) -> None:
    if (folder / moved.file).is_file():
        return
    drawn = list(frames)
    _write(folder / clip.file, face, drawn, speech)
    _write(folder / moved.file, face, drawn, delayed(speech, SHIFT / face.fps))


def _feelings(
    face: DrawnFace, said: Speak, folder: Path, seconds: float, tell: Callable[[str], None]
) -> list[Clip]:
    clips = []
    for a, avatar in enumerate(face.avatars()):
        for e, emotion in enumerate(EMOTIONS):
            number = a * len(EMOTIONS) + e
            speech = cut(said(number, avatar, emotion, 1.0), seconds)
            style = face.style_for(emotion, 1.0, avatar.profile)
            frames = face.generate(avatar, face.encode_content(speech), style, seed=number)
            clip = Clip(
                f"feeling-{avatar.id}-{emotion}.mp4", "feeling", avatar.id, emotion, vowels(speech)
            )
            _write(folder / clip.file, face, frames, speech)
            clips.append(clip)
        tell(f"{avatar.id} drawn")
    return clips


def _lips(face: DrawnFace, said: Speak, folder: Path, count: int) -> list[Clip]:
    clips, people = [], face.avatars()
    for i in range(count):
        avatar, emotion = people[i % len(people)], EMOTIONS[(i * 3) % len(EMOTIONS)]
        parts = [said(2 * i + k, avatar, emotion, 0.7) for k in (0, 1)]
        speech = cut(join(parts), LIPS_SECONDS)
        style = face.style_for(emotion, 0.7, avatar.profile)
        frames = face.generate(avatar, face.encode_content(speech), style, seed=i)
        clip = Clip(
            f"lips-{i:02d}.mp4", "lips", avatar.id, emotion, vowels(speech), bilabials(speech)
        )
        moved = replace(clip, file=f"shifted-{i:02d}.mp4", kind="shifted")
        _write_both(folder, clip, moved, face, frames, speech)
        clips += [clip, moved]
    return clips


def _heard(face: DrawnFace, recordings: Sequence[Path], folder: Path) -> list[Clip]:
    """Neutral faces, so that what the mouth does comes from the sound alone."""
    clips, people = [], face.avatars()
    for i, path in enumerate(recordings):
        avatar = people[i % len(people)]
        audio = read_audio(path, 16_000).audio
        gap = np.zeros(round(EDGE * 16_000), np.float32)
        speech = Speech(np.concatenate([gap, audio, gap]), 16_000)
        style = face.style_for("neutral", 1.0, Profile(tone="mild"))
        clip = Clip(f"heard-{i:02d}.mp4", "heard", avatar.id, "neutral", ())
        frames = face.generate(avatar, face.encode_content(speech), style, seed=i)
        _write(folder / clip.file, face, frames, speech)
        clips.append(clip)
    return clips
