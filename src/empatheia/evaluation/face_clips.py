"""Clips to measure the face on: written as mp4 by the product's own path, with a list beside them.

``feelings``: every stock avatar in every emotion while it speaks. ``lips``: sentences whose
phoneme times are known, each also with its sound moved by seven pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.face.avatar.generator import DrawnFace
from empatheia.face.visemes import VOWELS
from empatheia.media.video import encode_mp4
from empatheia.types import Speech

SHIFT = 7  # pictures that the sound is moved by
LIST = "clips.jsonl"


@dataclass(frozen=True, slots=True)
class Clip:
    """One line of the list. ``vowels``: (start, end) in seconds."""

    file: str
    kind: str
    avatar: str
    emotion: str
    vowels: tuple[tuple[float, float], ...]


def read_clips(folder: Path) -> list[Clip]:
    rows = [json.loads(line) for line in (folder / LIST).read_text().splitlines()]
    return [Clip(**{**row, "vowels": tuple(map(tuple, row["vowels"]))}) for row in rows]


def vowels(speech: Speech) -> tuple[tuple[float, float], ...]:
    return tuple((p.start, p.end) for p in speech.phonemes if p.symbol.rstrip("012") in VOWELS)


def cut(speech: Speech, seconds: float) -> Speech:
    """The first ``seconds`` of a speech."""
    keep = tuple(p for p in speech.phonemes if p.end <= seconds)
    return Speech(speech.audio[: round(seconds * speech.sample_rate)], speech.sample_rate, keep)


def delayed(speech: Speech, seconds: float) -> Speech:
    """The same length, the sound later."""
    gap = np.zeros(round(seconds * speech.sample_rate), np.float32)
    audio = np.concatenate([gap, speech.audio])[: len(speech.audio)]
    return Speech(audio, speech.sample_rate)


def _timed(speech: Speech) -> Speech:
    if not speech.phonemes:
        raise ValueError("clips for measuring need phoneme times")
    return speech


def write_clips(
    face: DrawnFace,
    speeches: Sequence[Speech],
    folder: Path,
    lips: int = 50,
    seconds: float = 1.0,
    tell: Callable[[str], None] = print,
) -> list[Clip]:
    """Renders both kinds into ``folder``; the list is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    people, clips = face.avatars(), []
    for a, avatar in enumerate(people):
        for e, emotion in enumerate(EMOTIONS):
            speech = cut(_timed(speeches[(a * 8 + e) % len(speeches)]), seconds)
            style = face.style_for(emotion, 1.0, avatar.profile)
            frames = face.generate(avatar, face.encode_content(speech), style, seed=a * 8 + e)
            name = f"feeling-{avatar.id}-{emotion}.mp4"
            (folder / name).write_bytes(encode_mp4(frames, face.fps, speech))
            clips.append(Clip(name, "feeling", avatar.id, emotion, vowels(speech)))
        tell(f"{avatar.id} drawn")
    for i in range(lips):
        speech = cut(_timed(speeches[(i * 7 + 3) % len(speeches)]), 3.0)
        avatar, emotion = people[i % len(people)], EMOTIONS[(i * 3) % len(EMOTIONS)]
        style = face.style_for(emotion, 0.7, avatar.profile)
        drawn = list(face.generate(avatar, face.encode_content(speech), style, seed=i))
        for kind, sound in (("lips", speech), ("shifted", delayed(speech, SHIFT / face.fps))):
            name = f"{kind}-{i:02d}.mp4"
            (folder / name).write_bytes(encode_mp4(drawn, face.fps, sound))
            clips.append(Clip(name, kind, avatar.id, emotion, vowels(speech)))
    text = "".join(json.dumps(_row(c)) + "\n" for c in clips)
    temporary = folder / (LIST + ".part")
    temporary.write_text(text)
    temporary.replace(folder / LIST)
    return clips


def _row(clip: Clip) -> dict[str, object]:
    return {name: getattr(clip, name) for name in ("file", "kind", "avatar", "emotion", "vowels")}
