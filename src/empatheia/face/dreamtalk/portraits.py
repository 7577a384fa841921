"""Whose face is moved: photographs of a folder, and for everybody else a drawn portrait.

A folder holds pictures and ``people.json``, an object by id:

    {"anna": {"file": "anna.jpg", "age": "young", "gender": "female", "race": "asian"}}

Rights to a photograph are its owner's to give, so none ship; the drawn people always do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2

from empatheia.data.labels import check_profile
from empatheia.errors import InputError, unknown
from empatheia.face.avatar import people
from empatheia.face.avatar.generator import DrawnFace
from empatheia.media.faces import WIDER, FaceFinder
from empatheia.types import Avatar, ImageArray, Profile

SIZE = 256
PEOPLE = "people.json"
_AROUND = 1.8 / WIDER  # of a found box: the renderer learned heads, not faces
_RAISED = 0.1 / WIDER


class Portraits:
    """The people, and a picture (256, 256, 3) of each."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises InputError where ``people.json`` does not tell who is on which picture."""
        self._photos = _read(folder) if folder is not None else ()
        self._finder = FaceFinder()
        self._drawn: DrawnFace | None = None
        self._pictures: dict[str, ImageArray] = {}

    def people(self) -> tuple[Avatar, ...]:
        """Photographs first, then the drawn people."""
        return (*self._photos, *people.stock())

    def find(self, name: str) -> Avatar:
        """Raises InputError with the nearest ids."""
        for person in self._photos:
            if person.id == name:
                return person
        try:
            return people.find(name)
        except InputError as error:
            allowed = [*(p.id for p in self.people()), "AGE-GENDER-RACE-NUMBER (from 1)"]
            raise InputError(unknown("avatar", name, allowed)) from error

    def of(self, profile: Profile, seed: int = 0) -> Avatar:
        """A photograph of somebody like that, else a drawn portrait."""
        wanted = (profile.age, profile.gender, profile.race)
        fitting = [
            p for p in self._photos if (p.profile.age, p.profile.gender, p.profile.race) == wanted
        ]
        return fitting[seed % len(fitting)] if fitting else people.resolve(profile, seed)

    def picture(self, avatar: Avatar) -> ImageArray:
        """The head, 256 x 256 RGB. Raises InputError: no picture, no face on it."""
        if avatar.id not in self._pictures:
            made = self._draw(avatar) if avatar.portrait is None else self._cut(avatar.portrait)
            self._pictures[avatar.id] = made
        return self._pictures[avatar.id]

    def _draw(self, avatar: Avatar) -> ImageArray:
        if self._drawn is None:
            self._drawn = DrawnFace.load(size=SIZE)
        return self._drawn.still(avatar)

    def _cut(self, path: Path) -> ImageArray:
        raw = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if raw is None:
            raise InputError(f"{path} is no picture that can be read: give a JPEG or PNG portrait")
        picture: Any = cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)
        if not self._finder.available():
            raise InputError(
                f"a face is looked for in {path}: pip install 'empatheia[listen]' for the detector"
            )
        found = self._finder.find(picture[None])
        if not found.count:
            raise InputError(f"no upright face is seen in {path}: give a frontal portrait")
        top, left, height, _ = found.box
        shape = picture.shape[:2]
        side = min(round(height * _AROUND), *shape)
        row = round(top + height / 2 - side / 2 - height * _RAISED)
        column = round(left + height / 2 - side / 2)
        row, column = (min(max(p, 0), n - side) for p, n in zip((row, column), shape, strict=True))
        part = picture[row : row + side, column : column + side]
        how = cv2.INTER_AREA if side > SIZE else cv2.INTER_LINEAR
        cut: ImageArray = cv2.resize(part, (SIZE, SIZE), interpolation=how)
        return cut


def _read(folder: Path) -> tuple[Avatar, ...]:
    path = folder / PEOPLE
    if not path.is_file():
        raise InputError(f"no {PEOPLE} in {folder}: it tells who is on which picture")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(rows, Mapping):
        raise InputError(f'{path} is no object by id: {{"anna": {{"file": "anna.jpg", ...}}}}')
    return tuple(_person(path, str(name), row) for name, row in rows.items())


def _person(path: Path, name: str, row: Any) -> Avatar:
    needed = ("file", "age", "gender", "race")
    if not isinstance(row, Mapping) or any(not isinstance(row.get(k), str) for k in needed):
        raise InputError(f"{path}: {name!r} needs {', '.join(needed)}")
    if any(name == person.id for person in people.stock()):
        raise InputError(f"{path}: {name!r} is the name of a drawn person: choose another id")
    file = path.parent / row["file"]
    if not file.is_file():
        raise InputError(f"{path}: {name!r} is on {row['file']}, which is not in {path.parent}")
    try:
        profile = check_profile(Profile(row["age"], row["gender"], race=row["race"]))
    except InputError as error:
        raise InputError(f"{path}: {name!r}: {error}") from error
    return Avatar(name, profile, str(row.get("name", name.capitalize())), portrait=file)
