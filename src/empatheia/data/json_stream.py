"""A large JSON array, one element at a time, in the memory of one element."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from empatheia.errors import InputError

CHUNK: Final = 1 << 18
LARGEST: Final = 16 << 20  # characters of one element
_SPACE: Final = " \t\n\r"


def elements(path: Path) -> Iterator[Any]:
    """The elements of the array in ``path``.

    Raises InputError naming the line where the file stops being a complete JSON array, or the
    byte where it stops being UTF-8; what came before has been yielded by then.
    """
    try:
        with path.open("rb") as handle:
            yield from _Window(path, handle).elements()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error


class _Window:
    """The part of the text that is not decoded yet."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self.path, self.handle = path, handle
        self.utf8 = codecs.getincrementaldecoder("utf-8")()
        self.text, self.at, self.line, self.done = "", 0, 1, False
        self.bytes = 0

    def grow(self) -> bool:
        """Read on; False at the end of the file."""
        if self.done:
            return False
        chunk = self.handle.read(max(CHUNK, len(self.text)))
        self.done = not chunk
        try:
            new = self.utf8.decode(chunk, final=self.done)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.path} is not UTF-8 text (byte {self.bytes + error.start}). "
                "Save it as UTF-8."
            ) from error
        self.bytes += len(chunk)
        self.line += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :] + new, 0
        return True

    def skip(self) -> str:
        """The next character that is no space ('' at the end), without taking it."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.grow():
                return ""

    def fault(self, reason: str, offset: int = 0) -> InputError:
        line = self.line + self.text.count("\n", 0, self.at + offset)
        return InputError(f"{self.path} is not a complete JSON array: {reason} at line {line}.")

    def elements(self) -> Iterator[Any]:
        decoder = json.JSONDecoder()
        if self.skip() == "\ufeff":
            self.at += 1
        if self.skip() != "[":
            raise self.fault("'[' expected")
        self.at += 1
        if self.skip() == "]":
            return
        while True:
            self.skip()
            yield self.element(decoder)
            mark = self.skip()
            self.at += 1
            if mark == "]":
                return
            if mark != ",":
                self.at -= 1
                raise self.fault("it ends" if not mark else f"',' or ']' expected, not {mark!r}")

    def element(self, decoder: json.JSONDecoder) -> Any:
        while True:
            try:
                value, end = decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                # A fault well before the end of what was read cannot be mended by reading on.
                early = error.pos < len(self.text) - 64 and "Unterminated" not in error.msg
                if early or len(self.text) > LARGEST or not self.grow():
                    raise self.fault(error.msg, max(error.pos - self.at, 0)) from error
            except RecursionError as error:
                raise self.fault("nested too deeply") from error
            else:
                if end < len(self.text) or self.done or not self.grow():
                    self.at = end
                    return value
