"""``empatheia data package``: a manifest and its media, ready for a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.data_options import ManifestArgument

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of the packed set.")]
NameOption = Annotated[str, typer.Option(help="The set's name on its card.")]
KeepOption = Annotated[bool, typer.Option("--keep-splits", help="Do not split anew; tell leaks.")]
LicenceOption = Annotated[str | None, typer.Option(help="For the card, as in cc-by-nc-4.0.")]


def register(app: typer.Typer) -> None:
    app.command()(package)


def package(
    manifest: ManifestArgument,
    out: OutOption,
    name: NameOption = "Empathetic dialogues",
    keep_splits: KeepOption = False,
    license: LicenceOption = None,
) -> None:
    """Split without leaks, shard, sum up and describe; a killed run goes on with the same command.

    Exit code 2 where kept splits leak.
    """
    from empatheia.data.builder.package import SUMS
    from empatheia.data.builder.package import package as pack
    from empatheia.files import check_writable

    check_writable(out)
    done = pack(
        manifest, out, name, keep_splits, license, progress=lambda s: typer.echo(s, err=True)
    )
    for fault in done.leaks[:10]:
        typer.echo(fault.line(), err=True)
    told = ", ".join(f"{split} {count}" for split, count in done.splits.items())
    typer.echo(f"{out}: {told}; {done.files} files in {done.shards} shards; check: {SUMS}")
    if done.leaks:
        typer.echo(f"{len(done.leaks)} leaks between the kept splits", err=True)
        raise typer.Exit(2)
