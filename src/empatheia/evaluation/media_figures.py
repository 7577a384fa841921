"""The figure beside a speech or video table, as SVG."""

from __future__ import annotations

from empatheia.evaluation.drawing import Bar, bars, matrix
from empatheia.evaluation.scorecard import Figure, Table


def media_figure(table: Table) -> str | None:
    """Feelings heard of those meant, or lips in step beside ceiling and floor.

    None for other tables, and where there is nothing to draw.
    """
    if table.id == "speech":
        told = getattr(table.rows[0].figures.get("emotion"), "detail", {})
        counts = told.get("confusion")
        return matrix("Feelings heard (across) of those meant (down)", counts) if counts else None
    if table.id == "video":
        found = [Bar(row.name, _percent(row.figures.get("avsync_r"))) for row in table.rows]
        known = [bar for bar in found if bar.figure.value is not None]
        return bars("Lips in step: AVSync-L r x 100", known) if known else None
    return None


def _percent(figure: Figure | None) -> Figure:
    """A correlation as a bar from 0 to 100; below 0 there is nothing to draw."""
    if figure is None or figure.value is None:
        return Figure.missing("a correlation")
    ci95 = figure.ci95 and tuple(100 * max(v, 0.0) for v in figure.ci95)
    low_high = (ci95[0], ci95[1]) if ci95 else None
    return Figure(100 * max(figure.value, 0.0), figure.n, low_high, figure.weights)
