"""``empatheia evaluate chain``: what changes where a field of the chain is forced."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.evaluate_predictions import DataOption, WeightsOption, counting


def register(app: typer.Typer) -> None:
    """Add the command to the ``evaluate`` group."""
    app.command("chain")(chain)


def chain(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for scores and cases.json.")],
    weights: WeightsOption = None,
    limit: Annotated[int, typer.Option(min=4, help="Contexts, evenly spread.")] = 50,
) -> None:
    """Is the chain causal? Reply, voice and face with one of its fields forced."""
    import json

    from empatheia.data.references import read_references
    from empatheia.evaluation.scorecard import Scorecard, plain, write_scorecard
    from empatheia.experiments import interventions
    from empatheia.files import make_folder, write_whole
    from empatheia.presets import Empatheia

    make_folder(out)
    found = read_references(data, limit)
    system = Empatheia.from_preset("small", system="empatheia", weights=weights)
    with counting("replies", len(found.items) * (len(interventions.FORCED) + 2)) as progress:
        cases = interventions.intervene(system, found.items, progress)
    table = interventions.changes_table(cases)
    told = json.dumps([case.as_dict() for case in cases], indent=1, ensure_ascii=False)
    write_whole(out / "cases.json", f"{told}\n".encode())
    head = {"data": found.record(), "versions": dict(system.versions)}
    write_scorecard(out, Scorecard(head, {}, (table,)))
    typer.echo(plain(table))
