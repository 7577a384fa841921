"""What the container of a clip says: codecs, equal lengths, how soon something is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.media.audio import read_audio

HEARD = 35.0  # dB under the loudest moment: from here on something is said


@dataclass(frozen=True, slots=True)
class Clock:
    """Of one file: codecs, seconds that the sound is longer than the pictures, first sound."""

    video: str
    audio: str
    pictures: float  # seconds
    sound: float
    start: float  # first time stamp of either stream
    lead_in: float  # seconds until something is heard
    index_first: bool  # the index stands before the data, so a browser starts at once

    @property
    def apart(self) -> float:
        return abs(self.sound - self.pictures)


def clock(path: Path) -> Clock:
    """Reads ``path`` as a player would."""
    import av

    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        rate = float(video.average_rate or 25)
        pictures = sum(1 for _ in file.decode(video)) / rate
        start = max(float(s.start_time or 0) * float(s.time_base or 1) for s in (video, audio))
        names = video.codec_context.name, audio.codec_context.name
    speech = read_audio(path)
    data = path.read_bytes()
    return Clock(
        *names, pictures, speech.seconds, start, lead_in(speech.audio, speech.sample_rate),
        0 <= data.find(b"moov") < data.find(b"mdat"),
    )  # fmt: skip


def lead_in(audio: np.ndarray, rate: int) -> float:
    """Seconds before the first 10 ms that are loud enough to be heard."""
    step = rate // 100
    count = len(audio) // step
    level = np.sqrt((audio[: count * step].reshape(count, step).astype(np.float64) ** 2).mean(1))
    loud = level > level.max() * 10 ** (-HEARD / 20)
    return float(np.argmax(loud)) / 100


def summary(paths: Sequence[Path]) -> dict[str, Any]:
    """The worst of many files."""
    found = [clock(p) for p in paths]
    return {
        "files": len(found),
        "codecs": sorted({f"{c.video} {c.audio}" for c in found}),
        "longest_apart_s": round(max(c.apart for c in found), 4),
        "latest_start_s": round(max(c.start for c in found), 4),
        "longest_lead_in_s": round(max(c.lead_in for c in found), 3),
        "mean_lead_in_s": round(float(np.mean([c.lead_in for c in found])), 3),
        "index_first": all(c.index_first for c in found),
    }
