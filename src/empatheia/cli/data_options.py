"""Arguments that several ``data`` commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ManifestArgument = Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A manifest.")]
