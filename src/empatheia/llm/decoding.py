"""Several replies side by side, and the likelihood of given ones, after a chain that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from empatheia.llm.interface import LanguageModel
from empatheia.llm.state import SHRINK, State, feed, only
from empatheia.llm.tokenizer import END

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn. ``temperature`` 0 is greedy."""

    candidates: int = 20
    temperature: float = 0.7
    top_k: int = 60
    top_p: float = 0.92
    max_tokens: int = 56


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reply as tokens; ``finished`` is False where it ran into the limit."""

    ids: tuple[int, ...]
    logprob: float  # mean over its tokens, under the model itself (temperature 1)
    finished: bool
    state: Float[Tensor, " dim"] = field(compare=False)  # mean hidden state at its tokens


@dataclass(slots=True)
class _Draft:
    row: int  # of the state that stands at its last token
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finished: bool = False
    trigrams: set[tuple[int, ...]] = field(default_factory=set)

    def blocked(self, token: int) -> bool:
        return (*self.ids[-2:], token) in self.trigrams

    def push(self, token: int, logprob: float, end: int) -> None:
        self.logprob += logprob
        if token == end:
            self.finished = True
            return
        if len(self.ids) >= 2:
            self.trigrams.add((*self.ids[-2:], token))
        self.ids.append(token)


@torch.inference_mode()
def sample_replies(
    model: LanguageModel, state: State, sampling: Sampling, seeds: Sequence[int]
) -> list[list[Candidate]]:
    """``sampling.candidates`` replies for each row; the same seed gives the same noise.

    No mark and no label can be drawn, no three tokens come twice, at least three come. Replies that
    begin alike are read once until they part.
    """
    k, end = sampling.candidates, model.tokenizer.id(END)
    marks = torch.tensor(sorted(model.tokenizer.special - {end}))
    noise = [np.random.default_rng((seed, j)) for seed in seeds for j in range(k)]
    drafts = [_Draft(row) for row in range(len(seeds)) for _ in range(k)]
    sums = torch.zeros(len(drafts), state.hidden.shape[1])  # of the states at their tokens
    alive = list(range(len(drafts)))
    for _ in range(sampling.max_tokens):
        logits = state.logits.to(torch.float32, copy=True).index_fill_(1, marks, -torch.inf)
        top, likely = logits.topk(sampling.top_k, dim=-1)
        choice, logp = likely.numpy(), (top - logits.logsumexp(-1, keepdim=True)).numpy()
        nucleus = _nucleus(logp, sampling)
        for i in alive:
            draft, row = drafts[i], drafts[i].row
            near = np.flatnonzero(nucleus[row])
            token, value = _pick(draft, logp[row], choice[row], near, sampling, noise[i], end)
            draft.push(token, value, end)
        alive = [i for i in alive if not drafts[i].finished]
        if not alive:
            break
        state, places = _say(model, state, [(drafts[i].row, drafts[i].ids[-1]) for i in alive], end)
        for i, place in zip(alive, places, strict=True):
            drafts[i].row = place
        sums[alive] += state.hidden[places].float()
    out = [
        Candidate(tuple(d.ids), d.logprob / (n + d.finished), d.finished, total / n)
        for d, total, n in zip(drafts, sums, (len(d.ids) for d in drafts), strict=True)
    ]
    return [out[i : i + k] for i in range(0, len(out), k)]


def _say(
    model: LanguageModel, state: State, said: Sequence[tuple[int, int]], end: int
) -> tuple[State, list[int]]:
    """The state after each (row, token), and where each of them then stands. Uses up ``state``."""
    moves = list(dict.fromkeys(said))
    starts = [row for row, _ in moves]
    held = len(state.logits)
    if len(set(starts)) < len(moves) or len(moves) < SHRINK * held:
        state = only(state, starts)
        starts, held = list(range(len(moves))), len(moves)
    tokens, mask = torch.full((held, 1), end), torch.zeros(held, 1, dtype=torch.bool)
    tokens[starts, 0] = torch.tensor([token for _, token in moves])
    mask[starts] = True
    state = feed(model, state.cache, state.mask, model.embed(tokens), mask)
    place = dict(zip(moves, starts, strict=True))
    return state, [place[move] for move in said]


def _nucleus(top: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Which of each row's likeliest tokens may be drawn (row, token); one where it is greedy."""
    if not sampling.temperature:
        return np.arange(top.shape[1])[None] < np.ones((len(top), 1))
    mass = np.exp(top / sampling.temperature)
    inside: np.ndarray = np.cumsum(mass, 1) - mass < sampling.top_p * mass.sum(1, keepdims=True)
    return inside


def _pick(
    draft: _Draft,
    top: np.ndarray,
    choice: np.ndarray,
    near: np.ndarray,
    sampling: Sampling,
    noise: np.random.Generator,
    end: int,
) -> tuple[int, float]:
    """The next token of a draft and its log-probability (Gumbel noise on the nucleus)."""
    score = top.astype(np.float64)
    if sampling.temperature:
        score = score / sampling.temperature + noise.gumbel(size=len(score))
    for j in (*near[np.argsort(-score[near])], *range(len(score))):
        token = int(choice[j])
        if not draft.blocked(token) and not (token == end and len(draft.ids) < 3):
            return token, float(top[j])
    return end, float(top[-1])  # all that is likely is blocked


@torch.inference_mode()
def read_replies(
    model: LanguageModel, state: State, replies: Sequence[Sequence[int]]
) -> tuple[Float[Tensor, "batch token dim"], Bool[Tensor, "batch token"]]:
    """States at the tokens of one given reply a row, and which places are real.

    The state is left as it was: what was read is taken out of the cache again.
    """
    width = max(map(len, replies))
    end = model.tokenizer.id(END)
    ids = torch.tensor([[*reply, *[end] * (width - len(reply))] for reply in replies])
    real = torch.tensor([[True] * len(r) + [False] * (width - len(r)) for r in replies])
    hidden = model.feed(state.cache, model.embed(ids), torch.cat([state.mask, real], 1))
    state.cache.crop(-width)
    return hidden, real


@torch.inference_mode()
def score_replies(
    model: LanguageModel, state: State, replies: Sequence[Sequence[int]]
) -> list[float]:
    """Negative log-likelihood (nats) of one given reply a row, the end mark included."""
    hidden, _ = read_replies(model, state, replies)
    found = []
    for row, reply in enumerate(replies):
        first = state.logits[row, None]
        logits = torch.cat([first, model.logits(hidden[row, : len(reply)])]).float()
        ids = [*reply, model.tokenizer.id(END)]
        found.append(-float(logits.log_softmax(-1)[range(len(ids)), ids].sum()))
    return found
