"""The excitation of the vocoder: nine harmonics of the pitch and noise (Wang et al., 2019)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.speech.styletts2.config import SAMPLE_RATE

HARMONICS = 9
_AMPLITUDE = 0.1
_VOICED_NOISE = 0.003
_VOICED_ABOVE = 10.0  # Hz


class HarmonicSource(nn.Module):
    """Pitch -> excitation.

    The published code repeats the pitch to 24 kHz, averages it back to the frame rate and only then
    sums the phase. Averaging within a frame of equal values gives that value, so the phase is
    summed at the frame rate here. For the same reason the random phases that the published code
    adds to the first sample are never read; they do not exist here.
    """

    def __init__(self, samples_per_frame: int) -> None:
        super().__init__()
        self.samples_per_frame = samples_per_frame
        self.l_linear = nn.Linear(HARMONICS, 1)

    def noise_shape(self, pitch: Tensor) -> tuple[int, int, int]:
        """Shape of the standard normal noise that :meth:`forward` takes for this pitch."""
        return (pitch.shape[0], pitch.shape[1] * self.samples_per_frame, HARMONICS)

    def forward(self, pitch: Tensor, noise: Tensor) -> Tensor:
        """(B, frames) in Hz and noise (B, samples, 9) -> (B, samples)."""
        step = self.samples_per_frame
        orders = torch.arange(1, HARMONICS + 1, device=pitch.device, dtype=pitch.dtype)
        turns = (pitch[:, None] * orders[:, None] / SAMPLE_RATE) % 1  # (B, 9, frames)
        phase = torch.cumsum(turns, dim=-1) * 2 * math.pi * step
        sines = torch.sin(F.interpolate(phase, scale_factor=step, mode="linear")).mT * _AMPLITUDE
        voiced = (pitch > _VOICED_ABOVE).to(pitch.dtype).repeat_interleave(step, dim=1)[..., None]
        loudness = voiced * _VOICED_NOISE + (1 - voiced) * _AMPLITUDE / 3
        mixed: Tensor = self.l_linear(sines * voiced + loudness * noise)
        return torch.tanh(mixed)[..., 0]
