"""``empatheia data validate``: a manifest and its media against the numbered rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OptionalManifest = Annotated[Path | None, typer.Argument(metavar="FILE.jsonl", help="A manifest.")]
MediaOption = Annotated[bool, typer.Option("--media", help="Also decode sounds and videos.")]
FixOption = Annotated[
    Path | None, typer.Option(help="Write what can be repaired to this new manifest.")
]
ReportOption = Annotated[Path | None, typer.Option(help="Write the report as JSON.")]
RulesOption = Annotated[bool, typer.Option("--rules", help="Print all rules and leave.")]


def register(app: typer.Typer) -> None:
    app.command()(validate)


def validate(
    manifest: OptionalManifest = None,
    media: MediaOption = False,
    fix: FixOption = None,
    report: ReportOption = None,
    rules: RulesOption = False,
) -> None:
    """Hold a manifest against the rules; exit code 2 where one is broken."""
    from empatheia.data.rules import RULES
    from empatheia.errors import ConfigError

    if rules:
        for rule, says in RULES.items():
            typer.echo(f"{rule:4} {says}")
        return
    if manifest is None:
        raise ConfigError("no manifest: give FILE.jsonl, or --rules.")
    from empatheia.data import validate as checks

    check = None
    if media:
        from empatheia.data.media_checks import MediaChecker, face_counter

        faces = face_counter()
        if faces is None:
            typer.echo("M6 is not checked: pip install 'empatheia[data]'", err=True)
        check = MediaChecker(faces).check
    verdict = checks.validate(manifest, check)
    for rule, count in sorted(verdict.counts.items(), key=lambda item: list(RULES).index(item[0])):
        examples = [fault for fault in verdict.faults if fault.rule == rule]
        typer.echo(f"{rule:4} {count:6} x  {RULES[rule]} ({examples[0].level})")
        for fault in examples[:3]:
            typer.echo(f"       {fault.line()}"[:200])
    typer.echo(
        f"{manifest}: {verdict.dialogues} dialogues, {verdict.utterances} utterances, "
        f"{verdict.errors} errors"
    )
    if report is not None:
        checks.write_report(verdict, report)
    if fix is not None:
        from empatheia.data.fix import fix as repair

        done = repair(manifest, fix)
        repaired = ", ".join(
            f"{rule} {count} times" for rule, count in sorted(done.items()) if count
        )
        typer.echo(f"{fix}: repaired {repaired or 'nothing'}")
    if verdict.errors:
        raise typer.Exit(2)
