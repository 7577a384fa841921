"""Scoring ready predictions: what ``empatheia evaluate text|speech|video|all`` shares."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from empatheia.evaluation.scorecard import Scorecard
    from empatheia.evaluation.text_table import Embed


def score_text(
    data: Path,
    predictions: Path,
    out: Path,
    chains: Path | None = None,
    limit: int | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """The text table of a folder of predictions; writes scores.json, .md and .tex."""
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.evaluation.matching import match
    from empatheia.evaluation.report import by_emotion
    from empatheia.evaluation.scorecard import Scorecard
    from empatheia.evaluation.text_table import text_table
    from empatheia.files import write_whole

    found, given = read_references(data, limit, chains), read_answers(predictions)
    matched = match(found.items, given.items)
    name = str(given.settings.get("system", predictions.name))
    weights = str(given.settings.get("weights", "none"))
    mark = str(given.settings.get("mark", ""))
    table = text_table(name, matched.pairs, embedder(), weights, mark)
    head = {
        "data": found.record(),
        "predictions": {"sha256": given.digest, "settings": dict(given.settings)},
        **(extra or {}),
    }
    show_card(Scorecard(head, matched.checks(), (table,)), out)
    known = [(r, a) for r, a in matched.pairs if r.emotion and a.emotion]
    if known:
        write_whole(out / "accuracy.svg", by_emotion(known).encode())
        typer.echo(str(out / "accuracy.svg"))


def show_card(card: Scorecard, out: Path) -> None:
    """Writes the card and prints its tables as Markdown, faults first."""
    from empatheia.evaluation.scorecard import markdown, write_scorecard

    paths = write_scorecard(out, card)
    for kind, ids in card.checks.items():
        typer.echo(f"note: {len(ids)} {kind}: {', '.join(map(str, ids[:5]))}", err=True)
    for table in card.tables:
        typer.echo(markdown(table) + "\n")
    for path in paths:
        typer.echo(str(path))


def embedder() -> Embed | None:
    """The independent sentence encoder, None where it is not installed."""
    try:
        found = importlib.import_module("empatheia.evaluation.relevance")
    except ImportError:
        return None
    ruler: Embed | None = found.SentenceEmbedder.installed()
    return ruler
