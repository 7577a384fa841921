"""Teacher speech -> varied clips with known labels, from which the voice learns.

Every recording is analysed once (WORLD, cached beside it), then varied ``copies`` times. A change
is shared by a group of sentences, so that style can be heard from one and used for another, and
carries no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empatheia.data.teacher_speech import TeacherClip, read_index, read_wav
from empatheia.speech.world.features import FRAME_SECONDS, FloatArray, Frames, analyse
from empatheia.speech.world.mel import log_mel
from empatheia.speech.world.network import STEP_FRAMES
from empatheia.speech.world.notation import notate
from empatheia.speech.world.variation import BASE_LUFS, Variation, at_level, retime, vary
from empatheia.types import Phoneme

STEP_SECONDS = FRAME_SECONDS * STEP_FRAMES
GROUP = 6  # sentences that share a variation
END_PAUSE = 0.12  # seconds kept of the silence after a sentence
_MALE = ("rms", "awb")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One analysed sentence: phonemes, the steps of 10 ms of each, and the frames."""

    voice: str
    phonemes: tuple[Phoneme, ...]
    steps: NDArray[np.int64]  # (N,), at least 1
    frames: Frames  # (sum(steps) * 2)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceClip:
    """One training item."""

    base: NDArray[np.int64]  # (N,)
    stress: NDArray[np.int64]  # (N,)
    place: FloatArray  # (N, 5)
    steps: NDArray[np.int64]  # (N,)
    frames: NDArray[np.float16]  # (2T, FRAME_WIDTH): envelope, aperiodicity, log F0, voicing
    known: tuple[int, int]  # bands of the envelope and of the aperiodicity that were recorded
    mel: NDArray[np.float16]  # (M, 80)
    labels: FloatArray  # (7,)
    group: int
    timed: bool  # durations are the teacher's own, not disturbed ones


def cut(clip: TeacherClip, frames: Frames) -> Recording:
    """Drop the silence at both ends and align frames with phonemes in steps of 10 ms."""
    segments = list(clip.segments)
    start = 0.0
    while segments and segments[0][2] < 0:
        start = segments.pop(0)[1]
    symbols, ends = [s for s, _, _ in segments], [end for _, end, _ in segments]
    if segments and segments[-1][2] < 0 and len(ends) > 1:
        ends[-1] = min(ends[-1], ends[-2] + END_PAUSE)
    edges = np.round((np.array([start, *ends]) - start) / STEP_SECONDS).astype(np.int64)
    steps = np.maximum(np.diff(edges), 1)
    # A segment under 5 ms rounds to nothing: it borrows its step from the clip's end.
    first = round(start / FRAME_SECONDS)
    index = np.clip(first + np.arange(int(steps.sum()) * STEP_FRAMES), 0, len(frames) - 1)
    phonemes = tuple(Phoneme(s, w) for s, (_, _, w) in zip(symbols, segments, strict=True))
    return Recording(clip.voice, phonemes, steps, take(frames, index))


def take(frames: Frames, index: NDArray[np.int64]) -> Frames:
    return replace(
        frames,
        f0=frames.f0[index],
        envelope=frames.envelope[index],
        aperiodicity=frames.aperiodicity[index],
    )


def analyse_folder(folder: Path) -> list[Recording]:
    """Analyse all teacher speech of a folder, or read what an earlier run kept."""
    recordings = []
    for clip in read_index(folder):
        kept = (folder / clip.wav).with_suffix(".npz")
        if kept.is_file():
            with np.load(kept) as z:
                known = (int(z["known"][0]), int(z["known"][1]))
                frames = Frames(
                    z["f0"].astype(np.float32),
                    z["envelope"].astype(np.float32),
                    z["aperiodicity"].astype(np.float32),
                    *known,
                )
        else:
            frames = analyse(*read_wav(folder / clip.wav))
            part = kept.with_name(kept.stem + ".part.npz")
            np.savez(
                part,
                f0=frames.f0,
                envelope=frames.envelope.astype(np.float16),
                aperiodicity=frames.aperiodicity.astype(np.float16),
                known=[frames.known_bands, frames.known_aperiodicity],
            )
            part.replace(kept)
        recordings.append(cut(clip, frames))
    return recordings


def draw(voice: str, rng: np.random.Generator) -> Variation:
    """A random variation, wider than any that the plan of emotions and profiles asks for."""

    def ratio(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return Variation(
        pitch=ratio(0.72, 2.2) if voice in _MALE else ratio(0.7, 2.6),
        span=ratio(0.35, 3.0),
        formants=ratio(0.84, 1.16),
        rate=ratio(0.55, 1.5),
        energy=float(rng.uniform(-10, 21)),
        tilt=float(rng.uniform(-2.5, 3.2)),
        breath=float(rng.uniform(-0.6, 0.6)),
    )


_STRETCH = {"vowel": 1.12, "consonant": 0.85, "pause": 1.3}


def _kind(phoneme: Phoneme) -> str:
    if phoneme.word < 0:
        return "pause"
    return "vowel" if phoneme.symbol[-1] in "012" else "consonant"


def express(recording: Recording, rng: np.random.Generator) -> tuple[Recording, FloatArray]:
    """Stress some words, lift the end of questions, liven exclamations; also gains in dB (2T,)."""
    frames, phonemes = recording.frames, list(recording.phonemes)
    steps = recording.steps.copy()
    words = {p.word for p in phonemes if p.word >= 0}
    stressed = {w for w in words if rng.random() < 0.07}
    phonemes = [replace(p, emphasis=1.0) if p.word in stressed else p for p in phonemes]
    frame_of = np.repeat(np.arange(len(steps)), steps * STEP_FRAMES)
    strong = np.array([p.emphasis for p in phonemes], np.float32)[frame_of]
    strong = np.convolve(strong, np.hanning(11) / np.hanning(11).sum(), "same").astype(np.float32)
    f0 = frames.f0 * (1 + 0.16 * strong)
    for i, phoneme in enumerate(phonemes):
        if phoneme.symbol in "?!":
            end = int(steps[: i + 1].sum()) * STEP_FRAMES
            length = min(end, 90 if phoneme.symbol == "?" else 300)
            ramp = np.linspace(0, 1, length, dtype=np.float32)
            lift = 0.35 * ramp**2 if phoneme.symbol == "?" else 0.1 * np.sin(np.pi * ramp)
            f0[end - length : end] *= 1 + lift
    return Recording(
        recording.voice, tuple(phonemes), steps, replace(frames, f0=f0.astype(np.float32))
    ), (3.0 * strong).astype(np.float32)


def stretch(
    recording: Recording, rate: float, disturb: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """New steps (N,) and, for every new frame, its position among the old ones."""
    kinds = [_kind(p) for p in recording.phonemes]
    factor = np.array([rate ** -_STRETCH[k] for k in kinds])
    factor = factor * np.array([1 + 0.15 * p.emphasis for p in recording.phonemes])
    if disturb:
        factor = factor * np.exp(rng.normal(0, disturb, len(kinds)))
    exact = np.cumsum(recording.steps * factor)
    steps = np.maximum(np.diff(np.round(exact), prepend=0.0).astype(np.int64), 1)
    old = np.concatenate([[0], np.cumsum(recording.steps)]) * STEP_FRAMES
    position = [
        old[i] + (np.arange(n * STEP_FRAMES) + 0.5) / (n * STEP_FRAMES) * (old[i + 1] - old[i])
        for i, n in enumerate(steps)
    ]
    return steps, np.concatenate(position) - 0.5


def make_clip(
    recording: Recording,
    variation: Variation,
    group: int,
    rng: np.random.Generator,
    disturb: float = 0.0,
) -> VoiceClip:
    """One varied training item and its sound's mel."""
    recording, gain = express(recording, rng)
    louder = recording.frames.envelope + (gain * np.log(10) / 20)[:, None]
    frames = vary(replace(recording.frames, envelope=louder.astype(np.float32)), variation)
    steps, position = stretch(recording, variation.rate, disturb, rng)
    frames, audio = at_level(retime(frames, position), BASE_LUFS + variation.energy)
    base, stress, place = notate(recording.phonemes)
    voiced = frames.f0 > 0
    log_f0 = np.log(np.maximum(frames.f0, 1.0))
    columns = [frames.envelope, frames.aperiodicity, log_f0[:, None], voiced[:, None]]
    pitch = np.log(frames.f0[voiced]) if voiced.any() else np.array([np.log(150.0)])
    labels = variation.vector()
    labels[0] = (np.median(pitch) - np.log(150.0)) * 3
    labels[1] = np.log(max(float(pitch.std()), 0.02) / 0.12) * 1.5
    return VoiceClip(
        base, stress, place, steps,
        np.concatenate(columns, axis=1).astype(np.float16),
        (frames.known_bands, frames.known_aperiodicity),
        log_mel(audio).astype(np.float16), labels, group, disturb == 0.0,
    )  # fmt: skip


def varied_clips(recordings: Sequence[Recording], copies: int, seed: int) -> list[VoiceClip]:
    """All training items: every recording ``copies`` times, in groups that share a variation."""
    rng = np.random.default_rng(seed)
    clips: list[VoiceClip] = []
    group = 0
    for _ in range(copies):
        for voice in sorted({r.voice for r in recordings}):
            own = [r for r in recordings if r.voice == voice]
            order = rng.permutation(len(own))
            for at in range(0, len(own), GROUP):
                variation = draw(voice, rng)
                for i in order[at : at + GROUP]:
                    disturb = 0.5 if rng.random() < 0.15 else 0.0
                    clips.append(make_clip(own[i], variation, group, rng, disturb))
                group += 1
    return clips
