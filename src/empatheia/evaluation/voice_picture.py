"""One sentence in every emotion as spectrograms, with the pitch drawn on top."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empatheia.data.labels import EMOTIONS8
from empatheia.evaluation.voice_words import say
from empatheia.media.audio import resample
from empatheia.protocols import SpeechGenerator
from empatheia.types import AudioArray, ImageArray, Profile, Speech

RATE = 16000
HEIGHT, SECONDS, WIDTH = 220, 4.0, 520  # pixels, seconds and pixels of one panel
_TOP = 5000.0  # Hz
_WINDOW, _HOP = 512, 80
_SHADES = 15  # few colours make a small file


def spectrogram(audio: AudioArray) -> NDArray[np.float32]:
    """Sound at 16 kHz -> (frequency up to 5 kHz, low first; time), 0 quiet .. 1 loud."""
    padded = np.pad(audio, (_WINDOW // 2, _WINDOW // 2))
    count = 1 + (len(padded) - _WINDOW) // _HOP
    frames = padded[np.arange(_WINDOW)[None] + _HOP * np.arange(count)[:, None]]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), 1024, axis=1)) ** 2
    decibels = 10 * np.log10(power[:, : int(_TOP / RATE * 1024)] + 1e-9)
    scaled = np.clip((decibels - decibels.max() + 65) / 65, 0, 1)
    return np.asarray(scaled.T, np.float32)


def panel(speech: Speech, title: str) -> ImageArray:
    """A titled spectrogram with the pitch as a white line (its axis is five times finer)."""
    import cv2
    import pyworld

    audio = resample(speech.audio, speech.sample_rate, RATE)
    audio = np.pad(audio, (0, max(0, int(SECONDS * RATE) - len(audio))))[: int(SECONDS * RATE)]
    level = cv2.resize(np.ascontiguousarray(spectrogram(audio)[::-1]), (WIDTH, HEIGHT))
    grey = (np.round(_SHADES * level) * (255 / _SHADES)).astype(np.uint8)
    picture = cv2.applyColorMap(grey, cv2.COLORMAP_MAGMA)
    f0, times = pyworld.dio(audio.astype(np.float64), RATE, 60.0, 600.0)
    for hertz, at in zip(f0, times, strict=True):
        if hertz > 0:
            x, y = int(at / SECONDS * WIDTH), int(HEIGHT * (1 - hertz * 5 / _TOP))
            cv2.circle(picture, (x, y), 1, (255, 255, 255), -1)
    place, face = (8, 20), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, title, place, face, 0.55, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def draw(
    voice: SpeechGenerator, text: str, profile: Profile, others: Mapping[str, Speech], path: Path
) -> None:
    """Write a PNG: eight emotions at full intensity, and ``others`` (a teacher) for comparison."""
    import cv2

    panels = [panel(say(voice, text, e, 1.0, profile), e) for e in EMOTIONS8]
    panels += [panel(speech, title) for title, speech in others.items()]
    columns = 3
    while len(panels) % columns:
        panels.append(np.zeros_like(panels[0]))
    rows: list[Any] = [
        np.concatenate(panels[i : i + columns], axis=1) for i in range(0, len(panels), columns)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.stem + ".part.png")
    cv2.imwrite(str(part), np.concatenate(rows, axis=0), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    part.replace(path)
