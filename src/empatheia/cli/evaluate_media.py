"""``empatheia evaluate compare | avsync-fit``: systems side by side, and a measure fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.evaluate_predictions import DataOption, LimitOption


def register(app: typer.Typer) -> None:
    """Add the commands to the ``evaluate`` group."""
    app.command("avsync-fit")(avsync_fit)
    app.command("compare")(compare)


def avsync_fit(
    clips: Annotated[Path, typer.Option(help="Folder of talking videos with landmarks beside.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: avsync.safetensors.")],
    match: Annotated[str, typer.Option(help="Which files of the folder.")] = "*.mp4",
) -> None:
    """Fit the linear lip-sync measure on clips whose lips are right (real videos, best)."""
    from empatheia.errors import InputError
    from empatheia.evaluation import avsync
    from empatheia.evaluation.landmark_measures import HOW, points_of
    from empatheia.files import check_writable
    from empatheia.media.audio import read_audio

    check_writable(out.parent)
    rows, left = [], []
    for path in sorted(clips.glob(match)):
        try:
            points = points_of(path)
            if points is None:
                raise InputError(f"needs {HOW}")
            seen = avsync.mouth(points)
            rows.append((avsync.sound(read_audio(path), len(seen)), seen))
        except InputError as error:
            left.append(f"{path.name}: {error}")
    for line in left[:5]:
        typer.echo(f"note: left out {line}", err=True)
    model = avsync.fit(rows)
    avsync.save(model, out, len(rows), clips.name)
    typer.echo(f"fitted on {len(rows)} clips, {len(left)} left out: {out}")


def compare(
    data: DataOption,
    predictions: Annotated[
        list[Path], typer.Option(help="Folder of predictions; again for each system.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for compare.json and .md.")],
    limit: LimitOption = None,
) -> None:
    """Differences of systems on the same dialogues, with intervals and Holm's p-values."""
    import json

    from empatheia import hub
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.evaluation import avsync
    from empatheia.evaluation import compare as comparing
    from empatheia.evaluation.matching import match
    from empatheia.files import check_writable, write_together

    check_writable(out)
    found = read_references(data, limit)
    names = [path.name for path in predictions]
    if len(set(names)) < len(names):
        names = [str(path) for path in predictions]
    matched = {
        name: match(found.items, read_answers(path).items, found.ids)
        for name, path in zip(names, predictions, strict=True)
    }
    for fault in found.faults[:5]:
        typer.echo(f"note: {fault}", err=True)
    for name, one in matched.items():
        for kind, ids in one.faults.items():
            typer.echo(f"note: {name}: {len(ids)} {kind}: {', '.join(ids[:5])}", err=True)
    measures = {
        **comparing.MEASURES,
        "avsync_r": comparing.lips(avsync.load(hub.shipped(avsync.SHIPPED))),
    }
    result = comparing.compare({name: one.pairs for name, one in matched.items()}, measures)
    plain = {name: [c.as_dict() for c in rows] for name, rows in result.items()}
    text = comparing.told(result)
    checks = {name: one.checks() for name, one in matched.items()}
    whole = {"data": found.record(), "checks": checks, "comparisons": plain}
    body = json.dumps(whole, indent=2)
    write_together(
        out, {"compare.json": body.encode() + b"\n", "compare.md": text.encode() + b"\n"}
    )
    typer.echo(text)
