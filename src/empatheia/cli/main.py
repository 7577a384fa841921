"""The ``empatheia`` command: collects the commands and turns errors into one line.

Exit codes: 0 done, 1 a fault of the program, 2 something the user can change, 130 interrupted.
A command module has ``register(app)`` and imports nothing heavy at its top, so that ``--help``
answers at once.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Annotated

import typer

import empatheia
from empatheia.errors import EmpatheiaError

INTERRUPTED = 130
COMMANDS = (
    "reply",
    "chat",
    "avatars",
    "predict",
    "evaluate",
    "report",
    "train",
    "ablate",
    "data",
    "weights",
    "doctor",
)

_FULL = (
    "the memory is full. Close what else uses it, set EMPATHEIA_DEVICE to another device (cpu, "
    "cuda:1, auto for several GPUs), or take a smaller preset"
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"empatheia {empatheia.__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The application with every command registered."""
    app = typer.Typer(
        name="empatheia",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(help=empatheia.__doc__)
    def root(
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
        ] = False,
    ) -> None:
        del version

    for name in COMMANDS:
        importlib.import_module(f"empatheia.cli.{name}").register(app)
    return app


def one_line(error: BaseException) -> str:
    """The message of ``error`` without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    try:
        code = build_app()(arguments, standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except EmpatheiaError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    except ImportError as error:  # a package or a system library that it needs
        print(f"error: {one_line(error)}. `empatheia doctor` says more.", file=sys.stderr)
        return 2
    except BrokenPipeError:
        with contextlib.suppress(OSError):  # the reader of our output has gone: say nothing more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if _memory_is_full(error):
            print(f"error: {_FULL}: {one_line(error)[:120]}", file=sys.stderr)
            return 2
        usage = getattr(error, "format_message", None)  # an option that typer refused
        if usage is None:
            raise
        print(f"error: {' '.join(usage().split())} See --help.", file=sys.stderr)
        return 2


def _memory_is_full(error: Exception) -> bool:
    """As torch says it of a GPU and of a CPU; torch is not imported for the question."""
    full = "can't allocate memory" in str(error) or "not enough memory" in str(error)
    return type(error).__name__ == "OutOfMemoryError" or (full and isinstance(error, RuntimeError))


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run())
