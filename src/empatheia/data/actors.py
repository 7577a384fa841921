"""Recordings of actors by the names that RAVDESS gives its files.

``03-01-EMOTION-INTENSITY-STATEMENT-REPETITION-ACTOR``; odd actors are men, even ones women.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from empatheia.errors import InputError

RAVDESS_EMOTIONS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fear",
    "07": "disgusted", "08": "surprised",
}  # fmt: skip
LEVELS = {"01": "normal", "02": "strong"}


@dataclass(frozen=True, slots=True)
class ActorClip:
    path: Path
    emotion: str
    level: str
    statement: str
    actor: int


def actor_clips(folder: Path) -> Iterator[ActorClip]:
    """Clips of a RAVDESS folder by name. Raises InputError where there are none."""
    paths = sorted([*folder.glob("03-01-*.flac"), *folder.glob("**/03-01-*.wav")])
    if not paths:
        raise InputError(f"no RAVDESS speech (03-01-*.flac or .wav) in {folder}")
    for path in paths:
        parts = path.stem.split("-")
        yield ActorClip(path, RAVDESS_EMOTIONS[parts[2]], LEVELS[parts[3]], parts[4], int(parts[6]))
