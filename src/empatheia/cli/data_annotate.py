"""``empatheia data annotate``: labels from any endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

import sys
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
    PriceInOption,
    PriceOutOption,
    TimeoutOption,
    UrlOption,
    YesOption,
)

if TYPE_CHECKING:
    from empatheia.data.builder.annotate import Estimate
    from empatheia.data.builder.endpoint import Settings

CacheOption = Annotated[Path | None, typer.Option(help="Answers (OUT with .answers.sqlite).")]
EstimateOption = Annotated[bool, typer.Option("--estimate", help="Only say what it would cost.")]


def register(app: typer.Typer) -> None:
    app.command()(annotate)


def annotate(
    manifest: ManifestArgument,
    out: NewManifestOption,
    url: UrlOption,
    model: ModelOption,
    cache: CacheOption = None,
    key_variable: KeyOption = "OPENAI_API_KEY",
    concurrency: ConcurrencyOption = 4,
    per_minute: PerMinuteOption = 0.0,
    timeout: TimeoutOption = 120.0,
    price_in: PriceInOption = 0.0,
    price_out: PriceOutOption = 0.0,
    estimate: EstimateOption = False,
    yes: YesOption = False,
) -> None:
    """Profiles, topic, emotions and chains of empathy by a language model.

    Every answer is kept at once: after an interruption the same command asks only what is missing.
    Exit code 2 where dialogues were left as they were.
    """
    from rich.progress import Progress

    from empatheia.cli import show
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import annotate as work
    from empatheia.data.builder.cache import AnswerCache
    from empatheia.data.builder.endpoint import Endpoint, Settings
    from empatheia.data.rules import Fault
    from empatheia.files import check_writable

    check_writable(out.parent)
    settings = Settings(url, model, key_variable, concurrency, per_minute, timeout)
    answers = AnswerCache(cache or out.with_suffix(".answers.sqlite"), model)
    guess = work.estimate(manifests.read(manifest), answers)
    say_estimate(guess, settings, price_in, price_out)
    if estimate:
        return
    confirm(guess, yes)
    faults: list[Fault] = []
    endpoint = Endpoint(settings)
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("dialogues", total=sum(1 for _ in manifests.read(manifest)))
        found = work.annotate(
            manifests.read(manifest), answers, endpoint, concurrency, lambda: bar.advance(task)
        )

        def labelled() -> object:
            for item in found:
                if item.fault:
                    faults.append(item.fault)
                yield item.dialogue

        count = manifests.write(out, labelled())  # type: ignore[arg-type]
    endpoint.close()
    for fault in faults[:20]:
        typer.echo(fault.line(), err=True)
    typer.echo(
        f"{out}: {count} dialogues, {len(faults)} left as they were; {answers.asked} answers asked "
        f"({answers.tokens_in:,} + {answers.tokens_out:,} tokens), {answers.known} known before"
    )
    answers.close()
    if faults:
        raise typer.Exit(2)


def say_estimate(guess: Estimate, settings: Settings, price_in: float, price_out: float) -> None:
    """What it will take, on standard error."""
    minutes = guess.seconds(settings.concurrency, settings.per_minute) / 60
    spent = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{minutes:.1f} min"
    cost = f", {guess.cost(price_in, price_out):.2f} in money" if price_in or price_out else ""
    typer.echo(
        f"to ask: {guess.questions:,} questions ({guess.cached:,} known), about "
        f"{guess.tokens_in:,} tokens in and {guess.tokens_out:,} out{cost}, "
        f"about {spent} at 3 s an answer",
        err=True,
    )


def confirm(guess: Estimate, yes: bool) -> None:
    """Ask a person at a terminal before spending anything."""
    if guess.questions and not yes and sys.stdin.isatty():
        typer.confirm("go on?", abort=True, err=True)
