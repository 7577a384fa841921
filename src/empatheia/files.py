"""Writing results: several files appear together, complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

from empatheia.errors import InputError

_REASONS = {
    errno.ENOSPC: "the disk is full. Free some space",
    errno.EDQUOT: "the disk quota is used up. Free some space",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EEXIST: "this is a file, not a folder",
}
_LFS = b"version https://git-lfs"


def cannot_write(folder: Path, error: OSError) -> InputError:
    """The one-line error for a folder that cannot be written."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return InputError(f"cannot write to {folder}: {reason}, or choose another folder (-o/--out).")


def is_lfs_pointer(path: Path) -> bool:
    """Whether a few words of Git LFS stand where the file should be. Raises OSError."""
    with path.open("rb") as handle:
        return handle.read(len(_LFS)) == _LFS


def check_writable(folder: Path) -> None:
    """Raise InputError now where writing to ``folder`` would fail later; creates nothing."""
    try:
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def make_folder(folder: Path) -> Path | None:
    """Create ``folder``; returns the topmost folder that was missing. Raises InputError."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return missing[-1] if missing else None


def write_together(
    folder: Path, contents: Mapping[str, bytes], remove: Collection[str] = ()
) -> tuple[Path, ...]:
    """Write files by name into ``folder``; files named in ``remove`` go away with the change.

    Everything is first written beside its place under a temporary name. Only when all of it is
    on the disk are the names changed; on an error nothing of this call stays, and files that
    were there before are as they were. Raises InputError.
    """
    created = make_folder(folder)
    parts: dict[str, Path] = {}
    try:
        for name, content in contents.items():
            handle, part = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
            parts[name] = Path(part)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            parts[name].chmod(0o666 & ~_umask())
        for name in remove:
            (folder / name).unlink(missing_ok=True)
        for name, part_path in parts.items():
            part_path.replace(folder / name)
    except BaseException as error:
        for part_path in parts.values():
            part_path.unlink(missing_ok=True)
        _remove_empty(folder, created)
        if isinstance(error, OSError):
            raise cannot_write(folder, error) from error
        raise
    return tuple(folder / name for name in contents)


def part_of(path: Path) -> Path:
    """Where ``path`` is written before it takes its name.

    The same at every run, so that what a killed run left is written over; another one for each
    process of ``torchrun``, so that two of them do not write into one file.
    """
    return path.with_name(f".{path.name}{os.environ.get('RANK', '')}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file that appears whole when the block ends, or not at all.

    Raises InputError where the folder cannot be written.
    """
    make_folder(path.parent)
    part = part_of(path)
    try:
        with part.open("w", encoding="utf-8", newline="\n") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path.parent, error) from error
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write one file whole or not at all, without waiting for the disk. Raises InputError."""
    make_folder(path.parent)
    part = part_of(path)
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise cannot_write(path.parent, error) from error


def digest_of(path: Path) -> str:
    """First 16 hex digits of a file's SHA-256. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _remove_empty(folder: Path, created: Path | None) -> None:
    """Take back the empty folders from ``folder`` up to ``created``."""
    if created is None:
        return
    with contextlib.suppress(OSError):
        while True:
            folder.rmdir()
            if folder == created:
                return
            folder = folder.parent
