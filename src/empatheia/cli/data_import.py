"""``empatheia data import`` and ``schema``: releases become manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

KindArgument = Annotated[str, typer.Argument(help="avamerg | empathetic-dialogues | jsonl")]
PathArgument = Annotated[Path, typer.Argument(help="A file of the release, or its folder.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="The manifest, FILE.jsonl.")]
MediaOption = Annotated[
    list[Path] | None,
    typer.Option(help="Folder or zip of wav and mp4; may be repeated."),
]
FeelingsOption = Annotated[
    bool, typer.Option(help="Label what listeners feel, from what they say (about 150 a second).")
]
PeopleOption = Annotated[
    bool, typer.Option("--draw-people", help="Give balanced profiles to those without one.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of --draw-people.")]


def register(app: typer.Typer) -> None:
    app.command("import")(import_)
    app.command()(schema)


def import_(
    kind: KindArgument,
    path: PathArgument,
    out: OutOption,
    media: MediaOption = None,
    listener_emotions: FeelingsOption = True,
    draw_people: PeopleOption = False,
    seed: SeedOption = 0,
) -> None:
    """Read a release into one manifest, a conversation a line, empty ones too.

    What cannot be read is named in FILE.report.json, the rest goes on; exit code 2 then.
    """
    from rich.progress import Progress

    from empatheia.cli import show
    from empatheia.data import importer
    from empatheia.files import check_writable

    check_writable(out.parent)
    if not path.exists() or kind not in importer.KINDS or out.suffix != ".jsonl":
        importer.run(kind, path, out)  # says what is wrong before anything is loaded
    reader = None
    if listener_emotions:
        from empatheia.presets import utterance_reader

        reader = utterance_reader()
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("dialogues", total=None)
        report = importer.run(
            kind,
            path,
            out,
            media or (),
            reader,
            draw_people,
            seed,
            lambda done: bar.update(task, completed=done),
        )
    for rule, told in report.as_dict()["rules"].items():
        typer.echo(f"{rule}: {told['broken']} times not so: {told['says']}", err=True)
    media_text = f", {report.media['audio']} sounds, {report.media['video']} videos"
    typer.echo(
        f"{out}: {report.dialogues} dialogues ({report.empty} empty), "
        f"{report.utterances} utterances{media_text if media else ''}"
    )
    if report.left_out:
        typer.echo(
            f"{report.left_out} left out; see {importer.report_path(out)}",
            err=True,
        )
        raise typer.Exit(2)


def schema() -> None:
    """Print the JSON Schema of one manifest line."""
    from empatheia.data.schema import manifest_schema

    typer.echo(json.dumps(manifest_schema(), indent=2))
