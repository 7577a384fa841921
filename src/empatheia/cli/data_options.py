"""Arguments that several ``data`` commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ManifestArgument = Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A manifest.")]
NewManifestOption = Annotated[Path, typer.Option("--out", "-o", help="The new manifest.")]
UrlOption = Annotated[str, typer.Option(help="The endpoint, as in http://localhost:8000/v1.")]
ModelOption = Annotated[str, typer.Option(help="The model's id at the endpoint.")]
KeyOption = Annotated[str, typer.Option(help="Name of the environment variable with the key.")]
ConcurrencyOption = Annotated[int, typer.Option(min=1, max=256, help="Questions at once.")]
PerMinuteOption = Annotated[float, typer.Option(min=0, help="Most questions a minute; 0: any.")]
TimeoutOption = Annotated[float, typer.Option(min=0.1, help="Seconds for one answer.")]
PriceInOption = Annotated[float, typer.Option(min=0, help="Price of a million tokens read.")]
PriceOutOption = Annotated[float, typer.Option(min=0, help="Price of a million tokens written.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")]
