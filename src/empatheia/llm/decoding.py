"""Decoding with a cache: the chain under constraints, then several replies side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from empatheia.llm.interface import Cache, LanguageModel
from empatheia.llm.prompt import CHAIN, Field, field_ids
from empatheia.llm.tokenizer import END, REPLY, DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


SHRINK = 0.75  # the batch is cut down when fewer of its rows than this are unfinished


@dataclass(slots=True)
class State:
    """A batch in the middle of decoding. ``mask`` covers everything in the cache."""

    cache: Cache
    mask: Bool[Tensor, "batch seen"]
    logits: Float[Tensor, "batch vocabulary"]  # for the next token
    hidden: Float[Tensor, "batch dim"]  # at the last token


@dataclass(frozen=True, slots=True)
class DecodedChain:
    """Field texts by name, and the two label distributions."""

    fields: dict[str, str]
    emotions: Float[Tensor, " emotion"]
    feels: Float[Tensor, " key"]


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


def prefill(
    model: LanguageModel,
    embeddings: Float[Tensor, "batch token dim"],
    mask: Bool[Tensor, "batch token"],
) -> State:
    """Read the prompt. Rows are padded on the left."""
    cache, first, mask = model.begin(embeddings, mask)
    return _feed(model, cache, mask[:, :0], first, mask)


def _feed(
    model: LanguageModel, cache: Cache, before: Tensor, embeddings: Tensor, mask: Tensor
) -> State:
    seen = torch.cat([before, mask], 1)
    hidden = model.feed(cache, embeddings, seen)[:, -1]
    return State(cache, seen, model.logits(hidden), hidden)


class _ChainRow:
    """The program of one row: which token is forced, or which tokens may come."""

    def __init__(self, tokenizer: DialogueTokenizer, forced: Mapping[str, str]) -> None:
        self.tokenizer, self.forced = tokenizer, forced
        self.place = -1
        self.ids: list[int] = []
        self.queue: list[int] = []
        self.found: dict[str, list[int]] = {}
        self._enter()

    @property
    def done(self) -> bool:
        return self.place >= len(CHAIN) and not self.queue

    @property
    def field(self) -> Field | None:
        return CHAIN[self.place] if self.place < len(CHAIN) else None

    def _enter(self) -> None:
        """Go to the next field: its mark is forced, and its value where one was given."""
        self.place += 1
        self.ids = []
        current = self.field
        if current is None:
            self.queue.append(self.tokenizer.id(REPLY))
        elif current.name in self.forced:
            self.queue += field_ids(self.tokenizer, current, self.forced[current.name])
        else:
            self.queue.append(self.tokenizer.id(current.mark))

    def mode(self) -> tuple[str, int]:
        """(kind, forced token or -1) for the next token."""
        if self.queue:
            return "forced", self.queue[0]
        current = self.field
        assert current is not None
        if current.kind != "text":
            return current.kind, -1
        if len(self.ids) >= current.limit:
            return "forced", self._stop()
        return ("text" if len(self.ids) < 2 else "text_or_stop"), self._stop()

    def _stop(self) -> int:
        following = CHAIN[self.place + 1].mark if self.place + 1 < len(CHAIN) else REPLY
        return self.tokenizer.id(following)

    def push(self, token: int) -> None:
        if self.queue:
            self.queue.pop(0)
            if self.queue or self.field is None:
                return
            if self.field.name in self.forced:
                self.found[self.field.name] = []
                self._enter()
            return
        current = self.field
        assert current is not None
        if current.kind != "text":
            self.found[current.name] = [token]
            self._enter()
        elif token == self._stop():
            self.found[current.name] = self.ids
            self._enter()
            self.queue.pop(0)  # the stop was the next field's mark already
            if self.field and self.field.name in self.forced and not self.queue:
                self._enter()
        else:
            self.ids.append(token)


@torch.inference_mode()
def decode_chains(
    model: LanguageModel, state: State, forced: Sequence[Mapping[str, str]]
) -> tuple[State, list[DecodedChain]]:
    """Greedy chain for each row, all fields always; ``forced`` fields are taken as given.

    Returns the state right after ``<reply>``.
    """
    tokenizer = model.tokenizer
    rows = [_ChainRow(tokenizer, f) for f in forced]
    labels = tokenizer.labels
    special = torch.tensor(sorted(tokenizer.special))
    emotions = torch.zeros(len(rows), len(labels.emotions))
    feels = torch.zeros(len(rows), len(labels.feels))
    while not all(row.done for row in rows):
        logits = state.logits.float()
        emotion_logits = logits[:, list(labels.emotions)]
        feel_logits = logits[:, list(labels.feels)]
        free = logits.index_fill(1, special, -torch.inf)
        tokens = [0] * len(rows)
        alive = [not row.done for row in rows]
        for i, row in enumerate(rows):
            if row.done:
                continue
            kind, token = row.mode()
            if kind == "text":
                token = int(free[i].argmax())
            elif kind == "text_or_stop":
                best = int(free[i].argmax())
                token = token if logits[i, token] > free[i, best] else best
            elif kind == "emotion":
                emotions[i] = emotion_logits[i].softmax(-1)
                token = labels.emotions[int(emotions[i].argmax())]
            elif kind == "feel":
                feels[i] = feel_logits[i].softmax(-1)
                token = labels.feels[int(feels[i].argmax())]
            elif token in labels.emotions:
                emotions[i] = emotion_logits[i].softmax(-1)
            elif token in labels.feels:
                feels[i] = feel_logits[i].softmax(-1)
            row.push(token)
            tokens[i] = token
        previous = state.logits
        ids = torch.tensor(tokens)[:, None]
        active = torch.tensor(alive)
        state = _feed(model, state.cache, state.mask, model.embed(ids), active[:, None])
        state.logits = torch.where(active[:, None], state.logits, previous)
    return state, [_chain(tokenizer, r, f, emotions[i], feels[i]) for i, (r, f) in
                   enumerate(zip(rows, forced, strict=True))]  # fmt: skip


def _chain(
    tokenizer: DialogueTokenizer,
    row: _ChainRow,
    forced: Mapping[str, str],
    emotions: Tensor,
    feels: Tensor,
) -> DecodedChain:
    fields = {}
    for part in CHAIN:
        if part.name in forced:
            fields[part.name] = forced[part.name]
        elif part.kind == "text":
            fields[part.name] = tokenizer.decode(row.found[part.name])
        else:
            name = tokenizer.backend.id_to_token(row.found[part.name][0])
            fields[part.name] = str(name).strip("<>").split(":")[1]
    return DecodedChain(fields, emotions, feels)


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
    state = _feed(model, state.cache, state.mask, model.embed(tokens), mask)
    place = dict(zip(moves, starts, strict=True))
    return state, [place[move] for move in said]


def only(state: State, rows: Sequence[int]) -> State:
    """The state of some rows, any of them more than once. Uses up ``state``."""
    kept = torch.tensor(rows)
    state.cache.batch_select_indices(kept)
    return State(state.cache, state.mask[kept], state.logits[kept], state.hidden[kept])


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
