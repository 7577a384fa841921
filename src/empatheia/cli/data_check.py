"""``empatheia data check``: three people look at every item, and all three must approve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from empatheia.cli.data_options import ManifestArgument

RoundOption = Annotated[str, typer.Option("--round", metavar="text|media", help="Which round.")]
ReviewerOption = Annotated[list[str] | None, typer.Option(help="Who reviews; three or more.")]
VotesOption = Annotated[
    list[Path] | None, typer.Option(help="Filled-in queue (csv, jsonl); may be repeated.")
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of queue or result.")]


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    manifest: ManifestArgument,
    out: OutOption,
    which: RoundOption = "text",
    reviewer: ReviewerOption = None,
    votes: VotesOption = None,
) -> None:
    """Without --votes: write queue.csv and queue.jsonl. With: count, and keep what is accepted.

    The result is result.json (agreement, disagreements) and accepted.jsonl, a manifest.
    """
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import review
    from empatheia.errors import ConfigError, InputError, unknown
    from empatheia.files import check_writable, write_together

    if which not in review.QUESTIONS:
        raise ConfigError(unknown("--round", which, review.QUESTIONS))
    stage = cast("Literal['text', 'media']", which)
    check_writable(out)
    items = list(review.items(manifests.read(manifest), stage))
    if not items:
        raise InputError(f"{manifest} has nothing to review in round {which}.")
    if not votes:
        review.check_reviewers(reviewer or ())
        rows = list(review.queue(items, stage, reviewer or ()))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_together(
            out, {"queue.csv": review.as_csv(rows).encode(), "queue.jsonl": lines.encode()}
        )
        for name, question in review.QUESTIONS[which].items():
            typer.echo(f"{name}: {question} (yes, no)")
        typer.echo(f"{out / 'queue.csv'}: {len(items)} items, {len(rows)} rows")
        return
    cast_votes = [vote for path in votes for vote in review.read_votes(path, stage)]
    result = review.decide(items, cast_votes, stage)
    text = json.dumps(result.as_dict(), ensure_ascii=False, indent=1) + "\n"
    write_together(out, {"result.json": text.encode()})
    manifests.write(out / "accepted.jsonl", review.keep(manifests.read(manifest), result, stage))
    for name, figures in result.agreement.items():
        typer.echo(
            f"{name}: alpha {figures['krippendorff_alpha']}, kappa {figures['fleiss_kappa']} "
            f"({figures['items']} items)"
        )
    typer.echo(
        f"{len(result.accepted)} accepted, {len(result.rejected)} rejected, "
        f"{len(result.open)} open, {len(result.disagreements)} disagreements: {out}"
    )
