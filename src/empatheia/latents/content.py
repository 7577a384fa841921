"""Content synchronizer: what is said, for the voice and for the lips (paper, Eq. 1-2, Figure 4a).

The teachers of C^s and C^v are sequences, one vector a phoneme and one a picture. So each modality
has a bank of learned queries that is cut to a length which is known by then, and latents of its
own. A query is told its word and its place in it, a picture's also the timing of the voice, which
is what keeps lips and voice together. No query is told which sound it is: only r^t knows.

r^t is the first and the last hidden state of the language model at each token of the reply. The
last one is about to say the next token and hardly says any more which one it stands at
(docs/experiments.md); the first one, the token as it was read, does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.latents.places import PlaceEncoder, Places
from empatheia.latents.telling import Telling
from empatheia.nn.query_vae import QueryVAE, QueryVAEConfig

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True, slots=True)
class ContentConfig:
    """``phonemes`` and ``frames`` are the longest reply that fits (half a minute and more)."""

    source_dim: int
    speech_dim: int
    video_dim: int
    dim: int = 192
    heads: int = 4
    hidden: int = 512
    latent: int = 64
    layers: int = 4
    dropout: float = 0.0  # each word comes too seldom to be dropped
    phonemes: int = 640
    frames: int = 1600
    telling: int = 384  # width of FFN(r) in latents.telling
    slots: int = 10  # sounds of a word, and a pause, of which it tells


@dataclass(frozen=True, slots=True)
class ReplyStates:
    """r^t: the language model's states at the tokens of a reply, and the tokens' words.

    ``states`` are those of :func:`first_and_last`.
    """

    states: Float[Tensor, "batch token states"]
    places: Places


STATES = 2  # of the language model at each token


def first_and_last(
    first: Float[Tensor, "batch token source"],
    last: Float[Tensor, "batch token source"],
    real: Bool[Tensor, "batch token"],
) -> Float[Tensor, "batch token states"]:
    """Both states side by side, each at its own scale (embeddings are small); 0 at padding."""
    width = last.shape[-1:]
    both = [F.layer_norm(x[:, : real.shape[1]].float(), width) for x in (first, last)]
    return torch.cat(both, -1) * real[..., None]


@dataclass(frozen=True, slots=True)
class Content:
    """In the teacher's own units; zero at padding. ``kl`` is nats a place, one number a row."""

    values: Float[Tensor, "batch n content"]
    kl: Float[Tensor, " batch"]


class Synchronizer(Protocol):
    """What the full module and its ablation have in common."""

    config: ContentConfig

    def speech(self, reply: ReplyStates, phonemes: Places) -> Content: ...

    def video(self, reply: ReplyStates, frames: Places) -> Content: ...


class Units(nn.Module):
    """Mean and spread of vectors (a teacher's, or states): units for a network to work in."""

    mean: Tensor
    std: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))

    @property
    def fitted(self) -> bool:
        return bool(self.mean.any())

    def fit(self, rows: Float[Tensor, "row dim"], least: float = 0.02) -> None:
        """From the vectors of the training set; a channel that hardly moves keeps 1."""
        spread = rows.std(0, correction=0)
        self.mean.copy_(rows.mean(0))
        self.std.copy_(torch.where(spread < least, torch.ones_like(spread), spread))

    def natural(self, x: Tensor) -> Tensor:
        return x * self.std + self.mean

    def own(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class ContentSynchronizer(nn.Module):
    """Two blocks, one a modality."""

    def __init__(self, config: ContentConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        sizes = (c.dim, c.heads, c.hidden, c.latent, c.layers, c.dropout)
        source = STATES * c.source_dim
        self.speech_block = QueryVAE(QueryVAEConfig(source, c.speech_dim, c.phonemes, *sizes))
        self.video_block = QueryVAE(QueryVAEConfig(source, c.video_dim, c.frames, *sizes))
        self.speech_telling = Telling(source, c.telling, c.dim, c.slots)
        self.video_telling = Telling(source, c.telling, c.dim, c.slots)
        self.tokens = PlaceEncoder(c.dim)
        self.phonemes, self.frames = PlaceEncoder(c.dim), PlaceEncoder(c.dim)
        self.speech_units, self.video_units = Units(c.speech_dim), Units(c.video_dim)

    def speech(self, reply: ReplyStates, phonemes: Places) -> Content:
        """C^s: one vector a phoneme of the written reply."""
        wanted = self.speech_telling(reply.states, reply.places, phonemes, self.phonemes(phonemes))
        found = self.speech_block(reply.states, self.tokens(reply.places), wanted)
        values = self.speech_units.natural(found.values) * phonemes.real[..., None]
        return Content(values, found.kl)

    def video(self, reply: ReplyStates, frames: Places) -> Content:
        """C^v: one vector a picture of the spoken reply."""
        wanted = self.video_telling(reply.states, reply.places, frames, self.frames(frames))
        found = self.video_block(reply.states, self.tokens(reply.places), wanted)
        values = self.video_units.natural(found.values) * frames.real[..., None]
        return Content(values, found.kl)


class LinearContent(nn.Module):
    """The ablation w/o CS: one linear layer on r^t, resampled to length. No queries, no VAE."""

    def __init__(self, config: ContentConfig) -> None:
        super().__init__()
        self.config = config
        self.speech_layer = nn.Linear(STATES * config.source_dim, config.speech_dim)
        self.video_layer = nn.Linear(STATES * config.source_dim, config.video_dim)
        self.speech_units = Units(config.speech_dim)
        self.video_units = Units(config.video_dim)

    def speech(self, reply: ReplyStates, phonemes: Places) -> Content:
        rows = self.speech_units.natural(self.speech_layer(reply.states))
        return self._resampled(rows, reply.places, phonemes)

    def video(self, reply: ReplyStates, frames: Places) -> Content:
        rows = self.video_units.natural(self.video_layer(reply.states))
        return self._resampled(rows, reply.places, frames)

    @staticmethod
    def _resampled(rows: Tensor, given: Places, wanted: Places) -> Content:
        out = rows.new_zeros(len(rows), len(wanted), rows.shape[-1])
        for i, row in enumerate(rows):
            source, length = row[given.real[i]], int(wanted.real[i].sum())
            stretched = F.interpolate(source.T[None], length, mode="linear", align_corners=False)
            out[i, :length] = stretched[0].T
        return Content(out, rows.new_zeros(len(rows)))
