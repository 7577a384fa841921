"""From the plan of emotions and profiles to the table of mean styles that ``style_for`` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from empatheia import hub
from empatheia.errors import InputError
from empatheia.speech.phonemes import phonemize
from empatheia.speech.world.generator import WorldVoice
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
from empatheia.training.voice_calibration import ROUNDS, calibrate
from empatheia.training.voice_data import Recording, stretch
from empatheia.types import AudioArray

SENTENCES = 4  # renders that a mean is taken over
PROBES = ("I am sorry to hear that.", "That sounds really exciting!")  # calibrated on these
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
        if not pool:
            raise InputError(
                f"no sentence of 1.5 to 4 s by {speaker.teachers[0]!r}: render more with "
                "`empatheia data teacher-speech`"
            )
        chosen.append(pool[(i * 37) % len(pool)])
    return chosen


def renew_styles(
    weights: Path | None,
    path: Path,
    report: Callable[[str], None] = lambda _: None,
    rounds: int = ROUNDS,
) -> None:
    """Move the styles of a finished voice to the plan as it is now; needs no teachers.

    The networks, and with them content and ``encode_style``, stay as they are. ``weights``: None
    for the shipped voice. Writes the whole new voice to ``path``.
    """
    voice = WorldVoice.load(weights)
    styles = fitted(voice.network, voice.styles, report, rounds)
    save_voice(path, voice.network, styles, voice.meta)


def fitted(
    network: VoiceNetwork,
    start: StyleTable,
    report: Callable[[str], None] = lambda _: None,
    rounds: int = ROUNDS,
) -> StyleTable:
    """``start`` moved until the voice does what the plan says on the sentences ``PROBES``."""
    return calibrate(network, start, [phonemize(text) for text in PROBES], rounds, report=report)


def save_voice(
    path: Path, network: VoiceNetwork, styles: StyleTable, meta: Mapping[str, Any]
) -> None:
    """Write a voice's weight file (int8 matrices); styles are tables under ``styles.``."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"styles.{k}": v for k, v in styles.tensors().items()}
    record = {**meta, "kind": "world-voice", "config": asdict(network.config)}
    hub.save(path, tensors, record, int8=True)
