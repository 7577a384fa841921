"""What makes a reply good, learned from one person's verdicts on drawn ones.

``verdicts.jsonl`` beside this file holds what was read: candidates of this package's own models for
contexts of EmpatheticDialogues valid, by response (dialogue and number of turns before it), each
under ``fits``, ``generic`` or ``wrong``. The dialogues' own text is not in it.

A ridge regression finds the direction in the language model's states at a reply that tells good
from bad among the candidates of one context, beside what :class:`Ranking` counts already. It is
learned anew for every trained model, in some minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empatheia.data.empathetic import TextExample
from empatheia.llm.decoding import likelihoods, only, read_replies
from empatheia.llm.ranking import Ranking, asks_in_vain
from empatheia.reasoner import Reasoner, Request, sides
from empatheia.types import Profile

if TYPE_CHECKING:
    from jaxtyping import Float

WORTH = {"fits": 1.0, "generic": 0.5, "wrong": 0.0}
BATCH = 24  # contexts that are read at once
SHRINK = 2000.0  # ridge penalty on standardised states (ten folds of contexts, docs/experiments.md)
Verdicts = Mapping[str, Mapping[str, Sequence[str]]]


def read_verdicts() -> Verdicts:
    """Replies by verdict, for each ``dialogue#turns``."""
    text = (files("empatheia.training") / "verdicts.jsonl").read_text(encoding="utf-8")
    rows = map(json.loads, text.splitlines())
    return {row["response"]: {name: row[name] for name in WORTH} for row in rows}


@torch.inference_mode()
def learn_taste(
    reasoner: Reasoner,
    found: Sequence[TextExample],
    verdicts: Verdicts | None = None,
    ranking: Ranking | None = None,
) -> Float[Tensor, " dim"]:
    """The direction for :meth:`Reasoner.set_taste`; empty where no verdict is on ``found``."""
    verdicts = read_verdicts() if verdicts is None else verdicts
    judged = [e for e in found if e.name in verdicts]
    if not judged:
        return torch.zeros(0)
    states, missing = [], []  # of each context: what is seen, and what the score lacks
    for start in range(0, len(judged), BATCH):
        for seen, lacks in _examined(
            reasoner, judged[start : start + BATCH], verdicts, ranking or Ranking()
        ):
            states.append(seen - seen.mean(0))
            missing.append(lacks - lacks.mean())
    x, y = torch.cat(states).double(), torch.cat(missing).double()
    spread = x.std(0).clamp(min=1e-6)
    x = x / spread
    penalty = SHRINK * torch.eye(x.shape[1], dtype=x.dtype)
    return (torch.linalg.solve(x.T @ x + penalty, x.T @ y) / spread).float()


def _examined(
    reasoner: Reasoner, part: Sequence[TextExample], verdicts: Verdicts, ranking: Ranking
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each context: mean states (reply, dim), and worth less score (reply,)."""
    who = Profile("young", "female", "gentle")
    thinking = reasoner.think([Request(e.context, who) for e in part])
    judged = [verdicts[e.name] for e in part]
    rows = [
        (i, text, worth) for i, found in enumerate(judged)
        for name, worth in WORTH.items() for text in found[name]
    ]  # fmt: skip
    where = [i for i, _, _ in rows]
    texts = [text for _, text, _ in rows]
    ids = [reasoner.lm.tokenizer.encode(text) for text in texts]
    state = only(thinking.state, where)
    hidden, real = read_replies(reasoner.lm, state, ids)
    nll = likelihoods(reasoner.lm, state, hidden, ids)
    means = (hidden.float() * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    match, common = reasoner.fit(thinking.pooled[where], texts)
    lacks = torch.tensor(
        [
            worth - ranking.score(
                text, float(match[k]), float(common[k]), -nll[k] / (len(ids[k]) + 1),
                told=asks_in_vain(text, *sides(part[i].context)),
            )
            for k, (i, text, worth) in enumerate(rows)
        ]
    )  # fmt: skip
    for i in range(len(part)):
        own = torch.tensor([w == i for w in where])
        yield means[own], lacks[own]
