"""Text replies to a whole set of references, in batches; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from empatheia.data.predictions import Answer, growing
from empatheia.data.references import Reference
from empatheia.data.tidy import tidy
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.reasoner import Reasoner, Request
from empatheia.types import Profile

Progress = Callable[[int, int], None]


def predict(
    reasoner: Reasoner,
    found: Sequence[Reference],
    out: Path,
    settings: dict[str, Any],
    sampling: Sampling,
    ranking: Ranking,
    batch_size: int = 96,
    progress: Progress | None = None,
    chained: bool = True,
) -> None:
    """``out/predictions.jsonl``, batch after batch of contexts of similar length.

    ``chained`` is False for the pipeline, which writes without a chain and names no emotion.
    Batches are the same at every run, and one that was cut off is made again as a whole: a run
    that was stopped ends with the answers of one that was not.
    """
    order = sorted(found, key=lambda r: sum(len(turn.text) for turn in r.context))
    with growing(out, settings) as (done, add):
        count = len(done)
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            if all(r.id in done for r in part):
                continue
            for answer in _batch(reasoner, part, sampling, ranking, chained):
                if answer.id not in done:
                    add(answer)
                    count += 1
            if progress is not None:
                progress(count, len(found))


def _batch(
    reasoner: Reasoner,
    part: Sequence[Reference],
    sampling: Sampling,
    ranking: Ranking,
    chained: bool,
) -> Iterator[Answer]:
    requests = [
        Request(r.context, r.listener or Profile(), {}, seed) for seed, r in enumerate(part)
    ]
    thinking = reasoner.think(requests) if chained else reasoner.start(requests)
    nlls = reasoner.likelihood(thinking, [tidy(r.response or "Okay.") for r in part])
    written = reasoner.write(thinking, sampling, ranking)
    for i, (reference, choices, nll) in enumerate(zip(part, written, nlls, strict=True)):
        answer = Answer(
            id=reference.id,
            reply=choices[0].text if choices else "",
            nll=nll if reference.response is not None else None,
        )
        if chained:
            thought = thinking.thoughts[i]
            ranked = sorted(thought.emotions, key=lambda name: -thought.emotions[name])
            named = thought.chain.speaker_emotion
            chain = asdict(thought.chain)
            answer = replace(answer, emotion=named, top5=tuple(ranked[:5]), chain=chain)
        yield answer
