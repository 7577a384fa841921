"""What a trained stage reaches on replies that it was not trained on, beside what chance reaches.

Read from the files that the stage wrote. Rows beside the system: content and style made from the
states of another reply (what is there without listening), always the most frequent label of this
very data, and, for the plan, always *neutral*. Probes look for what should not be found: the
profile in E, the emotion in P.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from empatheia.data.labels import AGES, EMOTIONS8, EMOTIONS32, GENDERS, TONES
from empatheia.data.plan import everybody
from empatheia.errors import MissingExtraError
from empatheia.evaluation.scorecard import Figure, Metric, Row, Scorecard, Table, markdown
from empatheia.evaluation.statistics import ratio_score
from empatheia.experiments.ablation import held_out
from empatheia.experiments.heard import heard_table
from empatheia.experiments.measures import METRICS, Measured, measure
from empatheia.expression import Expression
from empatheia.files import digest_of, write_together
from empatheia.training.losses import UNKNOWN
from empatheia.training.merg import Note, Parts, load_reasoner_file, read_media, rows_of, split
from empatheia.training.merg_data import Teachers, merg_examples
from empatheia.training.merg_stage import MergNet, MergRow, collate

CONTENT = ("speech_content", "video_content", "lips")
STYLE = ("speech_style", "video_style", "voice_feels", "face_feels")
CLASSES = {"emotion": EMOTIONS8, "age": AGES, "gender": GENDERS, "tone": TONES}
OF_STAGE: Mapping[str, tuple[str, ...]] = {
    "content": CONTENT,
    "style": (*STYLE, *(f"class_{name}" for name in CLASSES)),
    "joint": tuple(metric.id for metric in METRICS),
}
PLAN = (
    Metric("plan_emotion", "Speaker's emotion", "up", 1, settings={"labels": 32, "forced": "none"}),
    Metric("plan_feeling", "Reply's feeling", "up", 1, settings={"labels": 8, "forced": "none"}),
)
PROBED = 2000
_AIM = "at most 10 points above always the most frequent label"
PROBES = tuple(
    Metric(f"{name}_in_{side}", f"{name} in {side}", "down", 1, note=_AIM)
    for side, names in (("E", ("age", "gender", "tone")), ("P", ("emotion",)))
    for name in names
)


def report(
    stage: str, data: Path, folder: Path, parts: Parts, cache: Path, note: Note | None = None
) -> tuple[Path, ...]:
    """``report.json`` and ``report.md`` of the stage that ``folder`` holds.

    Raises WeightsError where the stage has not written its files.
    """
    expression = Expression.load(folder / "expression.safetensors")
    reasoner, senses = parts.reasoner, folder / "senses.safetensors"
    if stage == "joint":
        heard = senses if senses.is_file() else None
        reasoner = load_reasoner_file(folder / "reasoner.safetensors", heard)
    parts = replace(parts, reasoner=reasoner, expression=expression)
    examples, which = held_out(data)
    teachers = Teachers(parts.speech, parts.face, parts.digest, cache)
    rows = rows_of(parts, examples, teachers, note)
    net = MergNet(reasoner, expression)
    tables = [forced_table(stage, net, rows, parts)]
    if stage != "style":
        tables.append(heard_table(net, rows, parts.speech))
    if stage == "joint":
        tables.append(plan_table(net, rows))
    if stage != "content" and expression.config.disentangler:
        more = merg_examples(split(read_media(data)[0])[0])[: max(0, PROBED - len(rows))]
        known = [*rows, *rows_of(parts, more, teachers, note)]
        others = said_by_others(known, PROBED - len(known))
        tables.append(probe_table(net, [*known, *others]))
    head = {
        "stage": stage,
        "data": read_media(data)[1],
        "split": which,
        "replies": len(rows),
        "weights": digest_of(folder / "expression.safetensors"),
    }
    body = Scorecard(head, {}, tuple(tables))
    text = "\n\n".join(markdown(table) for table in tables)
    told = f"# {stage}, {len(rows)} replies of {which}\n\n{text}\n"
    return write_together(folder, {"report.json": _json(body), "report.md": told.encode()})


def _json(card: Scorecard) -> bytes:
    return (json.dumps(card.as_dict(), indent=2, ensure_ascii=False) + "\n").encode()


def forced_table(stage: str, net: MergNet, rows: Sequence[MergRow], parts: Parts) -> Table:
    """``METRICS`` of the stage: the system, another reply's states, the most frequent label."""
    own = measure(net, rows, parts.speech, parts.face)
    other = measure(net, rows, parts.speech, parts.face, foreign=True)
    wanted = OF_STAGE[stage]
    shown = tuple(metric for metric in METRICS if metric.id in wanted)
    heard = [name for name in wanted if name not in ("emotion", "nats")]
    table = (
        Row("system", figures(own, wanted)),
        Row("states of another reply", figures(other, heard), "floor"),
        Row("most frequent label", majorities(rows, wanted), "floor"),
    )
    return Table("forced", "Gold chain and reply given", shown, table)


def figures(found: Measured, wanted: Sequence[str]) -> dict[str, Figure]:
    """Means with intervals by dialogues."""
    return {name: mean(found.ids, found.items[name]) for name in wanted}


def mean(ids: Sequence[str], values: Sequence[float | None]) -> Figure:
    known = [(x, i) for x, i in zip(values, ids, strict=True) if x is not None]
    if not known:
        return Figure.missing("a label or a part that is not there")
    groups = [i.rpartition("/")[0] for _, i in known]
    return Figure.of(ratio_score([x for x, _ in known], [1.0] * len(known), groups))


def majorities(rows: Sequence[MergRow], wanted: Sequence[str]) -> dict[str, Figure]:
    """Always the most frequent label of these rows, where a metric names labels."""
    out: dict[str, Figure] = {}
    ids = [row.id for row in rows]
    for metric in wanted:
        name = metric.removeprefix("class_")
        if metric in ("voice_feels", "face_feels"):
            name = "emotion"
        elif metric == "emotion":
            out[metric] = always(ids, [row.emotion for row in rows])
            continue
        elif name == metric:
            continue
        out[metric] = always(ids, [row.labels[name] for row in rows])
    return out


def always(ids: Sequence[str], labels: Sequence[int], label: int | None = None) -> Figure:
    """Share of ``label`` (the most frequent where None); unknown labels do not count."""
    known = Counter(x for x in labels if x != UNKNOWN)
    if not known:
        return Figure.missing("labels")
    picked = known.most_common(1)[0][0] if label is None else label
    return mean(ids, [None if x == UNKNOWN else 100.0 * (x == picked) for x in labels])


def plan_table(net: MergNet, rows: Sequence[MergRow], batch_size: int = 16) -> Table:
    """The chain as the model itself decodes it."""
    said: list[tuple[str, str]] = []
    for start in range(0, len(rows), batch_size):
        part = [row.request for row in rows[start : start + batch_size]]
        chains = [thought.chain for thought in net.reasoner.think(part).thoughts]
        said += [(chain.speaker_emotion, chain.response_emotion) for chain in chains]
    ids, emotions = [row.id for row in rows], [row.emotion for row in rows]
    feelings = [row.labels["emotion"] for row in rows]
    hits: dict[str, list[float | None]] = {
        "plan_emotion": [
            100.0 * (EMOTIONS32.index(s[0]) == e) for s, e in zip(said, emotions, strict=True)
        ],
        "plan_feeling": [
            None if f == UNKNOWN else 100.0 * (EMOTIONS8.index(s[1]) == f)
            for s, f in zip(said, feelings, strict=True)
        ],
    }
    neutral = always(ids, feelings, EMOTIONS8.index("neutral"))
    frequent = {"plan_emotion": always(ids, emotions), "plan_feeling": always(ids, feelings)}
    table = (
        Row("system", {name: mean(ids, values) for name, values in hits.items()}),
        Row("most frequent label", frequent, "floor"),
        Row("always neutral", {"plan_feeling": neutral}, "floor"),
    )
    return Table("plan", "The plan, free-running", PLAN, table)


@torch.no_grad()
def factors(net: MergNet, rows: Sequence[MergRow], batch_size: int = 16) -> dict[str, Any]:
    """E and P of every reply, (n, factor) each. Rows of like length are read together."""
    order = sorted(range(len(rows)), key=lambda i: _length(rows[i]))
    found: dict[str, list[torch.Tensor]] = {"E": [], "P": []}
    net.eval()
    for start in range(0, len(rows), batch_size):
        batch = collate([rows[i] for i in order[start : start + batch_size]])
        signals = net(batch).signals
        style = net.expression.style(signals.speech, signals.video, batch.intensity)
        found["E"].append(style.emotion.float())
        found["P"].append(style.profile.float())
    back = torch.tensor(order).argsort()
    return {side: torch.cat(parts)[back].numpy() for side, parts in found.items()}


def _length(row: MergRow) -> int:
    """About how much there is to read, in characters."""
    return sum(len(turn.text) for turn in row.request.turns) + len(row.text)


def said_by_others(rows: Sequence[MergRow], count: int, seed: int = 0) -> list[MergRow]:
    """``count`` more rows: the same replies, in turn, asked of other people, drawn by lot.

    E and P come from the language model's states, so that nothing need be rendered for them. The
    rows keep their ids: what a dialogue tests, it does not teach.
    """
    lots = random.Random(seed)
    people = everybody()
    out = []
    for number in range(count):
        row = rows[number % len(rows)]
        who = lots.choice(people)
        labels = row.labels | {
            "age": AGES.index(who.age),
            "gender": GENDERS.index(who.gender),
            "tone": TONES.index(who.tone),
        }
        out.append(replace(row, request=replace(row.request, profile=who), labels=labels))
    return out


def probe_table(net: MergNet, rows: Sequence[MergRow]) -> Table:
    """An MLP on four fifths of the dialogues, tested on the others."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    sides = factors(net, rows)
    dialogues = list(dict.fromkeys(row.id.rpartition("/")[0] for row in rows))
    order = {name: i for i, name in enumerate(dialogues)}
    tested = np.array([order[row.id.rpartition("/")[0]] % 5 == 0 for row in rows])
    probed, frequent = {}, {}
    for metric in PROBES:
        name, _, side = metric.id.partition("_in_")
        labels = np.array([row.labels[name] for row in rows])
        fit, test = ~tested & (labels != UNKNOWN), tested & (labels != UNKNOWN)
        if len(set(labels[fit])) < 2 or not test.any():
            probed[metric.id] = Figure.missing("two labels and two dialogues at the least")
            continue
        x = sides[side]
        scale = x[fit].mean(0), x[fit].std(0) + 1e-6
        probe = MLPClassifier((64,), max_iter=300, early_stopping=fit.sum() > 100, random_state=0)
        probe.fit((x[fit] - scale[0]) / scale[1], labels[fit])
        hits = 100.0 * (probe.predict((x[test] - scale[0]) / scale[1]) == labels[test])
        ids = [row.id for row, there in zip(rows, test, strict=True) if there]
        probed[metric.id] = mean(ids, hits.tolist())
        frequent[metric.id] = always(ids, labels[test].tolist())
    table = (
        Row("an MLP finds", probed),
        Row("most frequent label", frequent, "floor"),
    )
    replies = len({row.id for row in rows})
    note = f"{len(rows)} times one of {replies} replies and a person; every fifth dialogue tests"
    return Table("probes", "What should not be found", PROBES, table, (note,))
