"""Content from sound alone: a small network over log-mel, for speech without phoneme times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from empatheia.face.visemes import CHANNELS, CONTENT_DIM, VISEMES, Content, energy, frame_count
from empatheia.media.audio import resample
from empatheia.types import Speech

RATE = 16_000
HOP = 160  # 100 mel frames a second
WINDOW = 400
BANDS = 40
FPS = 25
SILENCE = 2e-4  # root mean square below which nothing is said, about -74 dB
_PER_PICTURE = RATE // HOP // FPS


@dataclass(frozen=True, slots=True)
class HearingConfig:
    width: int = 96
    layers: int = 5


def _filters() -> NDArray[np.float32]:
    """(bands, bins) triangles, evenly spaced on the mel scale from 60 to 7600 Hz."""
    mel = np.linspace(1127 * np.log1p(60 / 700), 1127 * np.log1p(7600 / 700), BANDS + 2)
    hertz = 700 * np.expm1(mel / 1127)
    bins = np.fft.rfftfreq(512, 1 / RATE)
    up = (bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    down = (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]
    return np.clip(np.minimum(up, down), 0, None).astype(np.float32)


def log_mel(audio: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """16 kHz sound -> (frames * 4, bands); the loudest tenth of the clip is at about zero."""
    steps = frames * _PER_PICTURE
    padded = np.zeros(steps * HOP + WINDOW, np.float32)
    body = audio[: steps * HOP]
    start = (WINDOW - HOP) // 2
    padded[start : start + len(body)] = body
    index = np.arange(steps)[:, None] * HOP + np.arange(WINDOW)
    windows = padded[index] * np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(windows, 512)) ** 2
    mel = np.log(power @ _filters().T + 1e-6)
    loud = max(float(np.percentile(mel.max(1), 90)), -6.0)
    return np.clip((mel - loud) / 4 + 1, -3, 2).astype(np.float32)


class HearingNet(nn.Module):
    """Log-mel (clip, time, bands) -> content logits (clip, time / 4, channels)."""

    def __init__(self, config: HearingConfig | None = None) -> None:
        super().__init__()
        config = config or HearingConfig()
        w = config.width
        self.entry = nn.Conv1d(BANDS, w, 5, padding=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.SiLU(),
                nn.Conv1d(w, w, 5, padding=2 * 2**k, dilation=2**k),
                nn.SiLU(),
                nn.Conv1d(w, w, 1),
            )
            for k in range(config.layers)
        )
        self.down = nn.Conv1d(w, w, 6, stride=4, padding=1)
        self.head = nn.Linear(w, CONTENT_DIM)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.entry(mel.transpose(1, 2))
        for block in self.blocks:
            x = x + block(x)
        return self.head(nn.functional.silu(self.down(x)).transpose(1, 2))


def as_content(logits: Tensor) -> Tensor:
    """Shares sum to one; the other channels are in [0, 1]."""
    n = len(VISEMES)
    return torch.cat([logits[..., :n].softmax(-1), logits[..., n:].sigmoid()], -1)


@torch.inference_mode()
def content_from_sound(net: HearingNet, speech: Speech, fps: int) -> Content:
    """What the network hears, at ``fps`` (25, as it was trained)."""
    if fps != FPS:
        raise ValueError(f"the hearing network gives {FPS} rows a second, not {fps}")
    frames = frame_count(speech, fps)
    audio = resample(speech.audio, speech.sample_rate, RATE)
    level = float(np.sqrt(np.mean(speech.audio.astype(np.float64) ** 2)))
    audio = (audio * (0.1 / max(level, SILENCE))).astype(np.float32)
    mel = torch.from_numpy(log_mel(audio, frames))[None]
    out = as_content(net(mel))[0].numpy()
    loud = energy(speech, frames, fps)
    if level < SILENCE:
        out[:] = 0
        out[:, 0] = 1
        loud = np.zeros_like(loud)
    out[:, CHANNELS.index("energy")] = loud * (1 - out[:, 0])
    return out.astype(np.float32)
