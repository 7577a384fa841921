"""``empatheia report``: the paper's tables and figures as one page that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScoresOption = Annotated[
    list[Path], typer.Option(help="Folder of `evaluate`, or ablation.json; again for each.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(report)


def report(
    scores: ScoresOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write: report.html.")],
    data: Annotated[Path | None, typer.Option(help="Dialogues, for Figures 6 and 8.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Ours, for Figures 6 and 8.")] = None,
    text: Annotated[
        Path | None, typer.Option(help="Predictions for Figure 6 alone, where they are more.")
    ] = None,
    pipeline: Annotated[Path | None, typer.Option(help="The pipeline's, for Figure 8.")] = None,
    votes: Annotated[Path | None, typer.Option(help="Votes of people, one JSON a line.")] = None,
    features: Annotated[Path | None, typer.Option(help="npz of features, with SD.")] = None,
    features_without: Annotated[Path | None, typer.Option(help="The same, without SD.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="As in predict, where predictions do not say it.")
    ] = None,
    cases: Annotated[int, typer.Option(min=0, max=50, help="Cases in Figure 8.")] = 4,
) -> None:
    """Tables 2 to 5, ablations, Figures 6 to 8, the paper's numbers in columns of their own."""
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.errors import ConfigError
    from empatheia.evaluation.matching import Pair, match
    from empatheia.evaluation.report import Material, page, read_scores
    from empatheia.evaluation.votes import read_votes
    from empatheia.files import check_writable, write_whole

    check_writable(out.parent)
    if (data is None) != (predictions is None):
        raise ConfigError("--data and --predictions belong together: give both or none")
    if text is not None and data is None:
        raise ConfigError("--text needs --data and --predictions beside it")
    pairs: list[list[Pair]] = []
    left_out: set[str] = set()
    if data is not None and predictions is not None:
        for given in (predictions, text or predictions):
            answers = read_answers(given)
            found = read_references(data, limit or answers.asked)
            matched = match(found.items, answers.items, found.ids)
            left_out = set(matched.faults.get("missing predictions", ()))
            pairs.append(list(matched.pairs))
        pairs[0] = [(r, a) for r, a in pairs[0] if a.reply]
    shown, counted = pairs or ([], [])
    other = {a.id: a for a in read_answers(pipeline).items} if pipeline is not None else {}
    named = {"with SD": features, "without SD": features_without}
    material = Material(
        [read_scores(path) for path in scores],
        pairs=shown,
        named=counted,
        pipeline=other,
        votes=read_votes(votes) if votes is not None else {},
        features={title: path for title, path in named.items() if path is not None},
        cases=cases,
        left_out=len(left_out),
    )
    write_whole(out, page(material).encode())
    typer.echo(str(out))
