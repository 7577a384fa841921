"""``empatheia evaluate speech | video | all | avsync-fit``: sound and pictures of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from empatheia.evaluation.matching import Matched
    from empatheia.evaluation.scorecard import Table
    from empatheia.evaluation.video_table import Tools

DataOption = Annotated[Path, typer.Option(help="Dialogues: ED, AvaMERG or a manifest; or folder.")]
GivenOption = Annotated[Path, typer.Option(help="Folder of predictions with media.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the scores.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N replies.")]
RavdessOption = Annotated[Path | None, typer.Option(help="RAVDESS speech, to hear emotions by.")]
SyncnetOption = Annotated[Path | None, typer.Option(help="syncnet_v2.model.")]
AvsyncOption = Annotated[
    Path | None, typer.Option(help="Numbers of `evaluate avsync-fit`, not the shipped.")
]
MeadOption = Annotated[Path | None, typer.Option(help="Folder of landmarks of MEAD clips.")]
ChainsOption = Annotated[Path | None, typer.Option(help="Chain annotations to compare with.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``evaluate`` group."""
    app.command("speech")(speech)
    app.command("video")(video)
    app.command("consistency")(consistency)
    app.command("all")(everything)
    app.command("avsync-fit")(avsync_fit)
    app.command("compare")(compare)


def speech(
    data: DataOption,
    predictions: GivenOption,
    out: OutOption,
    ravdess: RavdessOption = None,
    limit: LimitOption = None,
) -> None:
    """Word errors, signal quality, likeness of the speaker, prosody, emotion as heard."""
    _run(("speech",), data, predictions, out, limit, ravdess=ravdess)


def video(
    data: DataOption,
    predictions: GivenOption,
    out: OutOption,
    syncnet: SyncnetOption = None,
    avsync: AvsyncOption = None,
    limit: LimitOption = None,
) -> None:
    """Sharpness, likeness to the reference, lip-sync, blinks; landmarks beside the videos."""
    _run(("video",), data, predictions, out, limit, syncnet=syncnet, avsync=avsync)


def consistency(
    data: DataOption,
    predictions: GivenOption,
    out: OutOption,
    ravdess: RavdessOption = None,
    mead: MeadOption = None,
    limit: LimitOption = None,
) -> None:
    """Whether text, voice and person agree, and the confusion of emotions."""
    _run(("consistency",), data, predictions, out, limit, ravdess=ravdess, mead=mead)


def everything(
    data: DataOption,
    predictions: GivenOption,
    out: OutOption,
    chains: ChainsOption = None,
    ravdess: RavdessOption = None,
    syncnet: SyncnetOption = None,
    avsync: AvsyncOption = None,
    mead: MeadOption = None,
    limit: LimitOption = None,
) -> None:
    """Text, speech, video and consistency in one scores.json."""
    kinds = ("text", "speech", "video", "consistency")
    options = {"ravdess": ravdess, "syncnet": syncnet, "avsync": avsync, "chains": chains}
    _run(kinds, data, predictions, out, limit, mead=mead, **options)


def _run(
    kinds: tuple[str, ...],
    data: Path,
    predictions: Path,
    out: Path,
    limit: int | None,
    **options: Path | None,
) -> None:
    """Score one folder of predictions; a kind without media is told and left out of ``all``."""
    from empatheia.cli.evaluate_predictions import show_card
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.errors import InputError
    from empatheia.evaluation.matching import match
    from empatheia.evaluation.scorecard import Scorecard
    from empatheia.files import check_writable

    check_writable(out)
    tools = _tools(options.get("syncnet"), options.get("avsync")) if "video" in kinds else None
    found, given = read_references(data, limit, options.get("chains")), read_answers(predictions)
    matched = match(found.items, given.items)
    checks = matched.checks()
    tables: list[Table] = []
    for kind in kinds:
        try:
            table, faults = _table(kind, matched, given.settings, options, tools)
        except InputError as error:
            if len(kinds) == 1:
                raise
            typer.echo(f"note: no {kind} table: {error}", err=True)
            checks[f"no {kind} table"] = [str(error)]
            continue
        tables.append(table)
        checks |= {f"{kind}: {name}": items for name, items in faults.items() if items}
    head = {
        "data": found.record(),
        "predictions": {"sha256": given.digest, "settings": dict(given.settings)},
    }
    show_card(Scorecard(head, checks, tuple(tables)), out)


def _tools(syncnet: Path | None, avsync: Path | None) -> Tools:
    from empatheia import hub
    from empatheia.evaluation import avsync as linear
    from empatheia.evaluation.syncnet import SyncNetScorer
    from empatheia.evaluation.video_table import Tools

    return Tools(
        SyncNetScorer(syncnet) if syncnet is not None else None,
        linear.load(avsync or hub.shipped(linear.SHIPPED)),
    )


def _table(
    kind: str,
    matched: Matched,
    settings: Mapping[str, Any],
    options: Mapping[str, Path | None],
    tools: Tools | None,
) -> tuple[Table, dict[str, list[str]]]:
    name = str(settings.get("system", "predictions"))
    if kind == "text":
        from empatheia.cli.evaluate_predictions import embedder
        from empatheia.evaluation.text_table import text_table

        weights = str(settings.get("weights", "none"))
        mark = str(settings.get("mark", ""))
        return text_table(name, matched.pairs, embedder(), weights, mark), {}
    if kind == "speech":
        from empatheia.evaluation.speech_table import speech_table

        return speech_table(name, matched.pairs, settings, options.get("ravdess"))
    if kind == "consistency":
        from empatheia.evaluation.consistency import consistency_table

        by = options.get("ravdess"), options.get("mead")
        return consistency_table(name, matched.pairs, settings, *by)
    from empatheia.evaluation.video_table import Tools, video_table

    return video_table(name, matched.pairs, tools or Tools(), settings)


def avsync_fit(
    clips: Annotated[Path, typer.Option(help="Folder of talking videos with landmarks beside.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: avsync.safetensors.")],
    match: Annotated[str, typer.Option(help="Which files of the folder.")] = "*.mp4",
) -> None:
    """Fit the linear lip-sync measure on clips whose lips are right (real videos, best)."""
    from empatheia.errors import InputError
    from empatheia.evaluation import avsync
    from empatheia.evaluation.landmark_measures import HOW, read_points
    from empatheia.files import check_writable
    from empatheia.media.audio import read_audio

    check_writable(out.parent)
    rows, left = [], []
    for path in sorted(clips.glob(match)):
        points = read_points(path)
        try:
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

    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.evaluation import compare as comparing
    from empatheia.evaluation.matching import match
    from empatheia.files import check_writable, write_together

    check_writable(out)
    found = read_references(data, limit)
    systems = {
        path.name: match(found.items, read_answers(path).items).pairs for path in predictions
    }
    result = comparing.compare(systems)
    plain = {name: [c.as_dict() for c in rows] for name, rows in result.items()}
    text = comparing.told(result)
    body = json.dumps({"data": found.record(), "comparisons": plain}, indent=2)
    write_together(
        out, {"compare.json": body.encode() + b"\n", "compare.md": text.encode() + b"\n"}
    )
    typer.echo(text)
