"""Scores as they are told: each number with its metric, version, settings, n, interval and weights.

A number that cannot be had says what it needs. A scorecard is written as JSON, Markdown and LaTeX
with the same content.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from empatheia import __version__
from empatheia.evaluation.statistics import Score
from empatheia.files import write_together

FORMAT = "empatheia-scores/1"
Direction = Literal["up", "down", "none"]
_ARROWS = {"up": ("↑", r"$\uparrow$"), "down": ("↓", r"$\downarrow$"), "none": ("", "")}


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured and how. ``version`` grows whenever its numbers may change."""

    id: str
    title: str
    better: Direction = "none"
    digits: int = 2
    version: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number, or ``needs``: what is missing to measure it, and where it is from."""

    value: float | None
    n: int = 0
    ci95: tuple[float, float] | None = None
    weights: str = "none"
    needs: str | None = None

    @classmethod
    def of(cls, score: Score, weights: str = "none") -> Figure:
        """A score; one that is not a number says so instead."""
        if not math.isfinite(score.value):
            return cls.missing("finite values; the measure gave NaN", score.n)
        low, high = score.ci95
        known = math.isfinite(low) and math.isfinite(high)
        return cls(score.value, score.n, (low, high) if known else None, weights)

    @classmethod
    def missing(cls, needs: str, n: int = 0) -> Figure:
        return cls(None, n, None, "none", needs)

    def shown(self, digits: int) -> str:
        if self.value is None:
            return "n/a"
        text = f"{self.value:.{digits}f}"
        if self.ci95 is None:
            return text
        return f"{text} [{self.ci95[0]:.{digits}f}, {self.ci95[1]:.{digits}f}]"


@dataclass(frozen=True, slots=True)
class Row:
    """One system (or people, or a floor) in a table. ``mark`` says how it is not like the rest."""

    name: str
    figures: Mapping[str, Figure]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by metrics. ``published`` rows are other people's numbers and marked as such."""

    id: str
    title: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Everything one run of ``empatheia evaluate`` says."""

    head: Mapping[str, Any]  # data, predictions, settings
    checks: Mapping[str, Any]  # what was wrong with the input, by kind
    tables: tuple[Table, ...]

    def as_dict(self) -> dict[str, Any]:
        tables = {table.id: _table_dict(table) for table in self.tables}
        head = {"format": FORMAT, "empatheia": __version__, **self.head}
        return {**head, "checks": dict(self.checks), "tables": tables}


def _table_dict(table: Table) -> dict[str, Any]:
    metrics = {m.id: m for m in table.metrics}
    rows = []
    for row in table.rows:
        cells = {}
        for name, figure in row.figures.items():
            metric = metrics[name]
            known = {"metric": name, "version": metric.version, "settings": dict(metric.settings)}
            cells[name] = known | asdict(figure)
        rows.append({"name": row.name, "mark": row.mark, "figures": cells})
    told = {
        m.id: {"title": m.title, "better": m.better, "digits": m.digits, "note": m.note}
        for m in _used(table)
    }
    return {"title": table.title, "metrics": told, "rows": rows, "notes": list(table.notes)}


def write_scorecard(out: Path, card: Scorecard) -> tuple[Path, ...]:
    """``scores.json``, ``scores.md`` and ``scores.tex`` appear together in ``out``."""
    body = json.dumps(card.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    files = {
        "scores.json": body + "\n",
        "scores.md": "\n\n".join(markdown(t) for t in card.tables) + "\n" + _checks(card.checks),
        "scores.tex": "\n\n".join(latex(t) for t in card.tables) + "\n",
    }
    return write_together(out, {name: text.encode() for name, text in files.items()})


def _checks(checks: Mapping[str, Any]) -> str:
    told = [f"- {kind}: {_count(found)}" for kind, found in checks.items() if found]
    return "\n## Input\n\n" + ("\n".join(told) if told else "- no faults found") + "\n"


def _count(found: Any) -> str:
    if isinstance(found, Sequence) and not isinstance(found, str):
        some = ", ".join(map(str, found[:5]))
        return f"{len(found)} ({some}{', …' if len(found) > 5 else ''})"
    return str(found)


def _used(table: Table) -> list[Metric]:
    """Metrics that any row has or misses."""
    return [m for m in table.metrics if any(m.id in row.figures for row in table.rows)]


def _name(row: Row) -> str:
    return f"{row.name} ({row.mark})" if row.mark else row.name


def markdown(table: Table) -> str:
    """A pipe table; below it why numbers are missing, and notes."""
    metrics = _used(table)
    heads = [f"{m.title} {_ARROWS[m.better][0]}".strip() for m in metrics]
    lines = [f"## {table.title}", "", "| | n | " + " | ".join(heads) + " |"]
    lines.append("|---|---|" + "---|" * len(metrics))
    for row in table.rows:
        cells = [_cell(row, m) for m in metrics]
        lines.append(f"| {_name(row)} | {_n(row) or ''} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_told(table)]).rstrip()


def _n(row: Row) -> int:
    """On how many items the row's largest figure stands."""
    return max((figure.n for figure in row.figures.values()), default=0)


def _told(table: Table) -> list[str]:
    """What stands below a table: what is missing, and the notes of metrics and table."""
    notes = [f"- {m.title}: {m.note}" for m in _used(table) if m.note]
    return [*missing(table), *notes, *(f"- {note}" for note in table.notes)]


def plain(table: Table) -> str:
    """One line a figure, row after row: what a terminal shows."""
    width = max((len(m.title) for m in table.metrics), default=0)
    lines = [table.title]
    for row in table.rows:
        lines.append(f"  {_name(row)}")
        for metric in _used(table):
            figure = row.figures.get(metric.id)
            if figure is None:
                continue
            told = f"(needs {figure.needs})" if figure.needs else f"n={figure.n}"
            lines.append(f"    {metric.title:{width}} {figure.shown(metric.digits)}  {told}")
    return "\n".join(lines)


def missing(table: Table) -> list[str]:
    """A line for what some metrics of a row lack alike: ``n/a (needs X)``."""
    titles = {m.id: m.title for m in table.metrics}
    lines = []
    for row in table.rows:
        lacking: dict[str, list[str]] = {}
        for name, figure in row.figures.items():
            if figure.needs:
                lacking.setdefault(figure.needs, []).append(titles[name])
        lines += [
            f"- {', '.join(found)}, {_name(row)}: n/a (needs {needs})"
            for needs, found in lacking.items()
        ]
    return list(dict.fromkeys(lines))


def _cell(row: Row, metric: Metric) -> str:
    """The number, and on how many items it stands where that is not the row's n."""
    figure = row.figures.get(metric.id)
    return "" if figure is None else figure.shown(metric.digits) + other_n(figure, _n(row))


def other_n(figure: Figure, n: int) -> str:
    """`` (n=52)`` behind a number that stands on other than ``n`` items."""
    return f" (n={figure.n})" if figure.value is not None and figure.n != n else ""


def latex(table: Table) -> str:
    """A booktabs tabular; below it, as comments, why numbers are missing, and notes."""
    metrics = _used(table)
    heads = [f"{_escape(m.title)} {_ARROWS[m.better][1]}".strip() for m in metrics]
    lines = [
        r"\begin{tabular}{lr" + "r" * len(metrics) + "}",
        r"\toprule",
        " & ".join(["Model", "$n$", *heads]) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        cells = [_escape(_cell(row, m)) for m in metrics]
        lines.append(" & ".join([_escape(_name(row)), str(_n(row) or ""), *cells]) + r" \\")
    told = [f"% {line.removeprefix('- ')}" for line in _told(table)]
    return "\n".join([f"% {table.title}", *lines, r"\bottomrule", r"\end{tabular}", *told])


def _escape(text: str) -> str:
    special = {sign: "\\" + sign for sign in "&%_#${}"}
    special |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(sign, sign) for sign in text)
