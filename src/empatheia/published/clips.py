"""Which clip shows which feeling of whom: ``clips.tsv`` of a folder, or names as MEAD gives them.

``clips.tsv`` has a heading of ``file``, ``emotion`` and any of ``age``, ``gender``, ``tone``,
``race``. Without it, ``M030_front_angry_level3_001.mat`` is an angry man.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from empatheia.data.labels import EMOTIONS8, check_emotion8, check_profile
from empatheia.errors import InputError
from empatheia.types import Profile

TABLE = "clips.tsv"
_MEAD = re.compile(r"(?P<who>[MW])\d+_.*?(?P<emotion>" + "|".join(EMOTIONS8) + r")(?:_|\b)", re.I)


def read_clips(folder: Path, suffixes: tuple[str, ...]) -> list[tuple[Path, str, Profile]]:
    """(file, emotion, who) of every clip that ends in one of ``suffixes``. Raises InputError."""
    if not folder.is_dir():
        raise InputError(f"no folder at {folder}: give a folder of clips")
    table = folder / TABLE
    try:
        found = list(_told(table) if table.is_file() else _named(folder, suffixes))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read ({error}): give text in UTF-8") from error
    if not found:
        raise InputError(
            f"no clip in {folder} says its emotion: add {TABLE} with file and emotion, or names "
            f"like M030_front_angry_level3_001{suffixes[0]}"
        )
    if "neutral" not in {emotion for _, emotion, _ in found}:
        raise InputError(f"no neutral clip in {folder}: intensity starts from it; add one")
    return found


def _told(table: Path) -> Iterator[tuple[Path, str, Profile]]:
    known = {item.name for item in fields(Profile)}
    with table.open(encoding="utf-8", newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle, delimiter="\t"), 2):
            where = f"{table}, line {number}"
            if not row.get("file") or not row.get("emotion"):
                raise InputError(f"{where}: needs file and emotion")
            path = table.parent / row["file"]
            if not path.is_file():
                raise InputError(f"{where}: no file at {path}")
            try:
                emotion = check_emotion8(row["emotion"])
                who = check_profile(Profile(**{k: v for k, v in row.items() if k in known and v}))
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
            yield path, emotion, who


def _named(folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[Path, str, Profile]]:
    for path in sorted(folder.rglob("*")):
        match = _MEAD.match(path.stem) if path.suffix.lower() in suffixes else None
        if match is not None:
            gender = "male" if match["who"].upper() == "M" else "female"
            yield path, match["emotion"].lower(), Profile(gender=gender)
