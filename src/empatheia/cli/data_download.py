"""``empatheia data download``: a release from its hub."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the release.")]
OnlyOption = Annotated[str | None, typer.Option(help="Only files of this pattern, as in *.json.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Fetch without asking.")]


def register(app: typer.Typer) -> None:
    app.command()(download)


def download(
    name: Annotated[str, typer.Argument(help="avamerg")],
    out: OutOption,
    only: OnlyOption = None,
    yes: YesOption = False,
) -> None:
    """Say size and licence, ask, then fetch; what was fetched is never fetched again."""
    from empatheia.data import download as work
    from empatheia.errors import InputError
    from empatheia.files import check_writable

    check_writable(out)
    wanted = work.offer(name, only)
    typer.echo(wanted.line())
    if work.is_done(out, wanted):
        typer.echo(f"{out} has it already")
        return
    nearest = next(p for p in (out, *out.absolute().parents) if p.exists())
    free = shutil.disk_usage(nearest).free
    if wanted.bytes > free:
        raise InputError(f"{wanted.bytes / 1e9:.2f} GB do not fit on {out}: {free / 1e9:.2f} free.")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("nobody to ask whether to go on: add --yes.")
        typer.confirm("fetch it?", abort=True, err=True)
    work.fetch(wanted, out, only)
    typer.echo(
        f"{out}: complete. Next: empatheia data import {name} {out} --media {out} -o x.jsonl"
    )
