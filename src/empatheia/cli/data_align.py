"""``empatheia data align``: phoneme times of real recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from empatheia.cli.data_options import ManifestArgument, NewManifestOption

if TYPE_CHECKING:
    from empatheia.data.rules import Fault
    from empatheia.types import Dialogue


def register(app: typer.Typer) -> None:
    app.command()(align)


def align(manifest: ManifestArgument, out: NewManifestOption) -> None:
    """Find when each sound of each utterance is said; failures are listed (exit code 2).

    The times lie as JSON in OUT.times; the same command goes on after an interruption.
    """
    from rich.progress import Progress

    from empatheia.cli import show
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import align as work
    from empatheia.files import check_writable
    from empatheia.speech.world.generator import WorldVoice

    check_writable(out.parent)
    faults: list[Fault] = []
    found = 0
    voice = WorldVoice.load()
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("dialogues", total=sum(1 for _ in manifests.read(manifest)))

        def aligned() -> Iterator[Dialogue]:
            nonlocal found
            folder = out.with_suffix(".times")
            for item in work.align(manifests.read(manifest), folder, voice.phonemize):
                faults.extend(item.faults)
                found += sum(turn.times is not None for turn in item.dialogue.turns)
                bar.advance(task)
                yield item.dialogue

        manifests.write(out, aligned())
    for fault in faults:
        typer.echo(fault.line(), err=True)
    typer.echo(f"{out}: {found} utterances have times, {len(faults)} failures")
    if faults:
        raise typer.Exit(2)
