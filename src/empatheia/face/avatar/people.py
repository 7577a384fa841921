"""The stock avatars: names, profiles and the seeds whose faces were chosen by eye."""

from __future__ import annotations

from empatheia.errors import InputError, unknown
from empatheia.face.avatar.looks import AGES, GENDERS, RACES
from empatheia.types import Avatar, Profile

_STOCK = (
    ("mia", "young", "female", "caucasian", 6),
    ("kenji", "young", "male", "asian", 4),
    ("amara", "young", "female", "african", 5),
    ("diego", "young", "male", "latino", 7),
    ("priya", "young", "female", "indian", 7),
    ("leo", "young", "male", "caucasian", 11),
    ("hana", "middle-aged", "female", "asian", 4),
    ("kofi", "middle-aged", "male", "african", 7),
    ("elena", "middle-aged", "female", "latino", 8),
    ("arjun", "middle-aged", "male", "indian", 2),
    ("claire", "middle-aged", "female", "caucasian", 8),
    ("walter", "elderly", "male", "caucasian", 9),
    ("ingrid", "elderly", "female", "caucasian", 9),
    ("samuel", "elderly", "male", "african", 10),
    ("mei", "elderly", "female", "asian", 1),
    ("rafael", "elderly", "male", "latino", 12),
    ("ravi", "elderly", "male", "indian", 6),
    ("lily", "child", "female", "caucasian", 10),
    ("tomas", "child", "male", "latino", 1),
    ("zuri", "child", "female", "african", 10),
    ("haru", "child", "male", "asian", 12),
    ("anika", "child", "female", "indian", 5),
)


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
    if seed < 0:
        raise InputError(f"avatar number is {seed}: give 0 for the usual person, or 1 and more")
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
    """The avatar with this id: a stock name, or ``age-gender-race-number`` with 1 and more."""
    people = {a.id: a for a in stock()}
    if name in people:
        return people[name]
    for age in AGES:
        gender, race, number = ([*name.removeprefix(age + "-").split("-"), "", "", ""])[:3]
        if gender in GENDERS and race in RACES and number.isdecimal() and int(number) > 0:
            drawn = resolve(Profile(age, gender, "mild", race), int(number))
            if drawn.id == name:
                return drawn
    raise InputError(unknown("avatar", name, [*people, "AGE-GENDER-RACE-NUMBER (from 1)"]))
