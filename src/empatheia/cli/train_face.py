"""``empatheia train face-style`` and ``train face-hearing``: the two networks of the drawn face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Weight file to write.")]


def register(app: typer.Typer) -> None:
    """Add both commands to the ``train`` group."""
    app.command("face-style")(face_style)
    app.command("face-hearing")(face_hearing)


def face_style(
    out: OutOption,
    people: Annotated[int, typer.Option(min=5, help="Drawn persons; a fifth only tests.")] = 40,
    mixtures: Annotated[int, typer.Option(min=0, help="Clips of two emotions mixed.")] = 300,
    copies: Annotated[int, typer.Option(min=1, help="Clips of each emotion, tone, level.")] = 4,
    epochs: Annotated[int, typer.Option(min=1)] = 60,
    seed: int = 0,
    keep: Annotated[
        Path | None,
        typer.Option(help="face-style.safetensors: its faces stay, only what sees them is fitted."),
    ] = None,
) -> None:
    """Draws clips, fits encoder and decoder, writes them with the book of styles."""
    from empatheia.training.face_style import (
        Kept,
        evaluate,
        render_clips,
        save_style,
        train_style,
    )  # fmt: skip

    kept = None if keep is None else Kept.load(keep)
    clips = render_clips(people, mixtures, copies, seed, _report)
    net = train_style(clips, epochs, seed, tell=_report, kept=kept)
    r2 = evaluate(net, clips, clips.people % 5 == 0)
    save_style(out, net, clips, r2, kept)
    typer.echo(f"wrote {out}: R2 {r2:.3f} on new people")


def face_hearing(
    teachers: Annotated[Path, typer.Option(help="Folder of `empatheia data teacher-speech`.")],
    out: OutOption,
    clips: Annotated[int, typer.Option(min=20, help="Sentences to learn from.")] = 800,
    epochs: Annotated[int, typer.Option(min=1)] = 12,
    seed: int = 0,
) -> None:
    """Fits the network that hears which mouth a sound belongs to."""
    from empatheia.training.face_hearing import save_hearing, teacher_speech, train_hearing

    speeches = teacher_speech(teachers, clips, seed)
    net, score = train_hearing(speeches, epochs, seed, tell=_report)
    save_hearing(out, net, len(speeches), score)
    typer.echo(f"wrote {out}: R2 {score:.3f} on unseen sentences")


def _report(line: str) -> None:
    typer.echo(line, err=True)
