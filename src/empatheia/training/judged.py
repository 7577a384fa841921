"""Replies that were judged, as a model reads them: all of one context in one row.

Each reply stands behind the same prompt and chain and is blind to the others, so a context is read
once for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empatheia.data.empathetic import TextExample
from empatheia.files import write_whole
from empatheia.llm.prompt import CHAIN, field_ids
from empatheia.llm.tokenizer import END, REPLY
from empatheia.reasoner import Reasoner, Request
from empatheia.training.coe_data import drawn_profile
from empatheia.training.verdicts import WORTH, Verdicts
from empatheia.types import ChainOfEmpathy

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

AT_ONCE = 24  # contexts whose prompts are read, or whose chains are decoded, together
READING = 8  # contexts that are read at once where nothing is learned


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One context: prompt in embeddings (bfloat16), own chain and judged replies in tokens."""

    name: str
    prompt: Float[Tensor, "token dim"]
    pooled: Float[Tensor, " dim"]  # what the text encoder made of the dialogue
    chain: tuple[int, ...]  # ends with <reply>
    texts: tuple[str, ...]
    replies: tuple[tuple[int, ...], ...]
    worth: tuple[float, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.chain) + sum(map(len, self.replies))


@dataclass(frozen=True, slots=True)
class JudgedBatch:
    """Rows padded on the right; a *place* is (row, token), the token before a target."""

    embedded: Float[Tensor, "batch token dim"]
    mask: Bool[Tensor, "batch 1 token token"]
    positions: Int[Tensor, "batch token"]
    reply_places: Int[Tensor, "2 target"]
    reply_targets: Int[Tensor, " target"]
    owner: Int[Tensor, " target"]  # which reply of the batch a target belongs to
    chain_places: Int[Tensor, "2 word"]
    chain_targets: Int[Tensor, " word"]
    label_places: Int[Tensor, "2 label"]
    context: Int[Tensor, " reply"]  # the row of each reply
    worth: Float[Tensor, " reply"]
    rows: tuple[int, ...]
    names: tuple[str, ...]


def judged_rows(
    reasoner: Reasoner,
    found: Sequence[TextExample],
    verdicts: Verdicts,
    kept: Path | None = None,
) -> list[JudgedRow]:
    """A row for each of ``found`` that has verdicts.

    The model's own chains are decoded; those in the file ``kept``, of this very model, are read
    from there, and others are added to it.
    """
    judged = [e for e in found if e.name in verdicts]
    chains = _chains(reasoner, judged, kept)
    tokenizer, rows = reasoner.lm.tokenizer, []
    for start in range(0, len(judged), AT_ONCE):
        part = judged[start : start + AT_ONCE]
        prompt = reasoner.prompt([_request(e) for e in part])
        for i, example in enumerate(part):
            read = verdicts[example.name]
            worth = [(text, WORTH[name]) for name in WORTH for text in read[name]]
            chain = chains[example.name]
            fields = [t for f in CHAIN for t in field_ids(tokenizer, f, chain[f.name])]
            rows.append(
                JudgedRow(
                    example.name,
                    prompt.embedded[i][prompt.mask[i]].detach().to(torch.bfloat16),
                    prompt.pooled[i].clone(),
                    (*fields, tokenizer.id(REPLY)),
                    tuple(text for text, _ in worth),
                    tuple(tuple(tokenizer.encode(text)) for text, _ in worth),
                    tuple(value for _, value in worth),
                )
            )
    return rows


def _request(example: TextExample) -> Request:
    return Request(example.context, drawn_profile(example.dialogue_id))


def _chains(
    reasoner: Reasoner, found: Sequence[TextExample], kept: Path | None
) -> Mapping[str, Mapping[str, str]]:
    known: dict[str, Mapping[str, str]] = {}
    if kept is not None and kept.is_file():
        known = json.loads(kept.read_text(encoding="utf-8"))
    missing = [e for e in found if e.name not in known]
    missing.sort(key=lambda e: sum(len(turn.text) for turn in e.context))
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        thoughts = reasoner.think([_request(e) for e in part]).thoughts
        for example, thought in zip(part, thoughts, strict=True):
            known[example.name] = fields_of(thought.chain)
        if kept is not None:
            write_whole(kept, json.dumps(known).encode())
    return known


def fields_of(chain: ChainOfEmpathy) -> dict[str, str]:
    return {f.name: str(getattr(chain, f.name)) for f in CHAIN}


def batch_of(rows: Sequence[JudgedRow], numbers: Sequence[int], reasoner: Reasoner) -> JudgedBatch:
    """Rows ``numbers`` of ``rows`` side by side."""
    tokenizer = reasoner.lm.tokenizer
    labels = {*tokenizer.labels.emotions, *tokenizer.labels.feels}
    end = tokenizer.id(END)
    part = [rows[i] for i in numbers]
    width = -(-max(row.length for row in part) // 16) * 16
    embedded = torch.zeros(len(part), width, part[0].prompt.shape[1])
    mask = torch.eye(width, dtype=torch.bool).repeat(len(part), 1, 1)
    positions = torch.zeros(len(part), width, dtype=torch.long)
    places: dict[str, list[tuple[int, int]]] = {"reply": [], "chain": [], "label": []}
    said: list[int] = []
    thought: list[int] = []
    owner: list[int] = []
    context: list[int] = []
    for b, row in enumerate(part):
        ahead = len(row.prompt)
        seen = ahead + len(row.chain)
        ids = torch.tensor([*row.chain, *(token for reply in row.replies for token in reply)])
        embedded[b, :ahead] = row.prompt
        embedded[b, ahead : ahead + len(ids)] = reasoner.lm.embed(ids).detach().float()
        mask[b, :seen, :seen] = torch.ones(seen, seen, dtype=torch.bool).tril()
        positions[b, :seen] = torch.arange(seen)
        for at, token in enumerate(row.chain, ahead):
            if token in labels:
                places["label"].append((b, at - 1))
            else:
                places["chain"].append((b, at - 1))
                thought.append(token)
        start = seen
        for reply in row.replies:
            stop = start + len(reply)
            mask[b, start:stop, :seen] = True
            own = torch.ones(len(reply), len(reply), dtype=torch.bool).tril()
            mask[b, start:stop, start:stop] = own
            positions[b, start:stop] = torch.arange(seen, seen + len(reply))
            before = [seen - 1, *range(start, stop)]
            places["reply"] += [(b, at) for at in before]
            said += [*reply, end]
            owner += [len(context)] * len(before)
            context.append(b)
            start = stop
    where = {name: torch.tensor(found).T for name, found in places.items()}
    return JudgedBatch(
        embedded, mask[:, None], positions,
        where["reply"], torch.tensor(said), torch.tensor(owner),
        where["chain"], torch.tensor(thought), where["label"],
        torch.tensor(context), torch.tensor([w for row in part for w in row.worth]),
        tuple(numbers), tuple(row.name for row in part),
    )  # fmt: skip


def batches(rows: Sequence[JudgedRow], reasoner: Reasoner) -> Iterator[JudgedBatch]:
    """All rows once, the short ones first."""
    order = sorted(range(len(rows)), key=lambda i: rows[i].length)
    for start in range(0, len(order), READING):
        yield batch_of(rows, order[start : start + READING], reasoner)


def states(reasoner: Reasoner, batch: JudgedBatch) -> Float[Tensor, "batch token dim"]:
    """Last-layer states of the language model at every token of the batch."""
    found: Tensor = reasoner.lm.lm.model(
        inputs_embeds=batch.embedded,
        attention_mask=batch.mask,
        position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state
    return found


def likelihoods(
    reasoner: Reasoner, batch: JudgedBatch, hidden: Float[Tensor, "batch token dim"]
) -> Float[Tensor, " reply"]:
    """Log-likelihood (nats) of each reply of the batch, its end included."""
    logits = reasoner.lm.logits(hidden[tuple(batch.reply_places)]).float()
    token = -torch.nn.functional.cross_entropy(logits, batch.reply_targets, reduction="none")
    return token.new_zeros(len(batch.worth)).index_add(0, batch.owner, token)
