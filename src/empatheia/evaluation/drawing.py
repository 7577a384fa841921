"""Bars and points as SVG text, which a page carries without anything from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from empatheia.evaluation.scorecard import Figure

_COLOURS = (
    "#2a6f97", "#d1495b", "#66a182", "#edae49", "#7b5ea7", "#8d6a4f", "#4c4c4c", "#e07fb0",
)  # fmt: skip


_STYLE = (
    "<style>svg text{font:12px system-ui,sans-serif}svg .t{font-weight:600}"
    "svg rect{fill:#2a6f97}svg .w{stroke:#111;stroke-width:1.4;fill:none}</style>"
)


def _open(width: int, height: int) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{_STYLE}'


@dataclass(frozen=True, slots=True)
class Bar:
    """A named percentage with its interval and n."""

    name: str
    figure: Figure


def bars(title: str, found: Sequence[Bar], width: int = 560) -> str:
    """Horizontal bars from 0 to 100, a whisker for the interval, n behind each."""
    row, left = 22, 150
    height = 30 + row * len(found)
    span = width - left - 120
    out = [_open(width, height)]
    out.append(f'<text x="0" y="14" class="t">{escape(title)}</text>')
    for i, bar in enumerate(found):
        y, f = 26 + i * row, bar.figure
        out.append(f'<text x="{left - 6}" y="{y + 13}" text-anchor="end">{escape(bar.name)}</text>')
        if f.value is None:
            out.append(f'<text x="{left}" y="{y + 13}">n/a</text>')
            continue
        out.append(
            f'<rect x="{left}" y="{y}" width="{f.value / 100 * span:.1f}" height="{row - 6}"/>'
        )
        if f.ci95 is not None:
            a, b = (left + v / 100 * span for v in f.ci95)
            middle = y + (row - 6) / 2
            out.append(f'<path d="M{a:.1f} {middle}H{b:.1f}" class="w"/>')
        out.append(f'<text x="{left + span + 8}" y="{y + 13}">{f.value:.1f}  (n={f.n})</text>')
    return "\n".join([*out, "</svg>"])


def matrix(title: str, counts: Mapping[str, Mapping[str, int]], cell: int = 16) -> str:
    """True labels down, named ones across; the darker, the larger the share of its row."""
    rows = list(counts)
    columns = sorted({name for row in counts.values() for name in row})
    left, top = 110, 110
    out = [_open(left + cell * len(columns) + 60, top + cell * len(rows) + 6)]
    out.append(f'<text x="0" y="14" class="t">{escape(title)}</text>')
    for i, name in enumerate(columns):
        place = f"translate({left + cell * i + 12} {top - 4}) rotate(-60)"
        out.append(f'<text transform="{place}">{escape(name)}</text>')
    for j, truth in enumerate(rows):
        y, total = top + cell * j, sum(counts[truth].values())
        out.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{escape(truth)}</text>')
        for i, name in enumerate(columns):
            share = counts[truth].get(name, 0) / total
            edge = ' stroke="#111"' if name == truth else ""
            out.append(
                f'<rect x="{left + cell * i}" y="{y}" width="{cell - 1}" height="{cell - 1}"'
                f' style="fill-opacity:{0.04 + 0.96 * share:.2f}"{edge}>'
                f"<title>{escape(truth)} named {escape(name)}: {counts[truth].get(name, 0)}"
                "</title></rect>"
            )
        out.append(f'<text x="{left + cell * len(columns) + 6}" y="{y + 12}">n={total}</text>')
    return "\n".join([*out, "</svg>"])


def points(title: str, places: NDArray[np.float64], labels: Sequence[str], side: int = 360) -> str:
    """Scattered points (n, 2) in the colour of their label, with a legend."""
    low, high = places.min(0), places.max(0)
    scaled = 10 + (places - low) / np.maximum(high - low, 1e-9) * (side - 20)
    names = sorted(set(labels))
    colour = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
    out = [_open(side + 150, side + 24)]
    out.append(f'<text x="0" y="14" class="t">{escape(title)}</text>')
    for (x, y), label in zip(scaled, labels, strict=True):
        out.append(f'<circle cx="{x:.1f}" cy="{y + 20:.1f}" r="3" fill="{colour[label]}"/>')
    for i, name in enumerate(names):
        y = 30 + 16 * i
        out.append(f'<circle cx="{side + 14}" cy="{y}" r="5" fill="{colour[name]}"/>')
        out.append(f'<text x="{side + 24}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*out, "</svg>"])
