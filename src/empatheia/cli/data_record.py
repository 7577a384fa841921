"""``empatheia data record``: sheets for people who read, and their recordings back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli.data_options import ManifestArgument

if TYPE_CHECKING:
    from empatheia.data.rules import Fault
    from empatheia.types import Dialogue

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of sheets, or of the result.")]
ParticipantsOption = Annotated[
    Path | None, typer.Option(help="csv of who reads: id,age,gender,tone,race")
]
RecordingsOption = Annotated[
    list[Path] | None, typer.Option(help="Folder or zip of recordings; may be repeated.")
]


def register(app: typer.Typer) -> None:
    app.command()(record)


def record(
    manifest: ManifestArgument,
    out: OutOption,
    participants: ParticipantsOption = None,
    recordings: RecordingsOption = None,
) -> None:
    """With --participants: pair.jsonl and a sheet for each person. With --recordings (on
    paired.jsonl): recorded.jsonl with what is good, rerecord.csv with what must be done again.
    """
    from empatheia.errors import ConfigError
    from empatheia.files import check_writable

    if (participants is None) == (not recordings):
        raise ConfigError("give --participants to plan, or --recordings to take in what was read.")
    check_writable(out)
    if participants is not None:
        _plan(manifest, out, participants)
    else:
        _take_in(manifest, out, recordings or [])


def _plan(manifest: Path, out: Path, participants: Path) -> None:
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import record as work
    from empatheia.errors import InputError
    from empatheia.files import write_together

    people = work.read_participants(participants)
    paired, faults = work.pair(manifests.read(manifest), people)
    if not paired:
        reason = faults[0].line() if faults else "no dialogue has turns"
        raise InputError(f"no dialogue can be read by these {len(people)} people: {reason}")
    lines = list(work.lines(paired))
    sheets = {}
    for person in people:
        mine = [line for line in lines if line.participant == person.id]
        if mine:
            sheets[f"{person.id}.md"] = work.sheet(person.id, mine).encode()
            sheets[f"{person.id}.csv"] = work.as_csv([asdict(line) for line in mine]).encode()
    write_together(out / "sheets", sheets)
    manifests.write(out / "paired.jsonl", paired)
    for fault in faults[:20]:
        typer.echo(fault.line(), err=True)
    counts = Counter(line.participant for line in lines)
    told = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    typer.echo(f"{out / 'paired.jsonl'}: {len(paired)} dialogues, {len(faults)} without a reader")
    typer.echo(f"utterances to read: {told}")


def _take_in(manifest: Path, out: Path, recordings: list[Path]) -> None:
    from empatheia.data import manifest as manifests
    from empatheia.data.builder import record as work
    from empatheia.data.media_checks import face_counter
    from empatheia.files import write_together

    faults: list[Fault] = []
    good = 0

    def taken() -> Iterator[Dialogue]:
        nonlocal good
        for dialogue, wrong in work.take_in(
            manifests.read(manifest), recordings, out / "unpacked", face_counter()
        ):
            faults.extend(wrong)
            good += sum(turn.audio is not None for turn in dialogue.turns)
            yield dialogue

    manifests.write(out / "recorded.jsonl", taken())
    rows = [
        {"dialogue": f.id, "utterance": f.turn, "rule": f.rule, "reason": f.message} for f in faults
    ] or [{"dialogue": "", "utterance": "", "rule": "", "reason": "nothing"}]
    write_together(out, {"rerecord.csv": work.as_csv(rows).encode()})
    again = len({(f.id, f.turn) for f in faults if f.level == "error"})
    typer.echo(f"{out / 'recorded.jsonl'}: {good} good takes, {again} to do again (rerecord.csv)")
    if again:
        raise typer.Exit(2)
