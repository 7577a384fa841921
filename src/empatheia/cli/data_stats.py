"""``empatheia data stats``: the paper's Table 1 and Figure 2 of any manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from empatheia.cli.data_options import ManifestArgument


def register(app: typer.Typer) -> None:
    app.command()(stats)


def stats(
    manifest: ManifestArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for json, md and png.")],
    picture: Annotated[bool, typer.Option(help="Draw stats.png (needs the extra data).")] = True,
) -> None:
    """Count a manifest; writes stats.json, stats.md and stats.png, the paper's figures beside."""
    from empatheia.data import manifest as manifests
    from empatheia.data import statistics
    from empatheia.files import check_writable, write_together

    check_writable(out)
    counted = statistics.count(manifests.read(manifest))
    text = json.dumps(counted.as_dict(), ensure_ascii=False, indent=1) + "\n"
    table = statistics.markdown(counted, manifest.name)
    files = {"stats.json": text.encode(), "stats.md": table.encode()}
    if picture:
        from empatheia.data.plots import figure

        files["stats.png"] = figure(counted, manifest.name)
    write_together(out, files)
    typer.echo(table, nl=False)
