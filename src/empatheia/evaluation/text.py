"""``empatheia evaluate text``: how well a system understands and writes, on ED-format dialogues."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from empatheia.data.empathetic import TextExample, examples, read_dialogues
from empatheia.data.tidy import normal_form
from empatheia.errors import InputError
from empatheia.evaluation.predict import Prediction, Progress, example_id, predict
from empatheia.evaluation.relevance import WHERE, SentenceEmbedder, relevance
from empatheia.evaluation.statistics import Score, jackknife_score, ratio_score
from empatheia.evaluation.text_metrics import distinct, rouge_l, tokens, word_count
from empatheia.files import digest_of, write_together
from empatheia.presets import load_reasoner


def evaluate_text(
    data: Path,
    out: Path,
    preset: str = "small",
    limit: int | None = None,
    greedy: bool = False,
    train: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """Write ``scores.json`` and ``predictions.jsonl`` to ``out`` and return the scores.

    The unit is one listener response; its context is every turn before it, never the situation.
    ``greedy`` decodes one reply greedily instead of choosing among samples. ``train`` is an
    ED-format file: the share of replies found in it word for word is reported.
    """
    found = examples(read_dialogues(data))[:limit]
    if not found:
        raise InputError(f"{data} holds no listener response with a speaker's turn before it")
    reasoner, settings = load_reasoner(preset)
    sampling, ranking = settings.sampling, settings.ranking
    if greedy:
        sampling = replace(sampling, candidates=1, temperature=0.0)
    out.mkdir(parents=True, exist_ok=True)
    record = {
        "data": digest_of(data),
        "limit": limit,
        "weights": settings.digest,
        "sampling": asdict(sampling),
        "ranking": asdict(ranking),
        "bfloat16": reasoner.halve(),
    }
    done = predict(reasoner, found, out, record, sampling, ranking, progress=progress)
    scores = {name: s.as_dict() for name, s in text_scores(found, done).items()}
    if train is not None:
        known = {normal_form(e.response) for e in examples(read_dialogues(train))}
        for name, texts in (
            ("", [p.reply for p in done.values()]),
            ("human_", [e.response for e in found]),
        ):
            hits = [float(normal_form(t) in known) * 100 for t in texts]
            scores[f"{name}verbatim_in_train"] = ratio_score(
                hits, [1.0] * len(hits), range(len(hits))
            ).as_dict()
    scores |= relevance_scores(found, done)
    body = json.dumps(scores | {"settings": record}, indent=2).encode()
    write_together(out, {"scores.json": body + b"\n"})
    return scores


def relevance_scores(
    found: Sequence[TextExample], done: dict[str, Prediction]
) -> dict[str, dict[str, Any]]:
    """Nearness in meaning to the human reply, and to a wrong one; n/a without the ruler."""
    embed = SentenceEmbedder.installed()
    if embed is None:
        return {"relevance": {"value": None, "needs": WHERE}}
    near, floor = relevance(
        embed, [done[example_id(e)].reply for e in found], [e.response for e in found]
    )
    groups, ones = [e.dialogue_id for e in found], [1.0] * len(found)
    return {
        "relevance": ratio_score(near, ones, groups).as_dict(),
        "relevance_floor": ratio_score(floor, ones, groups).as_dict(),
    }


def text_scores(found: Sequence[TextExample], done: dict[str, Prediction]) -> dict[str, Score]:
    """Every figure of a finished run, in percent where it is one."""
    groups = [e.dialogue_id for e in found]
    ones = [1.0] * len(found)
    said = [done[example_id(e)] for e in found]
    pairs = list(zip(found, said, strict=True))
    replies = [tokens(p.reply) for p in said]
    human = [tokens(e.response) for e in found]
    common = Counter(normal_form(p.reply) for p in said).most_common(1)[0][1]

    def mean(values: Sequence[float]) -> Score:
        return ratio_score(values, ones, groups)

    words = [float(word_count(e.response)) for e in found]
    return {
        "accuracy": mean([100.0 * (p.emotion == e.emotion) for e, p in pairs]),
        "accuracy_top3": mean([100.0 * (e.emotion in p.top5[:3]) for e, p in pairs]),
        "accuracy_top5": mean([100.0 * (e.emotion in p.top5) for e, p in pairs]),
        "dist1": jackknife_score(replies, lambda t: distinct(t, 1)),
        "dist2": jackknife_score(replies, lambda t: distinct(t, 2)),
        "perplexity": ratio_score([p.nll for p in said], words, groups, math.exp),
        "rouge_l": mean([rouge_l(r, h) for r, h in zip(replies, human, strict=True)]),
        "words": mean([float(word_count(p.reply)) for p in said]),
        "empty": mean([100.0 * (not p.reply) for p in said]),
        "most_common_reply": Score(100 * common / len(said), len(said), (0.0, 100.0)),
        "human_dist1": jackknife_score(human, lambda t: distinct(t, 1)),
        "human_dist2": jackknife_score(human, lambda t: distinct(t, 2)),
        "human_words": mean(words),
    }
