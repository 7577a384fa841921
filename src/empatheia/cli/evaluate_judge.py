"""``empatheia evaluate judge``: the human rubrics, asked of a language model."""

from __future__ import annotations

import typer

from empatheia.cli.data_options import (
    ConcurrencyOption,
    KeyOption,
    ModelOption,
    PerMinuteOption,
    TimeoutOption,
    UrlOption,
)
from empatheia.cli.evaluate_predictions import (
    DataOption,
    GivenOption,
    LimitOption,
    OutOption,
    show_card,
)


def register(app: typer.Typer) -> None:
    """Add the command to the ``evaluate`` group."""
    app.command("judge")(judge)


def judge(
    data: DataOption,
    predictions: GivenOption,
    out: OutOption,
    url: UrlOption,
    model: ModelOption,
    key_variable: KeyOption = "OPENAI_API_KEY",
    concurrency: ConcurrencyOption = 4,
    per_minute: PerMinuteOption = 0.0,
    timeout: TimeoutOption = 120.0,
    limit: LimitOption = None,
) -> None:
    """Empathy, coherence, informativity and fluency beside the human reply, in both orders."""
    from empatheia.data.builder.endpoint import Endpoint, Settings
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.evaluation import judge as judging
    from empatheia.evaluation.matching import match
    from empatheia.evaluation.scorecard import Scorecard
    from empatheia.files import check_writable

    check_writable(out)
    found, given = read_references(data, limit), read_answers(predictions)
    matched = match(found.items, given.items, found.ids)
    endpoint = Endpoint(Settings(url, model, key_variable, concurrency, per_minute, timeout))
    try:
        judged = judging.judge(endpoint, matched.pairs, out)
    finally:
        endpoint.close()
    name = str(given.settings.get("system", predictions.name))
    table, faults = judging.judge_table(name, judged)
    head = {
        "data": found.record(),
        "predictions": {"sha256": given.digest, "settings": dict(given.settings)},
        "judge": {"model": model, "prompt": judging.PROMPT, "rubrics": judging.RUBRICS},
    }
    show_card(Scorecard(head, matched.checks() | found.checks() | faults, (table,)), out)
