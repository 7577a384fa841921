"""``empatheia evaluate care``: alarm rates of the care screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds ``care`` to the ``evaluate`` group."""
    app.command("care")(evaluate_care)


def evaluate_care(
    crisis: Annotated[
        Path | None, typer.Option(help="Phrases that must alarm (.jsonl with turns, split).")
    ] = None,
    harmless: Annotated[
        Path | None, typer.Option(help="Phrases that must not alarm (same form).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Dialogues, one a line, as EmpatheticDialogues.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for care.json; none: print only.")
    ] = None,
) -> None:
    """Alarm rates of the care screen on phrase lists and on dialogues, with places, not texts."""
    from empatheia.care import CareRules
    from empatheia.errors import ConfigError
    from empatheia.evaluation.care import dialogue_rates, phrase_rates, read_lines

    if crisis is None and harmless is None and data is None:
        raise ConfigError("nothing to evaluate. Give --crisis, --harmless or --data.")
    screen = CareRules()
    report: dict[str, Any] = {}
    for name, path in (("crisis", crisis), ("harmless", harmless)):
        if path is not None:
            rates = phrase_rates(screen, read_lines(path))
            report[name] = {split: rate.report() for split, rate in rates.items()}
    if data is not None:
        result = dialogue_rates(screen, read_lines(data))
        report["prefixes"] = result.prefixes.report()
        report["replies"] = result.replies.report()
        report["alarms"] = [
            {"dialogue": a.dialogue, "turn": a.turn, "category": a.category}
            for a in (*result.first_alarms, *result.blocked)
        ]
    text = json.dumps(report, indent=2)
    if out is not None:
        _write(out, text)
    typer.echo(text)


def _write(folder: Path, text: str) -> None:
    from empatheia.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / "care.json.partial"
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(folder / "care.json")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot write to {folder}: {reason}. Give another -o.") from error
