"""Means of a measure over items; items of one dialogue are alike and are drawn again together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from empatheia.evaluation.resampling import DRAWS
from empatheia.evaluation.scorecard import Figure
from empatheia.evaluation.statistics import ratio_score

Measured = Sequence[tuple[str, float]]  # (item, value); a value that is not finite is left out


@dataclass(frozen=True, slots=True)
class Detailed(Figure):
    """A figure with the counts behind it, which stand in ``scores.json`` beside it."""

    detail: Mapping[str, Any] = field(default_factory=dict)


def detailed(figure: Figure, **detail: Any) -> Figure:
    """``figure`` with ``detail``."""
    return Detailed(**{f.name: getattr(figure, f.name) for f in fields(Figure)}, detail=detail)


def dialogue_of(item: str) -> str:
    """Of an item's id: dialogue, ``#``, number of turns."""
    return item.rpartition("#")[0] or item


def mean_figure(found: Measured, needs: str, weights: str = "none") -> Figure:
    """Mean over items with the interval of dialogues drawn again, or what it ``needs``."""
    kept = [(item, value) for item, value in found if np.isfinite(value)]
    if not kept:
        return Figure.missing(needs)
    values, groups = [v for _, v in kept], [dialogue_of(item) for item, _ in kept]
    return Figure.of(ratio_score(values, [1.0] * len(values), groups, draws=DRAWS), weights)
