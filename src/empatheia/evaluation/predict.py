"""Replies to a whole file of dialogues, in batches; a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from empatheia.data.empathetic import TextExample
from empatheia.data.tidy import tidy
from empatheia.errors import InputError
from empatheia.llm.decoding import Sampling
from empatheia.reasoner import Ranking, Reasoner, Request
from empatheia.types import Profile

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the system said to one context, and how likely it found the human's reply."""

    id: str  # dialogue id and number of turns in the context
    emotion: str
    top5: tuple[str, ...]
    chain: dict[str, str]
    reply: str
    nll: float  # nats, of the gold reply after the model's own chain


def example_id(example: TextExample) -> str:
    return f"{example.dialogue_id}#{len(example.context)}"


def predict(
    reasoner: Reasoner,
    found: Sequence[TextExample],
    out: Path,
    settings: dict[str, Any],
    sampling: Sampling,
    ranking: Ranking,
    batch_size: int = 48,
    progress: Progress | None = None,
) -> dict[str, Prediction]:
    """Predictions by id; appended to ``out/predictions.jsonl`` batch after batch.

    A file left by a stopped run with the same ``settings`` is taken up, another one refused.
    """
    path = out / "predictions.jsonl"
    done = _take_up(path, settings)
    todo = [e for e in found if example_id(e) not in done]
    todo.sort(key=lambda e: sum(len(turn.text) for turn in e.context))
    with path.open("a", encoding="utf-8") as handle:
        if not done and not path.stat().st_size:
            handle.write(json.dumps({"settings": settings}) + "\n")
        for start in range(0, len(todo), batch_size):
            for prediction in _batch(reasoner, todo[start : start + batch_size], sampling, ranking):
                done[prediction.id] = prediction
                handle.write(json.dumps(asdict(prediction)) + "\n")
            handle.flush()
            if progress is not None:
                progress(len(done), len(found))
    return done


def _batch(
    reasoner: Reasoner, part: Sequence[TextExample], sampling: Sampling, ranking: Ranking
) -> Iterator[Prediction]:
    requests = [Request(e.context, Profile(), {}, seed) for seed, e in enumerate(part)]
    thinking = reasoner.think(requests)
    nlls = reasoner.likelihood(thinking, [tidy(e.response) for e in part])
    written = reasoner.write(thinking, sampling, ranking)
    for example, thought, choices, nll in zip(part, thinking.thoughts, written, nlls, strict=True):
        ranked = sorted(thought.emotions, key=lambda name: -thought.emotions[name])
        yield Prediction(
            example_id(example),
            thought.chain.speaker_emotion,
            tuple(ranked[:5]),
            asdict(thought.chain),
            choices[0].text if choices else "",
            nll,
        )


def _take_up(path: Path, settings: dict[str, Any]) -> dict[str, Prediction]:
    """Whole lines of an earlier run; a half-written last line is dropped."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("}\n")]
    if not whole:
        path.unlink()
        return {}
    if json.loads(whole[0]).get("settings") != settings:
        raise InputError(
            f"{path} was made with other weights, data or settings; choose another -o/--out folder"
        )
    if len(whole) != len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    found = {}
    for line in whole[1:]:
        record = json.loads(line)
        found[record["id"]] = Prediction(**{**record, "top5": tuple(record["top5"])})
    return found
