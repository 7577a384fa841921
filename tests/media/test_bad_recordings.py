"""Recordings as people have them: each gets an answer, or one line that names the file and why."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from empatheia.errors import MediaError
from empatheia.media.faces import Faces
from empatheia.media.transcribe import transcribe
from empatheia.media.video import encode_mp4
from empatheia.senses import Reading, Senses
from empatheia.tiny import tiny_senses
from empatheia.types import Frame, Speech, Turn

Sound = NDArray[np.float64]


def tone(seconds: float, rate: int) -> Sound:
    return 0.4 * np.sin(2 * np.pi * 180 * np.arange(round(seconds * rate)) / rate)


def wav(path: Path, audio: Sound, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def mp4(path: Path, pictures: NDArray[np.uint8]) -> Path:
    frames = [Frame(picture, i / 25) for i, picture in enumerate(pictures)]
    silence = Speech(np.zeros(len(pictures) * 960, np.float32), 24_000)
    path.write_bytes(encode_mp4(frames, 25, silence))
    return path


@pytest.fixture(scope="module")
def senses() -> Senses:
    return tiny_senses()


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.zeros(24_000), 24_000, "silent: give a recording with speech"),
        (np.full(1, 0.1), 24_000, "lasts 0.00 s: give at least 0.2 s"),
        (np.zeros(0), 24_000, "empty sound track"),
        (tone(7200, 1000), 1000, "longer than 600 s: give a shorter recording"),
    ],
    ids=["silent", "one sample", "no sample", "two hours"],
)
def test_what_cannot_be_heard_is_named(
    senses: Senses, tmp_path: Path, audio: Sound, rate: int, message: str
) -> None:
    path = wav(tmp_path / "mine.wav", audio, rate)
    with pytest.raises(MediaError, match=f"mine.wav.*{message}"):
        senses.perceive(Turn("speaker", "Hi.", audio=path))
    # a resampler may lose a single sample: then the track is empty
    with pytest.raises(MediaError, match=f"mine.wav.*({message}|empty sound track)"):
        transcribe(path)


@pytest.mark.parametrize(
    ("audio", "rate"),
    [(np.sign(tone(1, 24_000)), 24_000), (tone(1, 8000), 8000), (tone(1, 192_000), 192_000)],
    ids=["clipped", "8 kHz", "192 kHz"],
)
def test_odd_sound_is_heard(senses: Senses, tmp_path: Path, audio: Sound, rate: int) -> None:
    found = senses.perceive(Turn("speaker", "Hi.", audio=wav(tmp_path / "a.wav", audio, rate)))
    assert found.speech is not None
    assert found.speech.evidence.isfinite().all()


def _text(path: Path) -> None:
    path.write_text("no video")


def _sound(path: Path) -> None:
    wav(path, tone(1, 8000), 8000)


def _cut(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 64, 64, 3), dtype=np.uint8)
    whole = mp4(path, noise).read_bytes()
    path.write_bytes(whole[: len(whole) // 10])  # the index and a part of the first picture


@pytest.mark.parametrize(
    ("make", "message"),
    [(_text, "cannot be decoded"), (_sound, "has no pictures"), (_cut, "decoded")],
)
def test_what_cannot_be_seen_is_named(
    senses: Senses, tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "mine.mp4"
    make(path)
    with pytest.raises(MediaError, match=f"mine.mp4.*{message}"):
        senses.perceive(Turn("speaker", "Hi.", video=path))


@pytest.mark.parametrize(
    ("count", "note"),
    [(0, "no upright face is seen"), (2, "2 faces are seen: the largest"), (1, None)],
)
def test_faces_are_remarked_on(
    senses: Senses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, note: str | None
) -> None:
    """What the cascade finds in real pictures is tested in test_faces."""
    found = Faces((0, 0, 64, 64), count, "cascade" if count else "centre")
    monkeypatch.setattr(senses.eye.finder, "find", lambda frames: found)
    path = mp4(tmp_path / "me.mp4", np.full((5, 64, 64, 3), 90, np.uint8))
    seen: Reading = senses.perceive(Turn("speaker", "Hi.", video=path))
    assert seen.video is not None
    assert (seen.note or "").startswith(f"me.mp4: {note}" if note else "")
    assert bool(seen.note) == bool(note)
