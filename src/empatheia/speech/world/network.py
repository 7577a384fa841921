"""The three networks of the voice: what is said, how it is said, and what that sounds like.

``ContentEncoder``  phonemes -> one vector each (the words, their stress, their place).
``StyleEncoder``    log mel -> one vector (who speaks, how they feel): hears sound, sees no label.
``Durations``       encoded phonemes + style -> 10 ms steps of each phoneme.
``Decoder``         content stretched over time + style -> pitch, envelope, aperiodicity.

Letters: B clips, N phonemes, T steps of 10 ms (two frames of WORLD each), C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.speech.inventory import BASES
from empatheia.speech.mixing import Mixing
from empatheia.speech.world.features import APERIODICITY_BANDS, BANDS
from empatheia.speech.world.mel import MEL_BANDS
from empatheia.speech.world.variation import Variation

if TYPE_CHECKING:
    from jaxtyping import Float, Int

STEP_FRAMES = 2  # WORLD frames a step
FRAME_WIDTH = BANDS + APERIODICITY_BANDS + 2  # envelope, aperiodicity, log F0, voicing
LABELS = len(Variation().vector())


@dataclass(frozen=True, slots=True)
class VoiceConfig:
    content_dim: int = 128
    style_dim: int = 48
    content_layers: int = 4
    hidden: int = 256
    decoder_layers: int = 8
    duration_layers: int = 3
    style_channels: int = 128


class ContentEncoder(nn.Module):
    """Phonemes in their neighbourhood -> content vectors of unit scale."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        dim = config.content_dim
        self.base = nn.Embedding(len(BASES) + 1, dim, padding_idx=0)
        self.stress = nn.Embedding(3, dim)
        self.place = nn.Linear(5, dim)
        self.blocks = nn.ModuleList(
            Mixing(dim, d) for d in (1, 2, 4, 8, 1, 2)[: config.content_layers]
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        base: Int[Tensor, "batch phoneme"],
        stress: Int[Tensor, "batch phoneme"],
        place: Float[Tensor, "batch phoneme 5"],
        keep: Float[Tensor, "batch phoneme 1"],
    ) -> Float[Tensor, "batch phoneme content"]:
        x = self.base(base) + self.stress(stress) + self.place(place)
        for block in self.blocks:
            x = block(x, keep)
        return self.norm(x) * keep


class Durations(nn.Module):
    """Logarithm of the number of 10 ms steps of each phoneme."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        dim = config.content_dim
        self.blocks = nn.ModuleList(
            Mixing(dim, d, config.style_dim) for d in (1, 2, 1)[: config.duration_layers]
        )
        self.head = nn.Linear(dim, 1)

    def forward(self, content: Tensor, style: Tensor, keep: Tensor) -> Float[Tensor, "batch n"]:
        for block in self.blocks:
            content = block(content, keep, style)
        return self.head(content)[..., 0]


class Decoder(nn.Module):
    """Content spread over time, and style -> the frames of WORLD."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        dim = config.hidden
        self.enter = nn.Linear(config.content_dim + 3, dim)
        dilations = (1, 2, 4, 8, 16, 1, 2, 1, 4, 1)
        self.blocks = nn.ModuleList(
            Mixing(dim, d, config.style_dim) for d in dilations[: config.decoder_layers]
        )
        self.norm = nn.LayerNorm(dim)
        self.style = nn.Linear(config.style_dim, dim)
        self.head = nn.Linear(dim, STEP_FRAMES * FRAME_WIDTH)

    def forward(
        self, content: Tensor, phase: Tensor, style: Tensor, keep: Tensor
    ) -> Float[Tensor, "batch frame width"]:
        """content (B, T, content), phase (B, T, 3) -> normalised frames (B, 2T, FRAME_WIDTH)."""
        x = self.enter(torch.cat([content, phase], dim=-1))
        for block in self.blocks:
            x = block(x, keep, style)
        B, T, _ = x.shape
        out = self.head(self.norm(x) + self.style(style)[:, None])
        return out.reshape(B, T * STEP_FRAMES, FRAME_WIDTH)


class StyleEncoder(nn.Module):
    """Log mel of any sentence -> how it was said. Mean and spread over time, no word order."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        c = config.style_channels
        self.convs = nn.ModuleList(
            [
                nn.Conv1d(MEL_BANDS, c, 5, stride=2, padding=2),
                nn.Conv1d(c, c, 5, stride=2, padding=2),
                nn.Conv1d(c, c, 3, padding=1),
                nn.Conv1d(c, c, 3, padding=2, dilation=2),
            ]
        )
        self.out = nn.Sequential(
            nn.Linear(2 * c, 2 * c), nn.GELU(), nn.Linear(2 * c, config.style_dim)
        )
        self.norm = nn.LayerNorm(config.style_dim, elementwise_affine=False)
        self.labels = nn.Linear(config.style_dim, LABELS)

    def forward(self, mel: Float[Tensor, "batch frame mel"]) -> Float[Tensor, "batch style"]:
        x = mel.transpose(1, 2)
        for conv in self.convs:
            x = F.gelu(conv(x))
        pooled = torch.cat([x.mean(-1), x.std(-1, correction=0)], dim=-1)
        return self.norm(self.out(pooled))


class VoiceNetwork(nn.Module):
    """All networks, and the mean and spread that frames are normalised with."""

    frame_mean: Tensor
    frame_std: Tensor

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        self.config = config
        self.content = ContentEncoder(config)
        self.style = StyleEncoder(config)
        self.durations = Durations(config)
        self.decoder = Decoder(config)
        self.register_buffer("frame_mean", torch.zeros(FRAME_WIDTH))
        self.register_buffer("frame_std", torch.ones(FRAME_WIDTH))


def spread(content: Float[Tensor, "n content"], steps: Int[Tensor, " n"]) -> tuple[Tensor, Tensor]:
    """Repeat each phoneme's content for its steps; the phase says where in the phoneme we are.

    Returns (T, content) and (T, 3): the fraction passed, the fraction to come, log length.
    """
    index = torch.repeat_interleave(torch.arange(len(steps)), steps)
    return content[index], phase_of(steps)


def phase_of(steps: Int[Tensor, " n"]) -> Float[Tensor, "t 3"]:
    """Where in its phoneme each 10 ms step lies; knows lengths, never identities."""
    length = torch.repeat_interleave(steps, steps).float()
    first = torch.repeat_interleave(torch.cumsum(steps, 0) - steps, steps)
    passed = (torch.arange(len(length)) - first + 0.5) / length
    return torch.stack([passed, 1 - passed, torch.log(length) / 2], dim=-1)
