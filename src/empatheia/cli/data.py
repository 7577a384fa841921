"""``empatheia data``: make data to train and test on."""

from __future__ import annotations

import typer

from empatheia.cli import data_voice


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True)

    @group.callback()
    def data() -> None:
        """Make data to train and test on."""

    data_voice.register(group)
    app.add_typer(group, name="data", help="Make data to train and test on.")
