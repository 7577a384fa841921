"""Text replies to a whole set of references, in batches; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from empatheia.cores import on_cores
from empatheia.data.predictions import Answer, growing
from empatheia.data.references import Reference
from empatheia.data.tidy import tidy
from empatheia.llm.decoding import Sampling
from empatheia.llm.prompt import prompt_ids
from empatheia.llm.ranking import Ranking
from empatheia.reasoner import Reasoner, Request
from empatheia.types import Profile

LONGEST = 2  # batches of prompts that differ too much in length to be ordered by anything else
BATCHES = 6  # of prompts of nearly one length; among them replies of one length go together
Progress = Callable[[int, int], None]
Batch = Sequence[Reference]


@dataclass(frozen=True, slots=True)
class Writing:
    """How replies are made. ``chained`` is False for the pipeline, which names no emotion."""

    sampling: Sampling
    ranking: Ranking
    chained: bool = True
    batch_size: int = 96


def predict(
    reasoner: Reasoner,
    found: Sequence[Reference],
    out: Path,
    settings: dict[str, Any],
    writing: Writing,
    progress: Progress | None = None,
    another: Callable[[], Reasoner] | None = None,
    jobs: int = 1,
) -> None:
    """``out/predictions.jsonl``, batch after batch as :func:`_batches` makes them.

    Batches are the same at every run, and one that was cut off is made again as a whole: a run
    that was stopped ends with the answers of one that was not. With ``jobs`` processes each opens
    ``another`` reasoner of its own (picklable).
    """
    with growing(out, settings) as (done, add):
        count = len(done)
        batches = _batches(reasoner, found, writing.batch_size)
        left = [batch for batch in batches if any(r.id not in done for r in batch)]
        jobs = min(jobs, len(left)) if another is not None else 1
        opened = another if another is not None and jobs > 1 else partial(_given, reasoner)
        for answers in on_cores(opened, partial(_answered, writing), left, max(jobs, 1)):
            for answer in answers:
                if answer.id not in done:
                    add(answer)
                    count += 1
            if progress is not None:
                progress(count, len(found))


def _given(reasoner: Reasoner) -> Reasoner:
    return reasoner


def _batches(reasoner: Reasoner, found: Sequence[Reference], size: int) -> list[Batch]:
    """References whose prompts, and whose human replies, are of similar length: little padding.

    Long prompts come first, so that the last ones to end are short.
    """
    tokenizer = reasoner.lm.tokenizer
    asked = {r.id: len(prompt_ids(tokenizer, r.context, Profile())) for r in found}
    said = {r.id: len(tokenizer.encode(tidy(r.response or ""))) for r in found}
    order = sorted(found, key=lambda r: -asked[r.id])
    for start in range(LONGEST * size, len(order), BATCHES * size):
        near = slice(start, start + BATCHES * size)
        order[near] = sorted(order[near], key=lambda r: -said[r.id])
    return [order[i : i + size] for i in range(0, len(order), size)]


def _answered(writing: Writing, reasoner: Reasoner, part: Batch) -> list[Answer]:
    return list(_batch(reasoner, part, writing))


def _batch(reasoner: Reasoner, part: Batch, writing: Writing) -> Iterator[Answer]:
    requests = [
        Request(r.context, r.listener or Profile(), {}, seed) for seed, r in enumerate(part)
    ]
    thinking = reasoner.think(requests) if writing.chained else reasoner.start(requests)
    nlls = reasoner.likelihood(thinking, [tidy(r.response or "Okay.") for r in part])
    written = reasoner.write(thinking, writing.sampling, writing.ranking)
    for i, (reference, choices, nll) in enumerate(zip(part, written, nlls, strict=True)):
        answer = Answer(
            id=reference.id,
            reply=choices[0].text if choices else "",
            nll=nll if reference.response is not None else None,
        )
        if writing.chained:
            thought = thinking.thoughts[i]
            ranked = sorted(thought.emotions, key=lambda name: -thought.emotions[name])
            named = thought.chain.speaker_emotion
            chain = asdict(thought.chain)
            answer = replace(answer, emotion=named, top5=tuple(ranked[:5]), chain=chain)
        yield answer
