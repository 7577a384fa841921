"""From the language model's states to content and style: signals, synchronizer, disentangler."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from empatheia import hub
from empatheia.errors import WeightsError
from empatheia.latents.content import (
    ContentConfig,
    ContentSynchronizer,
    LinearContent,
    ReplyStates,
    first_and_last,
)
from empatheia.latents.places import (
    Places,
    places_of_frames,
    places_of_phonemes,
    places_of_words,
    stack_places,
)
from empatheia.latents.style import PooledStyle, Style, StyleConfig, StyleDisentangler
from empatheia.llm.interface import LanguageModel
from empatheia.llm.signals import SignalConfig, Signals, SignalTokens, collect, token_words
from empatheia.llm.state import State
from empatheia.types import Phoneme, Speech

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class ExpressionConfig:
    """``synchronizer`` and ``disentangler`` are False in the ablations w/o CS and w/o SD."""

    signals: SignalConfig
    content: ContentConfig
    style: StyleConfig
    synchronizer: bool = True
    disentangler: bool = True


@dataclass(frozen=True, slots=True)
class Expressed:
    """What one reply is said and shown with."""

    reply: ReplyStates
    style: Style


class Expression(nn.Module):
    """Everything between a reply and the two generators."""

    def __init__(self, config: ExpressionConfig) -> None:
        super().__init__()
        self.config = config
        self.signals = SignalTokens(config.signals)
        content = ContentSynchronizer if config.synchronizer else LinearContent
        style = StyleDisentangler if config.disentangler else PooledStyle
        self.content: ContentSynchronizer | LinearContent = content(config.content)
        self.style: StyleDisentangler | PooledStyle = style(config.style)
        self.digest = "random"

    @torch.inference_mode()
    def express(
        self, lm: LanguageModel, state: State, text: str, intensity: float = math.nan
    ) -> Expressed:
        """Signals of a written reply from the cache that ends with ``<reply>``, and its style.

        ``intensity`` in [0, 1] is how strongly its feeling is to be shown; nan where no plan says.
        """
        ids = lm.tokenizer.encode(text)
        found = collect(lm, self.signals, state, [ids])
        reply = reply_states(found, [token_words(lm.tokenizer, ids)], lm.embed(torch.tensor([ids])))
        told = torch.tensor([intensity])
        return Expressed(reply, self.style(found.speech, found.video, told))

    @torch.inference_mode()
    def speech_content(
        self, reply: ReplyStates, phonemes: Sequence[Phoneme]
    ) -> Float[Tensor, "phoneme content"]:
        """C^s of a whole reply; ``word`` of the phonemes counts its words."""
        places = places_of_phonemes(phonemes)
        parts = windows(places, self.config.content.phonemes)
        return torch.cat([self.content.speech(reply, part).values[0] for part in parts])

    @torch.inference_mode()
    def video_content(
        self, reply: ReplyStates, speech: Speech, frames: int, fps: int
    ) -> Float[Tensor, "frame content"]:
        """C^v of a whole spoken reply, on the clock of its sound."""
        places = places_of_frames(speech.phonemes, frames, fps)
        parts = windows(places, self.config.content.frames)
        return torch.cat([self.content.video(reply, part).values[0] for part in parts])

    def meta(self) -> dict[str, Any]:
        return asdict(self.config)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Expression:
        return cls(
            ExpressionConfig(
                SignalConfig(**meta["signals"]),
                ContentConfig(**meta["content"]),
                StyleConfig(**meta["style"]),
                meta["synchronizer"],
                meta["disentangler"],
            )
        )

    @classmethod
    def load(cls, path: Path) -> Expression:
        """Raises WeightsError naming the file and the fault."""
        weights = hub.load(path)
        try:
            made = cls.from_meta(weights.meta)
            made.load_state_dict(dict(weights.tensors))
        except (RuntimeError, KeyError, TypeError) as error:
            raise WeightsError(f"{path} does not fit this version: {error}") from error
        made.digest = weights.digest
        return made.eval()

    def save(self, path: Path, more: Mapping[str, Any] | None = None, int8: bool = False) -> None:
        hub.save(path, self.state_dict(), self.meta() | dict(more or {}), int8=int8)

    def fits(self, lm_dim: int, speech: tuple[int, int], face: tuple[int, int]) -> None:
        """Raise WeightsError unless made for these generators ((content, style) widths)."""
        c, s = self.config.content, self.config.style
        mine = (c.source_dim, (c.speech_dim, s.speech_dim), (c.video_dim, s.video_dim))
        if mine != (lm_dim, speech, face):
            raise WeightsError(
                f"these expression weights belong to another preset: they were made for widths "
                f"{mine}, this system has {(lm_dim, speech, face)}; train them for it"
            )


def reply_states(
    signals: Signals, words: Sequence[Sequence[int]], embedded: Float[Tensor, "batch token dim"]
) -> ReplyStates:
    """r^t with the words that its tokens belong to; ``embedded`` is what the model read there."""
    places = stack_places([places_of_words(row) for row in words])
    return ReplyStates(first_and_last(embedded, signals.text, signals.real), places)


def windows(places: Places, size: int) -> Iterator[Places]:
    """Parts of at most ``size`` places of one row; nearly always the whole."""
    for start in range(0, len(places), size):
        names = ("word", "index", "count", "extra", "real")
        yield Places(*(getattr(places, name)[:, start : start + size] for name in names))


def expression_config(
    lm_dim: int,
    speech: tuple[int, int],
    face: tuple[int, int],
    synchronizer: bool = True,
    disentangler: bool = True,
    intensity: bool = True,
) -> ExpressionConfig:
    """The shapes of ``small()`` for a language model and two generators ((content, style))."""
    return ExpressionConfig(
        SignalConfig(lm_dim),
        ContentConfig(lm_dim, speech[0], face[0]),
        StyleConfig(lm_dim, speech[1], face[1], intensity=intensity),
        synchronizer,
        disentangler,
    )
