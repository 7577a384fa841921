"""Rules M1 to M9: what is inside the files of a manifest."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from empatheia.data.lipsync import SURE, lag
from empatheia.data.manifest import Record
from empatheia.data.rules import Fault
from empatheia.data.sound_checks import measure, pitch
from empatheia.errors import MediaError
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.types import ImageArray, Speech, Video

SHORTEST: Final = 0.2  # seconds
LONGEST: Final = 60.0
SLOWEST: Final = 0.4  # words a second, of texts of three or more words
FASTEST: Final = 8.0
APART: Final = 0.12  # seconds between the ends of sound and video
LEAST_SPEECH: Final = 0.15  # of all windows
OCTAVE_SHARE: Final = 0.75  # octaves that a clip's pitch may differ from the person's usual one
MOST_LAG: Final = 0.16  # seconds between lips and sound
RATE: Final = 16_000

CountFaces = Callable[[ImageArray], int | None]  # faces in (frames, height, width, 3), None: cannot


@dataclass(slots=True)
class MediaChecker:
    """Remembers how each person sounds. ``faces`` counts those of a clip; without it, no M6."""

    faces: CountFaces | None = None
    pitches: dict[str, list[float]] = field(default_factory=dict)

    def check(self, record: Record, folder: Path) -> Iterator[Fault]:
        """Faults of one record that passed the rules V; files that are not there are skipped."""
        for place, turn in enumerate(record["turns"]):
            person = record.get(f"{turn['role']}_id")
            for rule, message in self._turn(turn, folder, person):
                yield Fault(rule, str(record["id"]), message, place)

    def _turn(self, turn: Record, folder: Path, person: str | None) -> Iterator[tuple[str, str]]:
        paths = {k: folder / turn[k] for k in ("audio", "video", "times") if turn.get(k)}
        speech = video = None
        if "audio" in paths and paths["audio"].is_file():
            try:
                speech = read_audio(paths["audio"], RATE)
                whole_wav(paths["audio"])
            except MediaError as error:
                yield "M1", str(error)
                speech = None
        if "video" in paths and paths["video"].is_file():
            try:
                video = whole_video(paths["video"])
            except MediaError as error:
                yield "M2", str(error)
        if speech is not None:
            yield from sound_faults(speech, turn["text"])
            yield from self._voice(speech, person)
        if video is not None:
            yield from self._look(video)
            if speech is not None:
                apart = abs(len(video.frames) / video.fps - speech.seconds)
                if apart > APART:
                    yield "M4", f"sound and video differ by {apart:.2f} s; {APART} s are allowed"
                yield from lip_faults(video, speech)
        if "times" in paths and paths["times"].is_file():
            yield from _times(paths["times"], speech)

    def _voice(self, speech: Speech, person: str | None) -> Iterator[tuple[str, str]]:
        found = pitch(speech)
        if person is None or found is None:
            return
        heard = self.pitches.setdefault(str(person), [])
        usual = float(np.median(heard)) if len(heard) >= 2 else found
        if abs(np.log2(found / usual)) > OCTAVE_SHARE:
            yield "M7", f"pitch {found:.0f} Hz, person {person} usually has {usual:.0f} Hz"
        else:
            heard.append(found)

    def _look(self, video: Video) -> Iterator[tuple[str, str]]:
        count = self.faces(video.frames) if self.faces else None
        if count is not None and count != 1:
            yield "M6", f"{count} faces are seen: look at it"


def face_counter() -> CountFaces | None:
    """Counts faces where scikit-image is installed; else None, and rule M6 is not checked."""
    from empatheia.media.faces import FaceFinder

    finder = FaceFinder()
    return finder.count if finder.available() else None


def sound_faults(speech: Speech, text: str) -> Iterator[tuple[str, str]]:
    """Rules M3 and M5 of one sound against its text."""
    sound = measure(speech)
    if not SHORTEST <= sound.seconds <= LONGEST:
        yield "M3", f"{sound.seconds:.2f} s; {SHORTEST} to {LONGEST:.0f} s are allowed"
    words = len(text.split())
    pace = words / max(sound.seconds, 0.01)
    if words >= 3 and not SLOWEST <= pace <= FASTEST:
        yield "M3", f"{words} words in {sound.seconds:.1f} s; {SLOWEST} to {FASTEST} a second fit"
    if sound.loud < -50:
        yield "M5", f"silent: {sound.loud:.0f} dB"
    elif sound.speech < LEAST_SPEECH:
        yield "M5", f"{100 * sound.speech:.0f} % of it is sound; {100 * LEAST_SPEECH:.0f} % needed"


def lip_faults(video: Video, speech: Speech) -> Iterator[tuple[str, str]]:
    """Rule M9, where the lag can be told."""
    off = lag(video, speech)
    if off.sureness >= SURE and abs(off.seconds) > MOST_LAG:
        yield "M9", f"lips and sound are {abs(off.seconds):.2f} s apart"


def whole_wav(path: Path) -> None:
    """Raise MediaError where a wav is none, or shorter than its header says; others pass."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(12)
        if head[8:] != b"WAVE" and path.suffix.lower() == ".wav":
            raise MediaError(f"{path} is no wav, though it is called one")
        if head[:4] != b"RIFF":
            return
        while len(chunk := handle.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data" and length != 0xFFFFFFFF and handle.tell() + length > size:
                there = 100 * (size - handle.tell()) / length
                raise MediaError(f"{path} is cut off: {there:.0f} % of its sound is there")
            handle.seek(length + length % 2, 1)


def whole_video(path: Path) -> Video:
    """All pictures. Raises MediaError where a file has fewer than it says, or cannot be decoded."""
    import av

    video = read_video(path)
    try:
        with av.open(str(path)) as container:
            told = container.streams.video[0].frames
    except (av.FFmpegError, ValueError) as error:  # pragma: no cover - read_video passed
        raise MediaError(f"{path} cannot be read: {error}") from error
    if told and len(video.frames) < 0.98 * told - 1:
        raise MediaError(f"{path} is cut off: {len(video.frames)} of {told} pictures are there")
    return video


def _times(path: Path, speech: Speech | None) -> Iterator[tuple[str, str]]:
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        rows = [(float(start), float(end)) for _, start, end, _ in told["phonemes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield "M8", f"{path.name} has no phoneme times: {error}"
        return
    backwards = any(end < start for start, end in rows) or any(
        later[0] < earlier[0] for earlier, later in itertools.pairwise(rows)
    )
    if backwards:
        yield "M8", f"{path.name}: the times run backwards"
    if speech is not None and rows and rows[-1][1] > speech.seconds + 0.05:
        ends = f"{rows[-1][1]:.2f} s of {speech.seconds:.2f}"
        yield "M8", f"{path.name}: the last phoneme ends at {ends}"
