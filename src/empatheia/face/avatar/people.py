"""The stock avatars: names, profiles and the seeds whose faces were chosen by eye."""

from __future__ import annotations

from empatheia.errors import InputError, unknown
from empatheia.face.avatar.looks import AGES, GENDERS, RACES
from empatheia.types import Avatar, Profile

_STOCK = (
    ("mia", "young", "female", "caucasian", 1), ("kenji", "young", "male", "asian", 1),
    ("amara", "young", "female", "african", 1), ("diego", "young", "male", "latino", 1),
    ("priya", "young", "female", "indian", 1), ("leo", "young", "male", "caucasian", 1),
    ("hana", "middle-aged", "female", "asian", 1), ("kofi", "middle-aged", "male", "african", 1),
    ("elena", "middle-aged", "female", "latino", 1), ("arjun", "middle-aged", "male", "indian", 1),
    ("claire", "middle-aged", "female", "caucasian", 1), ("walter", "elderly", "male", "caucasian", 1),
    ("ingrid", "elderly", "female", "caucasian", 1), ("samuel", "elderly", "male", "african", 1),
    ("mei", "elderly", "female", "asian", 1), ("rafael", "elderly", "male", "latino", 1),
    ("ravi", "elderly", "male", "indian", 1), ("lily", "child", "female", "caucasian", 1),
    ("tomas", "child", "male", "latino", 1), ("zuri", "child", "female", "african", 1),
    ("haru", "child", "male", "asian", 1), ("anika", "child", "female", "indian", 1),
)  # fmt: skip


def stock() -> tuple[Avatar, ...]:
    """The people of the house, in a stable order."""
    return tuple(
        Avatar(name, Profile(age, gender, "mild", race), name.capitalize(), seed)
        for name, age, gender, race, seed in _STOCK
    )


def resolve(profile: Profile, seed: int = 0) -> Avatar:
    """A stock avatar of this age, gender and race, or somebody drawn from the seed."""
    for field, allowed in (("age", AGES), ("gender", GENDERS), ("race", RACES)):
        value = getattr(profile, field)
        if value not in allowed:
            raise InputError(unknown(field, value, allowed))
    key = (profile.age, profile.gender, profile.race)
    fitting = [a for a in stock() if (a.profile.age, a.profile.gender, a.profile.race) == key]
    if fitting and seed == 0:
        return fitting[0]
    number = seed if seed else 1
    return Avatar(
        "-".join((*key, str(number))),
        Profile(profile.age, profile.gender, profile.tone, profile.race),
        "",
        number,
    )


def find(name: str) -> Avatar:
    """The avatar with this id: a stock name, or ``age-gender-race-seed``."""
    people = {a.id: a for a in stock()}
    if name in people:
        return people[name]
    for age in AGES:
        if name.startswith(age + "-"):
            parts = name[len(age) + 1 :].split("-")
            if (
                len(parts) == 3
                and parts[0] in GENDERS
                and parts[1] in RACES
                and parts[2].isdecimal()
            ):
                return resolve(Profile(age, parts[0], "mild", parts[1]), int(parts[2]))
    raise InputError(unknown("avatar", name, [*people, "AGE-GENDER-RACE-NUMBER"]))
