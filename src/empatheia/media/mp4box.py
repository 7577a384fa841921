"""The one thing done by hand to an mp4: its index (``moov``) goes before its data (``mdat``).

A muxer learns the index last. Players on the web want it first, and the muxer's own option for
that has to reopen a file, which bytes in memory are not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset, size) of each box between ``start`` and ``end``."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
        size = size or end - start
        if size < 8:
            return
        yield name, start, size
        start += size


def _shift_offsets(box: bytearray, start: int, end: int, by: int) -> None:
    for name, offset, size in boxes(bytes(box), start, end):
        if name in _NESTED:
            _shift_offsets(box, offset + 8, offset + size, by)
        elif name in (b"stco", b"co64"):
            letter, width = (">I", 4) if name == b"stco" else (">Q", 8)
            (count,) = struct.unpack_from(">I", box, offset + 12)
            for index in range(count):
                place = offset + 16 + index * width
                (value,) = struct.unpack_from(letter, box, place)
                struct.pack_into(letter, box, place, value + by)


def moov_first(data: bytes) -> bytes:
    """``data`` with its ``moov`` box moved before ``mdat`` and its chunk offsets put right."""
    found = list(boxes(data))
    names = [name for name, _, _ in found]
    if b"moov" not in names or b"mdat" not in names:
        return data
    if names.index(b"moov") < names.index(b"mdat"):
        return data
    _, offset, size = found[names.index(b"moov")]
    moov = bytearray(data[offset : offset + size])
    _shift_offsets(moov, 0, size, size)
    first = found[names.index(b"mdat")][1]
    # A filler box before mdat stays where it is, so every offset moves by exactly moov's size.
    return data[:first] + bytes(moov) + data[first:offset] + data[offset + size :]
