"""``empatheia evaluate features``: what Figure 7 of the report shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.evaluate_predictions import DataOption, LimitOption, WeightsOption, counting


def register(app: typer.Typer) -> None:
    """Add the command to the ``evaluate`` group."""
    app.command("features")(features)


def features(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: features.npz.")],
    weights: WeightsOption = None,
    limit: LimitOption = 500,
) -> None:
    """Emotion and profile features of replies, with or without the style disentangler."""
    from empatheia.data.references import read_references
    from empatheia.evaluation.feature_maps import collect, open_parts, write_features
    from empatheia.files import check_writable

    check_writable(out.parent)
    found = read_references(data, limit)
    reasoner, expression = open_parts(weights)
    with counting("replies", len(found.items)) as progress:
        made = collect(reasoner, expression, found.items, progress)
    write_features(out, made)
    typer.echo(f"{len(found.items)} replies, weights {made.weights}: {out}")
