"""``empatheia train``: the stages of training, one command a stage."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True)

    @group.callback()
    def stages() -> None:
        """Train a part of the system."""

    app.add_typer(group, name="train", help="Train a part of the system.")
