"""``empatheia evaluate care``: alarm rates of the care screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from empatheia.care import CareRules


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
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="Leave out the learned second look.")
    ] = False,
    text: Annotated[
        Path | None, typer.Option(help="text.safetensors of `train text`, not the shipped encoder.")
    ] = None,
) -> None:
    """Alarm rates of the care screen on phrase lists and on dialogues, with places, not texts."""
    from empatheia.errors import ConfigError
    from empatheia.evaluation.care import dialogue_rates, phrase_rates, read_lines

    if crisis is None and harmless is None and data is None:
        raise ConfigError("nothing to evaluate. Give --crisis, --harmless or --data.")
    screen = _screen(rules_only, text)
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
    printed = json.dumps(report, indent=2)
    if out is not None:
        _write(out, printed)
    typer.echo(printed)


def _screen(rules_only: bool, text: Path | None) -> CareRules:
    """What `reply` screens with, or a part of it."""
    from empatheia.care import CareRules

    if rules_only:
        return CareRules()
    from empatheia.presets import care_screen, load_reasoner
    from empatheia.training.care import load_encoder

    return care_screen(load_encoder(text) if text else load_reasoner("small")[0].encoder)


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
