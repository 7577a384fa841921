"""Signal tokens: after its reply the model writes 16 for the voice and 16 for the face.

Their last-layer states r^s and r^v, and those of the reply's tokens, r^t, are what synchronizer and
disentangler start from (paper, section 4.2). The tokens stand in a small table of their own beside
the vocabulary, so a model that has none stays as it is, byte for byte.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.llm.interface import LanguageModel
from empatheia.llm.state import State
from empatheia.llm.tokenizer import END, DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True, slots=True)
class SignalConfig:
    dim: int
    speech: int = 16
    video: int = 16

    @property
    def count(self) -> int:
        return self.speech + self.video


@dataclass(frozen=True, slots=True)
class Signals:
    """Last-layer states at tokens; ``real`` is False where ``text`` is padding."""

    text: Float[Tensor, "batch token dim"]
    real: Bool[Tensor, "batch token"]
    speech: Float[Tensor, "batch signal dim"]
    video: Float[Tensor, "batch signal dim"]


@dataclass(frozen=True, slots=True)
class Tail:
    """Replies with end mark and signal tokens behind them, padded on the right."""

    embeddings: Float[Tensor, "batch token dim"]
    mask: Bool[Tensor, "batch token"]
    lengths: tuple[int, ...]  # tokens of each reply, the end mark not counted


class SignalTokens(nn.Module):
    """The table, and how a reply is prolonged by it and read off again."""

    def __init__(self, config: SignalConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Parameter(torch.randn(config.count, config.dim) * 0.02)

    def logits(self, hidden: Float[Tensor, "... dim"]) -> Float[Tensor, "... signal"]:
        """Scores that stand beside those of the vocabulary in L_emp."""
        return hidden @ self.table.T.to(hidden.dtype)

    def tail(self, model: LanguageModel, replies: Sequence[Sequence[int]]) -> Tail:
        """What is fed after ``<reply>``."""
        end = model.tokenizer.id(END)
        lengths = tuple(map(len, replies))
        width = max(lengths) + 1
        ids = torch.tensor([[*row, *[end] * (width - len(row))] for row in replies])
        words = model.embed(ids.to(self.table.device))
        signals = self.table.to(words.dtype)
        rows = words.new_zeros(len(replies), width + self.config.count, words.shape[-1])
        mask = torch.zeros(rows.shape[:2], dtype=torch.bool, device=rows.device)
        for i, n in enumerate(lengths):
            rows[i, : n + 1 + self.config.count] = torch.cat([words[i, : n + 1], signals])
            mask[i, : n + 1 + self.config.count] = True
        return Tail(rows, mask, lengths)

    def split(self, states: Float[Tensor, "batch token dim"], lengths: Sequence[int]) -> Signals:
        """States at the tokens of a tail -> r^t, r^s, r^v."""
        states = states.float()  # a model may compute in less
        text = states.new_zeros(len(states), max(lengths), states.shape[-1])
        real = torch.zeros(text.shape[:2], dtype=torch.bool, device=states.device)
        found = []
        for i, n in enumerate(lengths):
            text[i, :n], real[i, :n] = states[i, :n], True
            found.append(states[i, n + 1 : n + 1 + self.config.count])
        speech, video = torch.stack(found).split([self.config.speech, self.config.video], 1)
        return Signals(text, real, speech, video)


def fork(state: State) -> State:
    """A copy, so that replies may be drawn from one and signals read from the other."""
    cache = copy.deepcopy(state.cache)
    return State(cache, state.mask.clone(), state.logits.clone(), state.hidden.clone())


@torch.inference_mode()
def collect(
    model: LanguageModel, signals: SignalTokens, state: State, replies: Sequence[Sequence[int]]
) -> Signals:
    """r^t, r^s and r^v of given replies, from the cache that ends with ``<reply>``.

    Prompt and chain are not read again; the state is left as it was.
    """
    tail = signals.tail(model, replies)
    seen = torch.cat([state.mask, tail.mask], 1)
    states = model.feed(state.cache, tail.embeddings, seen)
    state.cache.crop(-tail.mask.shape[1])
    return signals.split(states, tail.lengths)


def token_words(tokenizer: DialogueTokenizer, ids: Sequence[int]) -> list[int]:
    """For each token of a reply the number of its word, as ``text.split()`` counts them."""
    words = []
    for stop in range(1, len(ids) + 1):
        words.append(max(len(tokenizer.decode(ids[:stop]).split()) - 1, 0))
    return words
