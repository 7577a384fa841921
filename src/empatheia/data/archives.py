"""Unpacking zips of media: inside their folder only, never more than is sane, done once."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from empatheia.data.rules import Fault
from empatheia.files import make_folder, write_whole

MAX_RATIO: Final = 200  # unpacked over packed; sound and video hardly compress at all
MAX_MEMBER: Final = 4 << 30  # bytes
DONE: Final = ".unpacked.json"


def unpack(archive: Path, folder: Path, suffixes: frozenset[str]) -> Iterator[Fault]:
    """The members of ``archive`` that end in ``suffixes``, into ``folder``; yields the faults.

    A completion mark with the archive's size and time makes a second call do nothing. A member
    that exists in its full size is not written again, so an interrupted call goes on.
    """
    mark = folder / DONE
    state = {"archive": archive.name, "size": archive.stat().st_size, "mark": _edges(archive)}
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8"))["state"] == state:
        for name, message in json.loads(mark.read_text(encoding="utf-8"))["faults"]:
            yield Fault("R7", name, message)
        return
    make_folder(folder)
    faults: list[tuple[str, str]] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                if member.is_dir() or PurePosixPath(member.filename).suffix.lower() not in suffixes:
                    continue
                message = _refused(member) or _extract(opened, member, folder)
                if message:
                    faults.append((f"{archive.name}:{member.filename}"[:200], message))
                    yield Fault("R7", *faults[-1])
    except (zipfile.BadZipFile, OSError) as error:
        yield Fault("R7", archive.name, f"cannot be read as a zip: {error}")
        return
    content = json.dumps({"state": state, "faults": faults}, ensure_ascii=False)
    write_whole(mark, content.encode())


def _edges(archive: Path) -> str:
    """Digest of both ends of the file: its directory, and its first member."""
    with archive.open("rb") as handle:
        head = handle.read(1 << 16)
        handle.seek(max(archive.stat().st_size - (1 << 20), 0))
        return hashlib.sha256(head + handle.read()).hexdigest()[:16]


def _refused(member: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        return "the name leaves the folder: not unpacked"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "a link: not unpacked"
    if member.flag_bits & 1:
        return "encrypted: not unpacked"
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > MAX_MEMBER or (ratio > MAX_RATIO and member.file_size > 1 << 20):
        return f"would unpack to {member.file_size:,} bytes, {ratio:.0f} times its size: left out"
    return None


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str | None:
    target = folder / PurePosixPath(member.filename.replace("\\", "/"))
    if target.is_file() and target.stat().st_size == member.file_size:
        return None
    make_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    try:
        with opened.open(member) as source, part.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        if part.stat().st_size != member.file_size:
            raise zipfile.BadZipFile("it is not as long as it says")
        part.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        part.unlink(missing_ok=True)
        return f"broken member: {error}"
    return None
