"""What ``small()`` hears in place of HuBERT's seven convolutions: mel bands and the pitch.

Learned convolutions over the wave want hundreds of hours of speech. With one hour, bands and a
pitch that are known to matter leave the transformer above them something to learn from
(docs/multimodal.md has the figures). The rest of HuBERT is as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float

RATE = 16_000
HOP, WINDOW, BINS = 320, 640, 1024
BANDS, LOWEST, HIGHEST = 80, 60.0, 7600.0  # Hz
PITCH, VOICED = BANDS, BANDS + 1  # channels: log of the pitch in Hz, whether there is one
CHANNELS = BANDS + 2
TOGETHER, STEP = 12, 6  # rows of 20 ms that make one state, and from one state to the next
STACKED = 3 * CHANNELS  # their mean, spread and slope
_FLOOR, _TOP = 60.0, 600.0  # Hz of the pitch
_QUIET = 1e-3  # added to the power of a band, of sound with unit variance
_USUAL = 150.0  # Hz, where nothing is voiced


def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0))


def centres() -> NDArray[np.float64]:
    """Hz of each band's middle, and of one more at both ends."""
    mels = np.linspace(float(mel(LOWEST)), float(mel(HIGHEST)), BANDS + 2)
    return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))


@lru_cache(maxsize=1)
def _bank() -> NDArray[np.float32]:
    """(BANDS, bins) triangles."""
    at, bins = centres(), np.linspace(0, RATE / 2, BINS // 2 + 1)
    up = (bins - at[:-2, None]) / np.diff(at)[:-1, None]
    down = (at[2:, None] - bins) / np.diff(at)[1:, None]
    return np.maximum(np.minimum(up, down), 0).astype(np.float32)


def sound_rows(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sound at 16 kHz of unit variance -> (rows of 20 ms, CHANNELS), in natural units."""
    import pyworld

    count = 1 + len(audio) // HOP
    padded = np.pad(audio, (WINDOW // 2, WINDOW))
    frames = padded[np.arange(count)[:, None] * HOP + np.arange(WINDOW)]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), BINS)) ** 2
    bands = np.log(power @ _bank().T + _QUIET)
    wave = audio.astype(np.float64)
    coarse, times = pyworld.dio(wave, RATE, _FLOOR, _TOP, frame_period=1000 * HOP / RATE)
    pitch = np.zeros(count)
    found = pyworld.stonemask(wave, coarse, times, RATE)[:count]
    pitch[: len(found)] = found
    voiced = pitch > 0
    logs = np.full(count, np.log(_USUAL))
    if voiced.any():
        logs = np.interp(np.arange(count), np.flatnonzero(voiced), np.log(pitch[voiced]))
    return np.concatenate([bands, logs[:, None], voiced[:, None]], 1).astype(np.float32)


class MelFront(nn.Module):
    """Sound in, standardised channels out; ``mean`` and ``std`` are those of the training set."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("std", torch.ones(CHANNELS))

    def fit(self, rows: Float[Tensor, "row channel"]) -> None:
        self.mean.copy_(rows.mean(0))
        self.std.copy_(rows.std(0) + 1e-3)

    def stacked(self, rows: Float[Tensor, "row channel"]) -> Float[Tensor, "state stacked"]:
        """Natural rows, standardised: mean, spread and slope of each channel over 0.24 s."""
        own = (rows - self.mean) / self.std
        short = max(TOGETHER - len(own), 0)
        own = torch.cat([own, own[-1:].expand(short, -1)])
        parts = own.unfold(0, TOGETHER, STEP)  # (state, channel, row)
        place = torch.linspace(-1, 1, TOGETHER).to(own)
        slope = (parts * place).mean(-1) / (place**2).mean().sqrt()
        spread = parts.std(-1, correction=0)
        return torch.cat([parts.mean(-1), spread * 2, slope * 2], 1)  # of about one size

    def forward(self, sound: Float[Tensor, "1 sample"]) -> Float[Tensor, "1 stacked state"]:
        """Takes the place of ``HubertModel.feature_extractor``, a row at a time."""
        rows = torch.from_numpy(sound_rows(sound[0].detach().cpu().numpy()))
        return self.stacked(rows.to(self.mean)).T[None]
