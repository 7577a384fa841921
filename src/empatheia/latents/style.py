"""Style disentangler: how a reply is said and shown (paper, Eq. 3-7, Figure 4b).

Emotion and profile each have a block a modality: E^s, E^v from the states r^s and r^v of the signal
tokens, P^s, P^v likewise. (Eq. 4-6 print r^s for both; the figure has r^s for speech and r^v for
video, and we follow the figure.) The style of a modality is one linear layer on its E and P side
by side; E and P fused over the modalities, linear in both sides, are what the classifiers read.

Every signal token says something else, so each has a matrix of its own by which it tells the
queries (docs/experiments.md: with an FFN for all of them age and gender stayed at chance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, TONES
from empatheia.latents.content import Units
from empatheia.nn.query_vae import QueryVAE, QueryVAEConfig, Side

if TYPE_CHECKING:
    from jaxtyping import Float

FACTORS = ("emotion", "profile")
MODALITIES = ("speech", "video")
CLASSES = {"emotion": EMOTIONS8, "age": AGES, "gender": GENDERS, "tone": TONES}


@dataclass(frozen=True, slots=True)
class StyleConfig:
    source_dim: int
    speech_dim: int
    video_dim: int
    factor: int = 32  # width of E and P
    dim: int = 64
    heads: int = 4
    hidden: int = 128
    latent: int = 16
    layers: int = 4
    queries: int = 4
    dropout: float = 0.1
    told: int = 24  # width of what a signal token tells
    speech_signals: int = 16
    video_signals: int = 16
    intensity: bool = False  # whether the plan says how strongly the feeling is to be shown


@dataclass(frozen=True, slots=True)
class Style:
    """S^s and S^v in the teachers' units, the factors behind them, and logits by class name.

    ``emotion`` and ``profile`` are the fused E and P; ``factors`` has E^s, E^v, P^s, P^v under
    ``emotion_speech`` and so on. ``logits`` is empty where there are no classifiers.
    """

    speech: Float[Tensor, "batch speech"]
    video: Float[Tensor, "batch video"]
    emotion: Float[Tensor, "batch factor"]
    profile: Float[Tensor, "batch factor"]
    factors: dict[str, Tensor]
    logits: dict[str, Tensor]
    kl: Float[Tensor, " batch"]


class Stylist(Protocol):
    """What the full module and its ablation have in common."""

    config: StyleConfig

    def __call__(self, speech: Tensor, video: Tensor, intensity: Tensor | None = None) -> Style: ...


class SignalTelling(nn.Module):
    """What the signal tokens of one modality tell each query of one block."""

    def __init__(self, signals: int, source: int, width: int, queries: int, dim: int) -> None:
        super().__init__()
        self.queries = queries
        self.each = nn.Parameter(torch.randn(signals, source, width) / source**0.5)
        self.all = nn.Linear(signals * width, queries * dim)

    def forward(
        self, states: Float[Tensor, "batch signal source"]
    ) -> Float[Tensor, "batch query dim"]:
        said = torch.einsum("bns,nsw->bnw", states, self.each)
        told: Tensor = self.all(F.gelu(said.flatten(1)))
        return told.unflatten(-1, (self.queries, -1))


class Strength(nn.Module):
    """What the intensity of a feeling makes of the numbers that tell it: a scale and a shift.

    Intensities lie in [0, 1]; nan where it is not known, for which a scale and a shift are learned.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.known = nn.Linear(1, 2 * width)
        self.unknown = nn.Parameter(torch.zeros(2 * width))
        nn.init.zeros_(self.known.bias)

    def forward(
        self, told: Float[Tensor, "batch query dim"], intensity: Float[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch query dim"]:
        if intensity is None:
            intensity = told.new_full((len(told),), torch.nan)
        missing = intensity.isnan()[:, None]
        known = self.known(2 * intensity.nan_to_num()[:, None] - 1)
        scale, shift = torch.where(missing, self.unknown, known)[:, None].chunk(2, -1)
        return told * (1 + scale) + shift


class StyleDisentangler(nn.Module):
    """Four blocks (emotion and profile of speech and video), two style layers, four classifiers.

    The classes of emotion are the paper's seven and ``neutral``.
    """

    def __init__(self, config: StyleConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        block = QueryVAEConfig(
            c.source_dim, c.factor, c.queries, c.dim, c.heads, c.hidden, c.latent, c.layers,
            c.dropout,
        )  # fmt: skip
        self.blocks = nn.ModuleDict(
            {
                f"{factor}_{modality}": QueryVAE(block)
                for factor in FACTORS
                for modality in MODALITIES
            }
        )
        counts = {"speech": c.speech_signals, "video": c.video_signals}
        self.signal_units = nn.ModuleDict({m: Units(counts[m] * c.source_dim) for m in MODALITIES})
        self.telling = nn.ModuleDict(
            {
                name: SignalTelling(
                    counts[name.split("_")[1]], c.source_dim, c.told, c.queries, c.dim
                )
                for name in self.blocks
            }
        )
        self.strength = nn.ModuleDict(
            {n: Strength(c.dim) for n in self.blocks if c.intensity and n.startswith("emotion_")}
        )
        self.speech_layer = nn.Linear(2 * c.factor, c.speech_dim)
        self.video_layer = nn.Linear(2 * c.factor, c.video_dim)
        self.fuse = nn.ModuleDict({f: nn.Linear(2 * c.factor, c.factor) for f in FACTORS})
        self.classifiers = nn.ModuleDict(
            {name: nn.Linear(c.factor, len(labels)) for name, labels in CLASSES.items()}
        )
        self.speech_units, self.video_units = Units(c.speech_dim), Units(c.video_dim)

    def units_of(self, modality: str) -> Units:
        """Mean and spread of the signals' states, all in one row (signal source,)."""
        units = self.signal_units[modality]
        assert isinstance(units, Units)
        return units

    def forward(
        self,
        speech: Float[Tensor, "batch signal source"],
        video: Float[Tensor, "batch signal source"],
        intensity: Float[Tensor, " batch"] | None = None,
    ) -> Style:
        """r^s and r^v in, and how strongly the feeling is to be shown (see ``Strength``)."""
        sources = {
            m: self.units_of(m).own(states.float().flatten(1)).view_as(states)
            for m, states in {"speech": speech, "video": video}.items()
        }
        real = torch.ones(len(speech), self.config.queries, dtype=torch.bool, device=speech.device)
        factors, kl = {}, speech.new_zeros(len(speech))
        for name, block in self.blocks.items():
            states = sources[name.split("_")[1]]
            every = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
            told = self.telling[name](states)
            if name in self.strength:
                told = self.strength[name](told, intensity)
            found = block(states, Side(every), Side(real, told=told))
            factors[name] = found.values.mean(1)
            kl = kl + found.kl / len(self.blocks)
        fused = {
            f: self.fuse[f](torch.cat([factors[f"{f}_{m}"] for m in MODALITIES], -1))
            for f in FACTORS
        }
        sides = {
            m: torch.cat([factors[f"{f}_{m}"] for f in FACTORS], -1) for m in MODALITIES
        }  # E + P, Eq. 7
        logits = {
            name: layer(fused["emotion" if name == "emotion" else "profile"])
            for name, layer in self.classifiers.items()
        }
        return Style(
            self.speech_units.natural(self.speech_layer(sides["speech"])),
            self.video_units.natural(self.video_layer(sides["video"])),
            fused["emotion"],
            fused["profile"],
            factors,
            logits,
            kl,
        )


class PooledStyle(nn.Module):
    """The ablation w/o SD: mean-pooled r^s and r^v through one linear layer each, nothing else."""

    def __init__(self, config: StyleConfig) -> None:
        super().__init__()
        self.config = config
        width = config.source_dim + 2 * config.intensity
        self.speech_layer = nn.Linear(width, config.speech_dim)
        self.video_layer = nn.Linear(width, config.video_dim)
        self.speech_units = Units(config.speech_dim)
        self.video_units = Units(config.video_dim)

    def forward(self, speech: Tensor, video: Tensor, intensity: Tensor | None = None) -> Style:
        pooled = {"speech": speech.mean(1), "video": video.mean(1)}
        if self.config.intensity:
            given = speech.new_full((len(speech),), torch.nan) if intensity is None else intensity
            told = torch.stack([~given.isnan(), given.nan_to_num()], -1).to(speech)
            pooled = {m: torch.cat([states, told], -1) for m, states in pooled.items()}
        return Style(
            self.speech_units.natural(self.speech_layer(pooled["speech"])),
            self.video_units.natural(self.video_layer(pooled["video"])),
            pooled["speech"],
            pooled["video"],
            {},
            {},
            speech.new_zeros(len(speech)),
        )
