"""Text replies to a whole set of references, in batches; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from empatheia.data.predictions import Answer, growing
from empatheia.data.references import Reference
from empatheia.data.tidy import tidy
from empatheia.llm.decoding import Sampling
from empatheia.reasoner import Ranking, Reasoner, Request
from empatheia.types import Profile

Progress = Callable[[int, int], None]


def predict(
    reasoner: Reasoner,
    found: Sequence[Reference],
    out: Path,
    settings: dict[str, Any],
    sampling: Sampling,
    ranking: Ranking,
    batch_size: int = 48,
    progress: Progress | None = None,
) -> None:
    """``out/predictions.jsonl``, batch after batch of contexts of similar length.

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
            for answer in _batch(reasoner, part, sampling, ranking):
                if answer.id not in done:
                    add(answer)
                    count += 1
            if progress is not None:
                progress(count, len(found))


def _batch(
    reasoner: Reasoner, part: Sequence[Reference], sampling: Sampling, ranking: Ranking
) -> Iterator[Answer]:
    requests = [
        Request(r.context, r.listener or Profile(), {}, seed) for seed, r in enumerate(part)
    ]
    thinking = reasoner.think(requests)
    nlls = reasoner.likelihood(thinking, [tidy(r.response or "Okay.") for r in part])
    written = reasoner.write(thinking, sampling, ranking)
    for reference, thought, choices, nll in zip(
        part, thinking.thoughts, written, nlls, strict=True
    ):
        ranked = sorted(thought.emotions, key=lambda name: -thought.emotions[name])
        yield Answer(
            id=reference.id,
            reply=choices[0].text if choices else "",
            emotion=thought.chain.speaker_emotion,
            top5=tuple(ranked[:5]),
            chain=asdict(thought.chain),
            nll=nll if reference.response is not None else None,
        )
