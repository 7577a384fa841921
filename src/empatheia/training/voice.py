"""Training of the voice: content, style, durations and decoder together, from varied teachers.

Losses: absolute error of the normalised frames (only what the teacher recorded; pitch only where
voiced), log durations, and the known labels of the variation, read from the style by a linear
head. The style of a sentence is heard from *another* sentence of its group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from empatheia.data.sampler import BucketSampler
from empatheia.errors import InputError
from empatheia.speech.world.features import APERIODICITY_BANDS, BANDS, FloatArray
from empatheia.speech.world.generator import FILE
from empatheia.speech.world.network import (
    FRAME_WIDTH,
    STEP_FRAMES,
    VoiceConfig,
    VoiceNetwork,
    phase_of,
)
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.voice_cache import cached_clips
from empatheia.training.voice_data import VoiceClip, analyse_folder, varied_clips
from empatheia.training.voice_styles import build_styles, fitted, save_voice

HEARD = 200  # mel frames (2.5 s) from which a style is heard
_F0, _VOICED = BANDS + APERIODICITY_BANDS, BANDS + APERIODICITY_BANDS + 1
STYLE_NOISE = 0.05

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class VoiceBatch:
    """Letters as in the network: B clips, N phonemes, T steps, 2T frames."""

    base: Tensor  # (B, N)
    stress: Tensor  # (B, N)
    place: Tensor  # (B, N, 5)
    phoneme_keep: Tensor  # (B, N, 1)
    log_steps: Tensor  # (B, N)
    timed: Tensor  # (B,) 0 where durations were disturbed on purpose
    owner: Tensor  # (B, T) phoneme of each step
    phase: Tensor  # (B, T, 3)
    step_keep: Tensor  # (B, T, 1)
    frames: Tensor  # (B, 2T, FRAME_WIDTH)
    weight: Tensor  # (B, 2T, FRAME_WIDTH) 1 where the teacher knows
    heard: Tensor  # (B, HEARD, MEL_BANDS)
    labels: Tensor  # (B, 7)


def hear(clips: Sequence[VoiceClip], rng: np.random.Generator) -> FloatArray:
    """A random stretch of ``HEARD`` mel frames from some sentences of one style."""
    order = rng.permutation(len(clips))
    pieces: list[NDArray[np.float16]] = []
    total = 0
    for i in order:
        pieces.append(clips[i].mel)
        total += len(clips[i].mel)
        if total >= HEARD + 20:
            break
    joined = np.concatenate(pieces)
    while len(joined) < HEARD:
        joined = np.concatenate([joined, joined])
    start = int(rng.integers(0, len(joined) - HEARD + 1))
    return joined[start : start + HEARD].astype(np.float32)


def collate(clips: Sequence[VoiceClip], heard: Sequence[FloatArray]) -> VoiceBatch:
    """Pad a list of clips to one batch."""
    B = len(clips)
    N = max(len(c.base) for c in clips)
    T = max(int(c.steps.sum()) for c in clips)
    base, stress = np.zeros((B, N), np.int64), np.zeros((B, N), np.int64)
    place, keep = np.zeros((B, N, 5), np.float32), np.zeros((B, N, 1), np.float32)
    log_steps = np.zeros((B, N), np.float32)
    owner, phase = np.zeros((B, T), np.int64), np.zeros((B, T, 3), np.float32)
    step_keep = np.zeros((B, T, 1), np.float32)
    frames = np.zeros((B, T * STEP_FRAMES, FRAME_WIDTH), np.float32)
    weight = np.zeros_like(frames)
    for b, clip in enumerate(clips):
        n, rows = len(clip.base), int(clip.steps.sum())
        base[b, :n], stress[b, :n], place[b, :n], keep[b, :n] = (
            clip.base, clip.stress, clip.place, 1.0,
        )  # fmt: skip
        log_steps[b, :n] = np.log(clip.steps)
        owner[b, :rows] = np.repeat(np.arange(n), clip.steps)
        phase[b, :rows] = phase_of(torch.from_numpy(clip.steps)).numpy()
        step_keep[b, :rows] = 1.0
        f = rows * STEP_FRAMES
        frames[b, :f] = clip.frames[:f]
        weight[b, :f, : clip.known[0]] = 1.0
        weight[b, :f, BANDS : BANDS + clip.known[1]] = 1.0
        weight[b, :f, _F0] = frames[b, :f, _VOICED]
        weight[b, :f, _VOICED] = 1.0
    t = torch.from_numpy
    return VoiceBatch(
        t(base), t(stress), t(place), t(keep), t(log_steps),
        torch.tensor([float(c.timed) for c in clips]), t(owner), t(phase), t(step_keep),
        t(frames), t(weight), t(np.stack(heard)), t(np.stack([c.labels for c in clips])),
    )  # fmt: skip


class VoiceStage:
    """The voice as a stage of the training loop."""

    name = "voice"

    def __init__(
        self, clips: Sequence[VoiceClip], config: VoiceConfig, batch: int = 16, seed: int = 0
    ) -> None:
        if len(clips) < 2 * batch:
            raise InputError(f"{len(clips)} clips are too few: render at least {2 * batch}")
        self._seed, self._clips = seed, clips
        groups = sorted({c.group for c in clips})
        held = set(groups[:: max(2, len(groups) // 12)])  # about a dozen unheard styles
        self._members = {g: [c for c in clips if c.group == g] for g in groups}
        self._train = [c for c in clips if c.group not in held]
        self._held = [c for c in clips if c.group in held][:64]
        lengths = [int(c.steps.sum()) for c in self._train]
        self._sampler = BucketSampler(lengths, batch, seed)
        self.network = VoiceNetwork(config)
        self.model: nn.Module = self.network
        mean, std = frame_statistics(self._train[:: max(1, len(self._train) // 500)])
        self.network.frame_mean.copy_(mean)
        self.network.frame_std.copy_(std)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        rest = [p for p in self.model.parameters() if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": rest, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> VoiceBatch:
        rng = np.random.default_rng((self._seed, step))
        clips = [self._train[i] for i in self._sampler.batch(step)]
        return collate(clips, [hear(self._members[c.group], rng) for c in clips])

    def loss(self, batch: VoiceBatch) -> dict[str, Tensor]:
        net = self.network
        style = net.style(batch.heard)
        labels = F.smooth_l1_loss(net.style.labels(style).float(), batch.labels)
        if self.model.training:
            style = style + STYLE_NOISE * torch.randn_like(style)
        content = net.content(batch.base, batch.stress, batch.place, batch.phoneme_keep)
        log_steps = net.durations(content, style, batch.phoneme_keep).float()
        weight = batch.phoneme_keep[..., 0] * batch.timed[:, None]
        duration = _mean((log_steps - batch.log_steps).abs(), weight)
        rows = torch.gather(content, 1, batch.owner[..., None].expand(-1, -1, content.shape[-1]))
        out = net.decoder(rows, batch.phase, style, batch.step_keep).float()
        target = (batch.frames - net.frame_mean) / net.frame_std
        parts = frame_losses(out, target, batch.frames, batch.weight)
        total = (
            parts["envelope"] + 0.3 * parts["aperiodicity"] + 0.7 * parts["pitch"]
            + 0.5 * parts["voicing"] + 0.4 * parts["delta"] + duration + 0.5 * labels
        )  # fmt: skip
        return {"loss": total, **parts, "duration": duration, "labels": labels}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        rng = np.random.default_rng(self._seed)
        batches = [self._held[i : i + 16] for i in range(0, len(self._held), 16)]
        for clips in batches:
            heard = [hear(self._members[c.group], rng) for c in clips]
            for name, value in self.loss(collate(clips, heard)).items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
        return {k: round(v, 5) for k, v in sums.items()}


def frame_losses(out: Tensor, target: Tensor, raw: Tensor, weight: Tensor) -> Mapping[str, Tensor]:
    """Absolute errors of normalised frames (B, 2T, FRAME_WIDTH), by what they describe."""
    error = (out - target).abs()
    bands, noise = slice(0, BANDS), slice(BANDS, _F0)
    voicing = F.binary_cross_entropy_with_logits(
        out[..., _VOICED], raw[..., _VOICED], reduction="none"
    )
    both = weight[:, 1:, :BANDS] * weight[:, :-1, :BANDS]
    moved = out[:, 1:, bands] - out[:, :-1, bands] - (target[:, 1:, bands] - target[:, :-1, bands])
    voiced = weight[..., _F0]
    return {
        "envelope": _mean(error[..., bands], weight[..., bands]),
        "aperiodicity": _mean(error[..., noise], weight[..., noise] * voiced[..., None]),
        "pitch": _mean(error[..., _F0], voiced),
        "voicing": _mean(voicing, weight[..., _VOICED]),
        "delta": _mean(moved.abs(), both),
    }


def _mean(value: Tensor, weight: Tensor) -> Tensor:
    return (value * weight).sum() / weight.sum().clamp(min=1.0)


def frame_statistics(clips: Sequence[VoiceClip]) -> tuple[Tensor, Tensor]:
    """Mean and spread of every column over what the teachers know; voicing stays as it is."""
    total = np.zeros((3, FRAME_WIDTH))
    for clip in clips:
        frames = clip.frames.astype(np.float64)
        weight = np.zeros_like(frames)
        weight[:, : clip.known[0]] = 1
        weight[:, BANDS : BANDS + clip.known[1]] = frames[:, _VOICED, None]
        weight[:, _F0] = frames[:, _VOICED]
        total += np.stack([weight.sum(0), (weight * frames).sum(0), (weight * frames**2).sum(0)])
    count = np.maximum(total[0], 1)
    mean = total[1] / count
    std = np.sqrt(np.maximum(total[2] / count - mean**2, 1e-4))
    mean[_VOICED], std[_VOICED] = 0.0, 1.0
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


def train_voice(
    teachers: Path,
    out: Path,
    steps: int = 8000,
    copies: int = 3,
    batch: int = 16,
    lr: float = 2e-3,
    seed: int = 0,
    resume: bool = False,
    report: Report | None = None,
    config: VoiceConfig | None = None,
    note: Note = lambda _: None,
) -> dict[str, float]:
    """Learn a voice from a folder of teacher speech; weights, checkpoints and log in ``out``."""
    recordings = analyse_folder(teachers)
    clips = cached_clips(teachers, copies, seed, lambda: varied_clips(recordings, copies, seed))
    stage = VoiceStage(clips, config or VoiceConfig(), batch, seed)
    every = max(steps // 8, 1)
    loop = LoopConfig(
        steps,
        lr,
        warmup=min(300, steps // 5 + 1),
        validate_every=every,
        save_every=every,
        seed=seed,
    )
    figures = run(stage, loop, out, resume, report) or stage.validate()
    styles = fitted(stage.network, build_styles(stage.network, recordings), note)
    meta = {"steps": steps, "sentences": len(recordings), "valid": figures}
    save_voice(out / FILE, stage.network, styles, meta)
    return figures
