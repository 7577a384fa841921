"""Every error a user can cause, in one tree.

A message says what was given, what is allowed and what to do, on one line. The command line
prints it and leaves with exit code 2; the library raises it.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path


class EmpatheiaError(Exception):
    """Root of all errors that this package raises on purpose."""


class InputError(EmpatheiaError, ValueError):
    """A text, dialogue, profile value, avatar or file that cannot be used."""


class MediaError(InputError):
    """Audio or video that cannot be read, decoded or written."""


class TooLittleSpeechError(InputError):
    """A recording that is silent, or in which less is said than a style can be heard from."""


class ConfigError(EmpatheiaError, ValueError):
    """An option or ``--set`` value that does not exist or does not fit."""


class WeightsError(EmpatheiaError):
    """A weight file that is missing, truncated or belongs to something else."""


class MissingExtraError(EmpatheiaError, ImportError):
    """An optional package is not installed; the message prints its install line."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'empatheia[{extra}]'")


def unknown(kind: str, given: object, allowed: Iterable[str]) -> str:
    """One line for an unknown name: what was given, the nearest match, all that is allowed."""
    names = list(allowed)
    near = difflib.get_close_matches(str(given)[:80], names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = repr(given) if len(repr(given)) <= 80 else repr(given)[:77] + "..."
    return f"unknown {kind} {shown}.{hint} Allowed: {', '.join(names)}."


@contextlib.contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """What is wrong with a file inside the block is said with the file's name."""
    kinds = (MediaError, InputError, WeightsError)  # a class below these may take other words
    try:
        yield
    except kinds as error:
        if str(path) in str(error):
            raise
        kind = next(kind for kind in kinds if isinstance(error, kind))
        raise kind(f"{path}: {error}") from error
