"""``empatheia data``: read, check, describe and build data."""

from __future__ import annotations

import importlib

import typer

COMMANDS = (
    "data_download",
    "data_import",
    "data_validate",
    "data_stats",
    "data_render",
    "data_package",
    "data_annotate",
    "data_balance",
    "data_check",
    "data_features",
    "data_align",
    "data_record",
    "data_voice",
)


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True)

    @group.callback()
    def data() -> None:
        """Read, check, describe and build data to train and test on."""

    for name in COMMANDS:
        importlib.import_module(f"empatheia.cli.{name}").register(group)
    app.add_typer(group, name="data", help="Read, check, describe and build data.")
