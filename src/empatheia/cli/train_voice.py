"""``empatheia train voice``, ``voice-styles``, ``voice-lexicon``: the voice from its teachers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for log and weights.")]
StepsOption = Annotated[int, typer.Option(min=1, help="Batches to learn from.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the ``train`` group."""
    app.command("voice")(voice)
    app.command("voice-styles")(voice_styles)
    app.command("voice-lexicon")(voice_lexicon)


def voice(
    teachers: Annotated[Path, typer.Option(help="Folder of `empatheia data teacher-speech`.")],
    out: OutOption,
    steps: StepsOption = 8000,
    copies: Annotated[int, typer.Option(min=1, help="Variations of each recording.")] = 2,
    batch: Annotated[int, typer.Option(min=2, help="Sentences a batch.")] = 16,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    seed: int = 0,
    resume: ResumeOption = False,
) -> None:
    """Content, style, durations and decoder; writes voice-world.safetensors."""
    from empatheia.files import check_writable
    from empatheia.training.voice import train_voice

    check_writable(out)
    figures = train_voice(
        teachers, out, steps, copies, batch, lr, seed, resume, _report, note=_note
    )
    _show(figures, out / "voice-world.safetensors")


def voice_styles(
    out: OutOption,
    weights: Annotated[Path | None, typer.Option(help="Another voice than the shipped.")] = None,
) -> None:
    """Only the styles of a finished voice, after a change of the plan; needs no teachers."""
    from empatheia.files import check_writable
    from empatheia.speech.world.generator import FILE
    from empatheia.training.voice_styles import renew_styles

    check_writable(out)
    renew_styles(weights, out / FILE, _note)
    typer.echo(str(out / FILE))


def voice_lexicon(
    dictionary: Annotated[Path, typer.Option(help="cmudict.dict of the CMU dictionary.")],
    out: OutOption,
    steps: StepsOption = 2500,
    resume: ResumeOption = False,
) -> None:
    """Pack the dictionary and learn letters-to-sounds; writes voice-lexicon.safetensors."""
    from empatheia.files import check_writable
    from empatheia.training.voice_letters import train_lexicon

    check_writable(out)
    weights = out / "voice-lexicon.safetensors"
    _show(train_lexicon(dictionary, out, weights, steps, resume, _report), weights)


def _report(line: Mapping[str, Any]) -> None:
    if line["step"] % 50 == 0 or "valid_loss" in line:
        typer.echo(
            f"step {line['step']}: loss {line.get('valid_loss', line['loss']):.4f}", err=True
        )


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _show(figures: Mapping[str, float], path: Path) -> None:
    for name, value in figures.items():
        typer.echo(f"{name:28} {value:.4f}")
    typer.echo(str(path))
