"""``empatheia data teacher-speech``: let the teacher voices speak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the ``data`` group."""
    app.command("teacher-speech")(teacher_speech)


def teacher_speech(
    dialogues: Annotated[Path, typer.Option(help="EmpatheticDialogues as JSON lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for sound and index.jsonl.")],
    sentences: Annotated[int, typer.Option(min=4, help="Sentences in all.")] = 2950,
    seed: int = 7,
) -> None:
    """Sentences of listeners, said by Flite's and Festival's free voices with phone times."""
    from empatheia.data.teacher_speech import (
        VOICES,
        listener_sentences,
        render,
        write_index,
    )
    from empatheia.files import check_writable

    check_writable(out)
    texts = listener_sentences(dialogues, seed)
    share = sentences // len(VOICES)
    clips = []
    for i, voice in enumerate(VOICES):
        clips += render(texts[i * share : (i + 1) * share], voice, out)
        typer.echo(f"{voice}: {len(clips)} sentences in all", err=True)
    write_index(clips, out)
    hours = sum(c.segments[-1][1] for c in clips) / 3600
    typer.echo(f"{len(clips)} sentences, {hours:.2f} hours: {out / 'index.jsonl'}")
