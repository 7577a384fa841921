"""Who says it, where the data does not tell: people drawn by a seeded, balanced plan.

All combinations of age, gender, tone and race come up equally often. People come in *casts*, and a
dialogue is played by people of one cast, so that splits can be made without a person in two of
them. The same dialogue at the same place with the same seed always gets the same people.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

from empatheia.data.labels import AGES, GENDERS, RACES, TONES
from empatheia.types import Dialogue, Profile

CASTS = 10
SIDES = ("speaker", "listener")


def everybody() -> tuple[Profile, ...]:
    """All 120 profiles in a stable order."""
    return tuple(Profile(*values) for values in product(AGES, GENDERS, TONES, RACES))


@lru_cache(maxsize=8)
def _order(seed: int) -> tuple[Profile, ...]:
    people = list(everybody())
    random.Random(seed).shuffle(people)
    return tuple(people)


def person_id(profile: Profile, cast: int) -> str:
    """The number of the one person of this profile in a cast, as file names carry it."""
    return str(1 + everybody().index(profile) + len(everybody()) * cast)


def race_of(person: str) -> str:
    """A race for somebody whose race is not told, the same everywhere."""
    return RACES[zlib.crc32(person.encode()) % len(RACES)]


def seed_of(person: str) -> int:
    """The seed that decides what a person looks like; at least 1."""
    return int(person) if person.isdecimal() else zlib.crc32(person.encode()) % 100_000 + 1


def are_numbers(ids: Sequence[str]) -> bool:
    """Whether dialogues can keep these ids in the names of their files."""
    return all(name.isdecimal() for name in ids) and len(set(ids)) == len(ids)


def numbered(dialogue: Dialogue, place: int) -> Dialogue:
    """``dialogue`` with its place in the set for an id; ``source`` keeps the old one."""
    source = f"{dialogue.source or 'jsonl'}/{dialogue.id}"
    return replace(dialogue, id=f"{place + 1:05d}", source=source)


def complete(dialogue: Dialogue, place: int, seed: int = 0, casts: int = CASTS) -> Dialogue:
    """``dialogue`` with two profiles and two people; ``place`` is its number in the set.

    What is drawn stands in ``drawn``.
    """
    order = _order(seed)
    cast = zlib.crc32(f"{seed}:{dialogue.id}".encode()) % casts
    for number, side in enumerate(SIDES):
        profile: Profile | None = getattr(dialogue, side)
        person: str | None = getattr(dialogue, f"{side}_id")
        drawn = dialogue.drawn
        if profile is None:
            # the two sides walk through the order at different paces, so that all pairs meet
            step = place + number * (1 + place // len(order)) * 7
            profile = order[step % len(order)]
            drawn = (*drawn, *(f"{side}.{name}" for name in Profile.__dataclass_fields__))
        person = person or person_id(profile, cast)
        who: dict[str, Any] = {side: profile, f"{side}_id": person}
        dialogue = replace(dialogue, drawn=drawn, **who)
    return dialogue
