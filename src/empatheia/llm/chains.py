"""The chain of empathy, decoded greedily under constraints: every field, in the paper's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empatheia.llm.interface import LanguageModel
from empatheia.llm.prompt import CHAIN, Field, field_ids
from empatheia.llm.state import SHRINK, State, can_copy, copied, feed, only, together
from empatheia.llm.tokenizer import REPLY, DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class DecodedChain:
    """Field texts by name, and the two label distributions."""

    fields: dict[str, str]
    emotions: Float[Tensor, " emotion"]
    feels: Float[Tensor, " key"]


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
    here, ended = list(range(len(rows))), []  # rows of the state; those whose chains are whole
    while any(not rows[i].done for i in here):
        left = [place for place, i in enumerate(here) if not rows[i].done]
        if len(left) < SHRINK * len(here) and can_copy(state):
            gone = [place for place, i in enumerate(here) if rows[i].done]
            ended.append(([here[place] for place in gone], copied(state, gone)))
            state, here = only(state, left), [here[place] for place in left]
        logits = state.logits.float()
        emotion_logits = logits[:, list(labels.emotions)]
        feel_logits = logits[:, list(labels.feels)]
        free = logits.index_fill(1, special, -torch.inf)
        tokens = torch.zeros(len(here), 1, dtype=torch.long)
        active = torch.tensor([not rows[i].done for i in here])[:, None]
        for place, i in enumerate(here):
            row = rows[i]
            if row.done:
                continue
            kind, token = row.mode()
            if kind == "text":
                token = int(free[place].argmax())
            elif kind == "text_or_stop":
                best = int(free[place].argmax())
                token = token if logits[place, token] > free[place, best] else best
            elif kind == "emotion":
                emotions[i] = emotion_logits[place].softmax(-1)
                token = labels.emotions[int(emotions[i].argmax())]
            elif kind == "feel":
                feels[i] = feel_logits[place].softmax(-1)
                token = labels.feels[int(feels[i].argmax())]
            elif token in labels.emotions:
                emotions[i] = emotion_logits[place].softmax(-1)
            elif token in labels.feels:
                feels[i] = feel_logits[place].softmax(-1)
            row.push(token)
            tokens[place] = token
        previous = state.logits
        state = feed(model, state.cache, state.mask, model.embed(tokens), active)
        state.logits = torch.where(active, state.logits, previous)
    if ended:
        state = together([*ended, (here, state)])
    chains = zip(rows, forced, emotions, feels, strict=True)
    return state, [_chain(tokenizer, *chain) for chain in chains]


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
