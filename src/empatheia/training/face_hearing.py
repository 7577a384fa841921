"""Training of the network that hears which mouth a sound belongs to, on speech with known times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empatheia import hub
from empatheia.data.teacher_speech import read_index, read_wav
from empatheia.face.hearing import FPS, RATE, HearingNet, as_content, log_mel
from empatheia.face.visemes import CHANNELS, VISEMES, content_from_times, frame_count
from empatheia.media.audio import resample
from empatheia.types import Speech, TimedPhoneme

WINDOW = 60  # pictures of a training window


def teacher_speech(folder: Path, limit: int, seed: int) -> list[Speech]:
    """Up to ``limit`` clips of a folder of teacher speech, with phoneme times, at 16 kHz."""
    clips = [c for c in read_index(folder) if c.segments]
    order = np.random.default_rng(seed).permutation(len(clips))[:limit]
    out = []
    for i in order:
        audio, rate = read_wav(folder / clips[i].wav)
        start, phonemes = 0.0, []
        for symbol, end, word in clips[i].segments:
            phonemes.append(TimedPhoneme(symbol, start, end, word))
            start = end
        out.append(Speech(resample(audio, rate, RATE), RATE, tuple(phonemes)))
    return out


def varied(speech: Speech, rng: np.random.Generator) -> Speech:
    """Another voice in another room: pitch and tempo, tilt, echo, noise, silence in front."""
    factor = rng.uniform(0.82, 1.25)
    count = int(len(speech.audio) / factor)
    audio = np.interp(np.arange(count) * factor, np.arange(len(speech.audio)), speech.audio)
    lead = rng.uniform(0, 0.4) if rng.random() < 0.5 else 0.0
    tilt = rng.uniform(-0.5, 0.75)
    audio = (
        audio
        - tilt * np.r_[0.0, audio[:-1]] * (tilt > 0)
        + abs(min(tilt, 0)) * np.r_[0.0, audio[:-1]]
    )
    if rng.random() < 0.4:
        delay = int(rng.uniform(0.01, 0.04) * RATE)
        audio = audio + rng.uniform(0.1, 0.35) * np.r_[np.zeros(delay), audio[:-delay]]
    audio = np.r_[np.zeros(int(lead * RATE)), audio]
    level = np.sqrt(np.mean(audio**2)) * 10 ** (-rng.uniform(12, 45) / 20)
    audio = (audio + level * rng.normal(size=len(audio))) * rng.uniform(0.1, 1.0)
    moved = tuple(
        replace(p, start=p.start / factor + lead, end=p.end / factor + lead)
        for p in speech.phonemes
    )
    return Speech(np.clip(audio, -1, 1).astype(np.float32), RATE, moved)


def example(speech: Speech) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(mel, content) of one clip."""
    frames = frame_count(speech, FPS)
    return log_mel(speech.audio, frames), content_from_times(speech, FPS)


def hearing_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy to the viseme shares, binary cross-entropy to the rest, closure counts more."""
    n = len(VISEMES)
    shares = -(target[..., :n] * logits[..., :n].log_softmax(-1)).sum(-1).mean()
    rest = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[..., n:], target[..., n:], reduction="none"
    )
    weight = torch.tensor([1.0, 0.2, 0.7, 0.4, 2.0])
    return shares + (rest * weight).mean(dim=(0, 1)).sum()


def train_hearing(
    clips: Sequence[Speech], epochs: int, seed: int = 0, tell: Callable[[str], None] = print
) -> tuple[HearingNet, float]:
    """The network and its share of explained variance on the last twentieth of the clips."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    held = max(1, len(clips) // 20)
    train, test = clips[:-held], clips[-held:]
    net = HearingNet()
    batch = 24
    steps = epochs * (len(train) // batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 3e-3, total_steps=steps + 1, pct_start=0.1
    )
    score = float("nan")
    for epoch in range(epochs):
        order, total = rng.permutation(len(train)), 0.0
        for first in range(0, len(train) - batch + 1, batch):
            mel, target = _batch([varied(train[i], rng) for i in order[first : first + batch]], rng)
            loss = hearing_loss(net(mel), target)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        score = explained(net, test)
        tell(
            f"epoch {epoch + 1}: loss {total / max(len(train) // batch, 1):.3f}, "
            f"unseen sentences R2 {score:.3f}"
        )
    return net, score


def _batch(speeches: Sequence[Speech], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    mels, targets = [], []
    for speech in speeches:
        mel, target = example(speech)
        short = max(0, WINDOW - len(target))
        if short:
            mel = np.pad(mel, ((0, 4 * short), (0, 0)), constant_values=-3.0)
            rest = np.zeros((short, target.shape[1]), np.float32)
            rest[:, 0] = 1.0
            target = np.concatenate([target, rest])
        start = int(rng.integers(0, len(target) - WINDOW + 1))
        mels.append(mel[4 * start : 4 * (start + WINDOW)])
        targets.append(target[start : start + WINDOW])
    return torch.from_numpy(np.stack(mels)), torch.from_numpy(np.stack(targets))


@torch.inference_mode()
def explained(net: HearingNet, clips: Sequence[Speech]) -> float:
    """Share of the content's variance (without energy, which is measured) that is heard."""
    net.eval()
    found, truth = [], []
    for clip in clips:
        mel, target = example(clip)
        found.append(as_content(net(torch.from_numpy(mel)[None]))[0].numpy())
        truth.append(target)
    net.train()
    a, b = np.concatenate(found), np.concatenate(truth)
    keep = np.arange(b.shape[1]) != CHANNELS.index("energy")
    return float(1 - ((a - b)[:, keep] ** 2).sum() / ((b - b.mean(0))[:, keep] ** 2).sum())


def save_hearing(path: Path, net: HearingNet, clips: int, score: float) -> None:
    meta = {"what": "mouth content from sound", "clips": clips, "r2_unseen": round(score, 4)}
    hub.save(path, net.state_dict(), meta, int8=True)
