"""``empatheia data balance``: which kinds of dialogues a set lacks, and new ones for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli.data_options import (
    ConcurrencyOption,
    KeyOption,
    ManifestArgument,
    ModelOption,
    NewManifestOption,
    PerMinuteOption,
    TimeoutOption,
    UrlOption,
)

if TYPE_CHECKING:
    from empatheia.types import Dialogue

EachOption = Annotated[int, typer.Option(min=1, help="Dialogues that a cell should have.")]
MostOption = Annotated[int, typer.Option(min=1, help="New dialogues to ask for.")]
TopicOption = Annotated[
    list[str] | None, typer.Option(help="A topic to fill; may be repeated (those of the set).")
]
PlanOption = Annotated[bool, typer.Option("--plan", help="Only say what would be asked for.")]
CacheOption = Annotated[Path | None, typer.Option(help="Answers (OUT with .answers.sqlite).")]


def register(app: typer.Typer) -> None:
    app.command()(balance)


def balance(
    manifest: ManifestArgument,
    out: NewManifestOption,
    url: UrlOption = "",
    model: ModelOption = "",
    each: EachOption = 1,
    most: MostOption = 100,
    topic: TopicOption = None,
    plan: PlanOption = False,
    cache: CacheOption = None,
    key_variable: KeyOption = "OPENAI_API_KEY",
    concurrency: ConcurrencyOption = 4,
    per_minute: PerMinuteOption = 0.0,
    timeout: TimeoutOption = 120.0,
) -> None:
    """New dialogues for the emptiest cells of age x gender x tone x topic x emotion.

    OUT holds the new ones alone; OUT's .rejected.jsonl says what was thrown away and why.
    """
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import balance as work
    from empatheia.data.builder.cache import AnswerCache
    from empatheia.data.builder.endpoint import Endpoint, Settings
    from empatheia.errors import ConfigError
    from empatheia.files import check_writable, replacing

    check_writable(out.parent)
    counts = work.cells(manifests.read(manifest))
    wanted = work.orders(counts, each, most, topic or ())
    filled = sum(1 for count in counts.values() if count >= each)
    typer.echo(f"{filled} cells have {each} or more; {len(wanted)} dialogues to ask for", err=True)
    if plan:
        for order in wanted:
            typer.echo(" / ".join(order.cell))
        return
    if not url or not model:
        raise ConfigError("--url and --model say who writes the dialogues; or --plan.")
    answers = AnswerCache(cache or out.with_suffix(".answers.sqlite"), model)
    endpoint = Endpoint(Settings(url, model, key_variable, concurrency, per_minute, timeout))
    rejected = 0

    with replacing(out.with_suffix(".rejected.jsonl")) as refused:

        def kept() -> Iterator[Dialogue]:
            nonlocal rejected
            old = manifests.read(manifest)
            for made in work.make(wanted, old, answers, endpoint, concurrency):
                if made.dialogue is not None:
                    yield made.dialogue
                    continue
                rejected += 1
                line = {"cell": made.order.cell, "reason": made.reason}
                refused.write(json.dumps(line, ensure_ascii=False) + "\n")

        count = manifests.write(out, kept())
    endpoint.close()
    answers.close()
    typer.echo(f"{out}: {count} new dialogues; {rejected} thrown away")
