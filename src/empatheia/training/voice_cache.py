"""Varied clips kept on disk, so that a second training on the same teachers starts at once.

The key is a digest of the teachers' index, of the numbers of the run, and of the code that makes
clips: whatever changes them makes a new file. Lengths differ, so each field is one long array.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from empatheia.speech import loudness
from empatheia.speech.world import features, mel, notation, variation
from empatheia.training import voice_data
from empatheia.training.voice_data import VoiceClip

_MODULES = (voice_data, variation, features, mel, notation, loudness)
_BY_PHONEME = ("base", "stress", "place", "steps")


def clips_digest(folder: Path, copies: int, seed: int) -> str:
    """Twelve hexadecimal digits that stand for everything the clips depend on."""
    found = hashlib.sha256(f"{copies} {seed}\n".encode())
    found.update((folder / "index.jsonl").read_bytes())
    for module in _MODULES:
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()[:12]


def cached_clips(
    folder: Path, copies: int, seed: int, make: Callable[[], Sequence[VoiceClip]]
) -> list[VoiceClip]:
    """Clips kept in ``folder`` from an earlier run, or those that ``make`` returns, kept."""
    path = folder / f"clips-{clips_digest(folder, copies, seed)}.npz"
    if path.is_file():
        return load_clips(path)
    clips = list(make())
    save_clips(path, clips)
    return clips


def save_clips(path: Path, clips: Sequence[VoiceClip]) -> None:
    """Write clips as long arrays with their lengths; whole or not at all."""
    arrays = {
        name: np.concatenate([getattr(c, name) for c in clips])
        for name in (*_BY_PHONEME, "frames", "mel")
    }
    arrays["lengths"] = np.array([[len(c.base), len(c.frames), len(c.mel)] for c in clips])
    arrays["known"] = np.array([c.known for c in clips])
    arrays["labels"] = np.stack([c.labels for c in clips])
    arrays["group"] = np.array([c.group for c in clips])
    arrays["timed"] = np.array([c.timed for c in clips])
    part = path.with_name(path.stem + ".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]  # numpy types its own flag as a keyword
    part.replace(path)


def load_clips(path: Path) -> list[VoiceClip]:
    """Read what :func:`save_clips` wrote. The clips are views into the long arrays."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    ends = np.cumsum(arrays["lengths"], axis=0)
    clips = []
    for i, (phonemes, frames, mels) in enumerate(arrays["lengths"]):
        own = slice(ends[i, 0] - phonemes, ends[i, 0])
        clips.append(
            VoiceClip(
                arrays["base"][own],
                arrays["stress"][own],
                arrays["place"][own],
                arrays["steps"][own],
                arrays["frames"][ends[i, 1] - frames : ends[i, 1]],
                (int(arrays["known"][i, 0]), int(arrays["known"][i, 1])),
                arrays["mel"][ends[i, 2] - mels : ends[i, 2]],
                arrays["labels"][i],
                int(arrays["group"][i]),
                bool(arrays["timed"][i]),
            )
        )
    return clips
