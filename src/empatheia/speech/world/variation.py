"""Changing a voice analytically: pitch, its range, formants, rate, energy, tilt and breath.

The changes are exact on WORLD's parameters, so their sizes are known labels: the voice learns from
teachers varied in this way, and its plan of emotions and profiles is written in these terms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from empatheia.speech.loudness import loudness
from empatheia.speech.world.features import (
    BANDS,
    F0_CEIL,
    F0_FLOOR,
    SAMPLE_RATE,
    SILENCE,
    FloatArray,
    Frames,
    band_hertz,
    mel,
    synthesise,
)
from empatheia.types import AudioArray

BASE_LUFS = -38.0  # of a neutral voice: leaves room for strong anger, which is 20 dB louder
_DB = np.log(10.0) / 20.0


@dataclass(frozen=True, slots=True)
class Variation:
    """How a voice differs from its teacher. Ratio 1 and difference 0 change nothing."""

    pitch: float = 1.0  # ratio of the mean F0
    span: float = 1.0  # ratio of the spread of log F0
    formants: float = 1.0  # ratio of the formant frequencies
    rate: float = 1.0  # ratio of the speaking rate
    energy: float = 0.0  # dB
    tilt: float = 0.0  # dB an octave; positive is brighter
    breath: float = 0.0  # -1 pressed .. 1 breathy

    def vector(self) -> FloatArray:
        """The seven numbers on scales that are about equally audible."""
        logs = np.log([self.pitch, self.span, self.formants, self.rate])
        values = [*(logs * [3.0, 1.5, 10.0, 3.0]), self.energy / 8, self.tilt / 2, self.breath * 2]
        return np.array(values, np.float32)


def warp_formants(frames: Frames, ratio: float) -> Frames:
    """Move every resonance to ``ratio`` times its frequency."""
    if ratio == 1.0:
        return frames
    frequency = band_hertz()
    top = mel(frequency[-1:])[0]
    position = np.clip(mel(frequency / ratio) / top * (BANDS - 1), 0, frames.known_bands - 1)
    left = np.minimum(np.floor(position).astype(int), BANDS - 2)
    part = (position - left).astype(np.float32)
    moved = frames.envelope[:, left] * (1 - part) + frames.envelope[:, left + 1] * part
    limit = frequency[frames.known_bands - 1] * ratio
    known = int((frequency <= limit + 1e-6).sum())
    if frames.known_bands == BANDS:
        known = BANDS  # what lies above 12 kHz is faint: holding the last band is near enough
    return replace(frames, envelope=moved.astype(np.float32), known_bands=known)


def tilt_spectrum(envelope: FloatArray, decibels_an_octave: float) -> FloatArray:
    """Turn the spectrum about 1 kHz, between 200 Hz and 8 kHz."""
    octaves = np.log2(np.clip(band_hertz(), 200.0, 8000.0) / 1000.0)
    return (envelope + _DB * decibels_an_octave * octaves[None]).astype(np.float32)


def breathe(aperiodicity: FloatArray, amount: float) -> FloatArray:
    """Positive: nearer to noise (-1 dB). Negative: clearer than it was."""
    if amount >= 0:
        return (aperiodicity + amount * np.maximum(-1.0 - aperiodicity, 0.0)).astype(np.float32)
    return (aperiodicity * (1.0 - amount)).astype(np.float32)


def shape_pitch(f0: FloatArray, pitch: float, span: float) -> FloatArray:
    """Scale the mean of log F0 by a shift and its spread by a factor; unvoiced stays 0."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    logs = np.log(f0[voiced])
    centre = np.median(logs)
    out = np.zeros_like(f0)
    out[voiced] = np.clip(
        np.exp(centre + np.log(pitch) + span * (logs - centre)), F0_FLOOR, F0_CEIL
    )
    return out


def retime(frames: Frames, position: NDArray[np.float64]) -> Frames:
    """Read the frames at fractional ``position``; voicing is taken from the nearest frame."""
    last = len(frames) - 1
    position = np.clip(position, 0, last)
    left = np.minimum(np.floor(position).astype(int), max(last - 1, 0))
    right = np.minimum(left + 1, last)
    part = (position - left).astype(np.float32)[:, None]
    near = np.where(part[:, 0] < 0.5, left, right)
    both = (frames.f0[left] > 0) & (frames.f0[right] > 0)
    mixed = frames.f0[left] * (1 - part[:, 0]) + frames.f0[right] * part[:, 0]
    return replace(
        frames,
        f0=np.where(both, mixed, frames.f0[near]).astype(np.float32),
        envelope=frames.envelope[left] * (1 - part) + frames.envelope[right] * part,
        aperiodicity=frames.aperiodicity[left] * (1 - part) + frames.aperiodicity[right] * part,
    )


def vary(frames: Frames, variation: Variation) -> Frames:
    """Everything but rate and energy, which need durations and the finished sound."""
    frames = warp_formants(frames, variation.formants)
    return replace(
        frames,
        f0=shape_pitch(frames.f0, variation.pitch, variation.span),
        envelope=np.maximum(tilt_spectrum(frames.envelope, variation.tilt), SILENCE),
        aperiodicity=breathe(frames.aperiodicity, variation.breath),
    )


def at_level(frames: Frames, lufs: float) -> tuple[Frames, AudioArray]:
    """Frames and their sound with a gain that gives the sound this loudness."""
    audio = synthesise(frames)
    gain = (lufs - loudness(audio, SAMPLE_RATE)) * _DB
    louder = np.maximum(frames.envelope + np.float32(gain), SILENCE)
    return replace(frames, envelope=louder), (audio * np.exp(gain)).astype(np.float32)
