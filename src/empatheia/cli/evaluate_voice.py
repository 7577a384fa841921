"""``empatheia evaluate voice`` and ``evaluate actors``: the voice, measured on its sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from empatheia.errors import InputError

RavdessOption = Annotated[Path | None, typer.Option(help="RAVDESS speech: 03-01-*.flac or .wav.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``evaluate`` group."""
    app.command("voice")(voice)
    app.command("actors")(actors)
    app.command("voice-picture")(picture)


def voice(
    dialogues: Annotated[Path, typer.Option(help="EmpatheticDialogues valid as JSON lines.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for voice.json.")],
    ravdess: RavdessOption = None,
    weights: Annotated[Path | None, typer.Option(help="Another voice than the shipped.")] = None,
    per_cell: Annotated[int, typer.Option(min=1, help="Sentences of each of 192 cells.")] = 2,
    again: Annotated[
        int, typer.Option(min=0, help="Cells, the least understood, that say all 100 sentences.")
    ] = 5,
    teachers: Annotated[bool, typer.Option(help="Also hear the teachers themselves.")] = True,
    only: Annotated[str | None, typer.Option(help="One measurement by its name.")] = None,
) -> None:
    """Word errors, emotions against actors, profiles, style, speed; writes voice.json.

    Each figure is written when it is there. A stopped command, given again, measures what is
    missing; figures of another voice are dropped. ``--only`` measures again.
    """
    from empatheia.evaluation.voice import evaluate_voice
    from empatheia.files import check_writable, write_whole
    from empatheia.speech.world.generator import WorldVoice

    check_writable(out)
    out.mkdir(parents=True, exist_ok=True)
    path, generator = out / "voice.json", WorldVoice.load(weights)
    scores = _figures(path, generator.digest)
    steps = evaluate_voice(
        generator, dialogues, ravdess, out, per_cell, again, teachers, only, scores, _tell
    )
    for name, figures in steps:
        scores[name] = figures
        write_whole(path, (json.dumps(scores, indent=1) + "\n").encode())
    shown = scores if only is None else {only: scores[only]}
    typer.echo(json.dumps(shown, indent=1))


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _figures(path: Path, voice: str) -> dict[str, Any]:
    """Figures of the same voice that an earlier run left; at least the digest of the voice."""
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is no JSON: delete it or choose another --out") from error
        if isinstance(found, dict) and found.get("voice") == voice:
            return found
    return {"voice": voice}


def actors(
    ravdess: Annotated[Path, typer.Option(help="RAVDESS speech: 03-01-*.flac or .wav.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: emotions.json.")],
) -> None:
    """What emotions do to pitch, range, rate, energy and tilt of real actors."""
    from empatheia.evaluation.voice_emotion import measure_actors, write_effects
    from empatheia.files import check_writable

    check_writable(out.parent)
    figures = measure_actors(ravdess)
    write_effects(figures, out)
    typer.echo(f"{figures['clips']} clips of {figures['actors']} actors: {out}")


def picture(
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")],
    text: str = "I am so sorry, that must have been hard.",
    age: str = "young",
    gender: str = "female",
    tone: str = "mild",
    compare: Annotated[Path | None, typer.Option(help="A recording to put beside.")] = None,
) -> None:
    """Spectrograms of one sentence in all emotions, with the pitch."""
    from empatheia.evaluation.voice_picture import draw
    from empatheia.files import check_writable
    from empatheia.media.audio import read_audio
    from empatheia.speech.world.generator import WorldVoice
    from empatheia.types import Profile

    check_writable(out.parent)
    others = {} if compare is None else {compare.stem: read_audio(compare)}
    draw(WorldVoice.load(), text, Profile(age, gender, tone), others, out)
    typer.echo(str(out))
