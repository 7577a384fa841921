"""Tables of the report page: measured beside the paper's, people's votes, ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from empatheia.evaluation import published_numbers as paper
from empatheia.evaluation.scorecard import Figure, other_n
from empatheia.evaluation.synthetic import IN_SIGNAL
from empatheia.evaluation.votes import Votes, voted

COLUMNS2: Final = (("accuracy", "Acc", 2), ("dist1", "Dist-1", 2), ("dist2", "Dist-2", 2))
COLUMNS3: Final = (
    ("mos", "MOS", 2), ("smos", "SMOS", 2), ("cpbd", "CPBD", 3), ("ssim", "SSIM", 3),
    ("sync_cf", "Sync_cf", 2),
)  # fmt: skip


Cells = Mapping[str, Figure]
Scores = Sequence[Mapping[str, Any]]


def rows_of(scores: Scores, tables: Sequence[str]) -> dict[str, tuple[str, Cells]]:
    """Name -> (mark, figures) over all scores; figures of one name are joined over tables.

    Where two scores give one name different figures, the later row is another one, ``NAME (2)``;
    of ceilings and floors the one on more items stands for both.
    """
    out: dict[str, tuple[str, dict[str, Figure]]] = {}
    for card in scores:
        found: dict[str, tuple[str, dict[str, Figure]]] = {}
        for table in tables:
            for row in card["tables"].get(table, {}).get("rows", ()):
                figures = {name: _figure(told) for name, told in row["figures"].items()}
                found.setdefault(row["name"], (row["mark"], {}))[1].update(figures)
        for name, (mark, figures) in found.items():
            if mark and mark != IN_SIGNAL and name in out:
                if count_of(figures) > count_of(out[name][1]):
                    out[name] = (mark, figures)
                continue
            place, number = name, 1
            while place in out and _differ(out[place][1], figures):
                number += 1
                place = f"{name} ({number})"
            out.setdefault(place, (mark, {}))[1].update(figures)
    return {name: (mark, figures) for name, (mark, figures) in out.items()}


def _figure(told: Mapping[str, Any]) -> Figure:
    low_high = told["ci95"] and (told["ci95"][0], told["ci95"][1])
    return Figure(told["value"], told["n"], low_high, told["weights"], told["needs"])


def count_of(figures: Cells) -> int:
    return max((f.n for f in figures.values()), default=0)


def _differ(one: Cells, other: Cells) -> bool:
    both = one.keys() & other.keys()
    return any(one[name].value != other[name].value for name in both)


def html_table(
    columns: Sequence[tuple[str, str, int]],
    ours: Mapping[str, tuple[str, Cells]],
    published: Mapping[str, Sequence[float]],
    names: Sequence[str],
) -> str:
    heads = "".join(f"<th>{escape(title)}</th>" for _, title, _ in columns)
    theirs = "".join(f"<th class=paper>{escape(name)}</th>" for name in names)
    group = f"<th class=paper colspan={len(names)}>the paper's</th>" if names else ""
    lines = [
        "<div class=wide><table><thead>",
        f"<tr><th></th><th></th><th colspan={len(columns)}>measured</th>{group}</tr>",
        f"<tr><th></th><th>n</th>{heads}{theirs}</tr></thead>",
    ]
    needs: dict[str, list[str]] = {}
    keys = {key for key, _, _ in columns}
    for name, (mark, figures) in ours.items():
        if not keys & figures.keys():  # a row for measures of another table
            continue
        shown = f"{name} ({mark})" if mark else name
        count = count_of(figures)
        cells = "".join(f"<td>{_shown(figures.get(key), d, count)}</td>" for key, _, d in columns)
        blank = "<td class=paper></td>" * len(names)
        lines.append(f"<tr><td>{escape(shown)}</td><td>{count or ''}</td>{cells}{blank}</tr>")
        for key, title, _ in columns:
            if (f := figures.get(key)) is not None and f.needs:
                needs.setdefault(f"{title}: n/a (needs {f.needs})", []).append(shown)
    for name, values in published.items():
        blank = "<td></td>" * (len(columns) + 1)
        cells = "".join(f"<td class=paper>{value:.2f}</td>" for value in values)
        lines.append(f"<tr><td class=paper>{escape(name)}</td>{blank}{cells}</tr>")
    notes = "<br>".join(escape(f"{told} for {'; '.join(rows)}") for told, rows in needs.items())
    return "\n".join([*lines, "</table></div>"]) + (notes and f"<p><small>{notes}</small></p>")


def _shown(figure: Figure | None, digits: int, n: int) -> str:
    """The number, below it its interval, and its own n where it is not ``n``."""
    if figure is None:
        return ""
    value, opened, interval = figure.shown(digits).partition(" [")
    out = escape(value) + (f"<small>[{escape(interval)}</small>" if opened else "")
    own = other_n(figure, n).strip()
    return out + (f"<small>{own}</small>" if own else "")


def table2(scores: Scores) -> str:
    """Accuracy and diversity; rows with the label in the signal stand apart from the paper's."""
    found = rows_of(scores, ["text"])
    apart = {name: row for name, row in found.items() if IN_SIGNAL in row[0]}
    plain = {name: row for name, row in found.items() if name not in apart}
    out = "<h2>Table 2: text</h2>"
    out += html_table(COLUMNS2, plain, paper.TABLE2, paper.TABLE2_COLUMNS)
    out += "<p class=note>Dist-n falls as n grows: compare it at equal n only.</p>"
    if apart:
        out += f"<h3>Input media rendered from the gold label ({IN_SIGNAL})</h3>"
        out += html_table(COLUMNS2, apart, {}, ())
    return out


def table3(scores: Scores, votes: Votes) -> str:
    """Voice and face; MOS and SMOS are people's votes."""
    rows: dict[str, tuple[str, Cells]] = {}
    for name, (mark, figures) in rows_of(scores, ["speech", "video"]).items():
        human = {q.lower(): f for q in ("MOS", "SMOS") if (f := voted(votes, name, q))}
        rows[name] = (mark, {**figures, **human})
    out = "<h2>Table 3: speech and talking face</h2>"
    return out + html_table(COLUMNS3, rows, paper.TABLE3, paper.TABLE3_COLUMNS)


def people(votes: Votes) -> str:
    """Tables 4 and 5, whose every number is people's: empty columns until there are votes."""
    out = ""
    for title, published, names in (
        ("Table 4: replies, rated by people", paper.TABLE4, paper.TABLE4_COLUMNS),
        ("Table 5: voice and face, rated by people", paper.TABLE5, paper.TABLE5_COLUMNS),
    ):
        rows: dict[str, tuple[str, Cells]] = {}
        for system in dict.fromkeys(system for system, _ in votes):
            figures = {q: f for q in names if (f := voted(votes, system, q))}
            rows[system] = ("", figures)
        columns = [(name, name, 2) for name in names]
        out += f"<h2>{title}</h2>" + html_table(columns, rows, published, names)
    return out


def ablations(scores: Scores) -> str:
    """What `empatheia ablate` wrote: the variants, and their differences from the whole."""
    out = ""
    for card in scores:
        table = card["tables"].get("ablation")
        if table is None:
            continue
        ids = dict.fromkeys(name for row in table["rows"] for name in row["figures"])
        plain = {name: {"title": name, "digits": 3, "note": ""} for name in ids}
        metrics = plain | table.get("metrics", {})  # earlier files say no titles
        columns = [(name, m["title"], m["digits"]) for name, m in metrics.items()]
        out += html_table(columns, rows_of([card], ["ablation"]), {}, ())
        out += _differences(card["differences"], metrics)
        notes = (f"{m['title']}: {m['note']}" for m in metrics.values() if m["note"])
        out += f"<p><small>{'<br>'.join(map(escape, notes))}</small></p>"
    missing = "<p>n/a (needs --scores ablation.json, from `empatheia ablate`)</p>"
    return "<h2>Ablations</h2>" + (out or missing)


def _differences(
    found: Mapping[str, Sequence[Mapping[str, Any]]], metrics: Mapping[str, Mapping[str, Any]]
) -> str:
    heads = "".join(f"<th>{h}</th>" for h in ("variant", "difference", "p (Holm)", "dialogues"))
    lines = [f"<div class=wide><table><thead><tr><th></th>{heads}</tr></thead>"]
    for name, rows in found.items():
        for row in rows:
            low_high = row["ci95"] and (row["ci95"][0], row["ci95"][1])
            value = _shown(Figure(row["difference"], row["n"], low_high), 3, row["n"])
            cells = (escape(row["a"]), value, f"{row['p_holm']:.4f}", str(row["n"]))
            told = "".join(f"<td>{cell}</td>" for cell in cells)
            lines.append(f"<tr><td>{escape(metrics[name]['title'])}</td>{told}</tr>")
    return "\n".join([*lines, "</table></div>"])
