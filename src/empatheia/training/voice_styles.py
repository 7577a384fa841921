"""From the plan of emotions and profiles to the table of mean styles that ``style_for`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from empatheia.speech.world.mel import log_mel
from empatheia.speech.world.network import VoiceNetwork
from empatheia.speech.world.styles import (
    EXPRESSIVE,
    LEVELS,
    Speaker,
    StyleTable,
    plan,
    profiles,
)
from empatheia.speech.world.variation import BASE_LUFS, Variation, at_level, retime, vary
from empatheia.training.voice_data import Recording, stretch
from empatheia.types import AudioArray

SENTENCES = 4  # renders that a mean is taken over
_STEPS = (150, 400)  # 1.5 to 4 s: long enough to hear a style


def planned(recording: Recording, speaker: Speaker, change: Variation, seed: int) -> AudioArray:
    """A teacher's sentence as somebody of the plan would say it."""
    frames = recording.frames
    own = float(np.exp(np.log(frames.f0[frames.f0 > 0]).mean()))
    absolute = replace(change, pitch=speaker.pitch * change.pitch / own)
    rng = np.random.default_rng(seed)
    _, position = stretch(recording, absolute.rate, 0.0, rng)
    moved = retime(vary(frames, absolute), position)
    return at_level(moved, BASE_LUFS + absolute.energy)[1]


@torch.no_grad()
def _mean_style(
    network: VoiceNetwork, spoken: Sequence[Recording], speaker: Speaker, change: Variation
) -> torch.Tensor:
    heard = [log_mel(planned(r, speaker, change, i)) for i, r in enumerate(spoken)]
    return torch.stack([network.style(torch.from_numpy(m)[None])[0] for m in heard]).mean(0)


def build_styles(
    network: VoiceNetwork, recordings: Sequence[Recording], sentences: int = SENTENCES
) -> StyleTable:
    """Render every cell of the plan from teacher sentences and keep the mean heard style."""
    network.eval()
    neutral, expressive = [], []
    for profile in profiles():
        speaker, change = plan("neutral", 0.0, profile)
        spoken = _sentences(recordings, speaker, sentences)
        neutral.append(_mean_style(network, spoken, speaker, change))
        cells = [
            _mean_style(network, spoken, speaker, plan(emotion, level, profile)[1])
            for emotion in EXPRESSIVE
            for level in LEVELS
        ]
        expressive.append(torch.stack(cells).reshape(len(EXPRESSIVE), len(LEVELS), -1))
    return StyleTable(torch.stack(expressive), torch.stack(neutral))


def _sentences(recordings: Sequence[Recording], speaker: Speaker, count: int) -> list[Recording]:
    """The same few sentences for every profile of a speaker, its teachers in turn."""
    chosen: list[Recording] = []
    usable = {
        teacher: [
            r
            for r in recordings
            if r.voice == teacher and _STEPS[0] <= int(r.steps.sum()) <= _STEPS[1]
        ]
        for teacher in speaker.teachers
    }
    for i in range(count):
        pool = usable[speaker.teachers[i % len(speaker.teachers)]]
        chosen.append(pool[(i * 37) % len(pool)])
    return chosen
