"""Variants beside each other: means over seeds, and differences from one of them, paired."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.evaluation.resampling import Comparison, holm, item_score, paired
from empatheia.evaluation.scorecard import Figure, Row, Scorecard, Table, markdown
from empatheia.experiments.measures import METRICS, Measured
from empatheia.files import write_together

NO_VALUE = "a part that this variant does not have"


def write(
    out: Path,
    settings: Mapping[str, Any],
    titles: Mapping[str, str],
    first: str,
    found: Mapping[str, Sequence[Measured]],
    hurts: Mapping[str, Sequence[str]],
) -> tuple[Path, ...]:
    """``ablation.json`` and ``ablation.md``; ``found`` has one measurement a seed.

    ``hurts`` names the measures that each variant should be worse on.
    """
    means = {name: by_dialogue(runs) for name, runs in found.items()}
    table = Table(
        "ablation",
        "Ablations",
        METRICS,
        tuple(Row(titles[name], figures(means[name]), spread(found[name])) for name in found),
        (
            "Means over seeds; intervals by dialogues, drawn again.",
            *(f"{titles[name]}: {len(runs)} seeds" for name, runs in found.items()),
        ),
    )
    apart = differences(first, means)
    card = Scorecard({"settings": settings}, {}, (table,))
    body = card.as_dict() | {
        "differences": {metric: [c.as_dict() for c in rows] for metric, rows in apart.items()},
        "seeds": {name: [_means(run) for run in runs] for name, runs in found.items()},
    }
    text = f"{markdown(table)}\n\n{told(apart, titles, hurts)}\n"
    return write_together(
        out,
        {
            "ablation.json": (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode(),
            "ablation.md": text.encode(),
        },
    )


def by_dialogue(runs: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """metric -> dialogue -> mean over its replies and over the seeds; what is missing is left."""
    out: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for metric, values in run.items.items():
            rows = out.setdefault(metric, {})
            for name, value in zip(run.ids, values, strict=True):
                if value is not None:
                    rows.setdefault(name.rpartition("/")[0], []).append(value)
    return {m: {d: float(np.mean(v)) for d, v in rows.items()} for m, rows in out.items()}


def figures(means: Mapping[str, Mapping[str, float]]) -> dict[str, Figure]:
    return {
        metric: Figure.of(item_score(list(rows.values()))) if rows else Figure.missing(NO_VALUE)
        for metric, rows in means.items()
    }


def spread(runs: Sequence[Measured]) -> str:
    """How far the seeds are apart on the first figures, as a mark of the row."""
    if len(runs) < 2:
        return ""
    told_ = []
    for metric in ("speech_content", "speech_style"):
        known = [x for run in runs if (x := _means(run)[metric]) is not None]
        if len(known) == len(runs):
            told_.append(f"{metric} ±{np.std(known, ddof=1):.3f}")
    return "seeds: " + ", ".join(told_)


def _means(run: Measured) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    for metric, values in run.items.items():
        known = [value for value in values if value is not None]
        out[metric] = float(np.mean(known)) if known else None
    return out


def differences(
    first: str, means: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> dict[str, list[Comparison]]:
    """Each variant minus ``first`` on the dialogues that both have; Holm over the variants."""
    out: dict[str, list[Comparison]] = {}
    for metric in METRICS:
        base, rows = means[first].get(metric.id, {}), []
        for name, other in means.items():
            known = other.get(metric.id, {})
            both = [dialogue for dialogue in base if dialogue in known]
            if name == first or not both:
                continue
            pair = {name: [known[d] for d in both], first: [base[d] for d in both]}
            rows += paired(pair)
        adjusted = holm([row.p for row in rows])
        out[metric.id] = [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]
    return {metric: rows for metric, rows in out.items() if rows}


def told(
    apart: Mapping[str, Sequence[Comparison]],
    titles: Mapping[str, str],
    hurts: Mapping[str, Sequence[str]],
) -> str:
    """A Markdown table: variant minus full, whether it is worse, and whether it should be."""
    metrics = {metric.id: metric for metric in METRICS}
    lines = [
        "## Differences from the full model",
        "",
        "| measure | variant | difference | 95 % | p | p (Holm) | dialogues | worse | should be |",
        "|---" * 9 + "|",
    ]
    for name, rows in apart.items():
        metric = metrics[name]
        for c in rows:
            worse = c.difference < 0 if metric.better == "up" else c.difference > 0
            sure = ("yes" if c.p_holm < 0.05 else "not surely") if worse else "no"
            wanted = "yes" if name in hurts.get(c.a, ()) else ""
            low, high = c.ci95
            lines.append(
                f"| {metric.title} | {titles[c.a]} | {c.difference:.3f} | [{low:.3f}, {high:.3f}] "
                f"| {c.p:.4f} | {c.p_holm:.4f} | {c.n} | {sure} | {wanted} |"
            )
    return "\n".join(lines)
