"""What a person may ask of a reply: a partial profile, an avatar, a corrected chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Final

from empatheia.data.labels import EMOTIONS8, EMOTIONS32, PROFILE_FIELDS, TIMBRE_TO_TONE
from empatheia.data.text_input import clean_text
from empatheia.errors import InputError, unknown
from empatheia.types import Avatar, ChainOfEmpathy, Profile

CHAIN_FIELDS: Final = tuple(field.name for field in fields(ChainOfEmpathy))
CHAIN_LABELS: Final = {"speaker_emotion": EMOTIONS32, "response_emotion": EMOTIONS8}
MAX_CHAIN_CHARACTERS: Final = 200
BODY_FIELDS: Final = ("age", "gender", "race")  # what an avatar's face shows; tone is free


def split_pairs(text: str, what: str) -> dict[str, str]:
    """``a=b,c=d`` as a mapping. Raises InputError on anything else and on a repeated name."""
    pairs: dict[str, str] = {}
    for piece in text.split(","):
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not (name and equals and value):
            raise InputError(f"{what} {piece.strip()!r} is not FIELD=VALUE, as in age=elderly.")
        if name in pairs:
            raise InputError(f"{what}: {name} is given twice. Give it once.")
        pairs[name] = value
    return pairs


def check_profile_values(values: Mapping[str, object], what: str) -> dict[str, str]:
    """A checked partial profile; ``timbre`` (AvaMERG's word) is read as tone."""
    checked: dict[str, str] = {}
    for name, value in values.items():
        if name == "timbre" and isinstance(value, str) and value in TIMBRE_TO_TONE:
            name, value = "tone", TIMBRE_TO_TONE[value]
        if name not in PROFILE_FIELDS:
            raise InputError(unknown(f"{what} field", name, PROFILE_FIELDS))
        if not isinstance(value, str) or value.lower() not in PROFILE_FIELDS[name]:
            raise InputError(unknown(name, value, PROFILE_FIELDS[name]))
        checked[name] = value.lower()
    return checked


def parse_profile(text: str) -> dict[str, str]:
    """``age=elderly,tone=gentle`` as a checked partial profile. Raises InputError."""
    return check_profile_values(split_pairs(text, "--profile"), "profile")


def resolve_profile(
    wanted: Mapping[str, str], avatar: Avatar | None, default: Profile | None
) -> Profile | None:
    """Who replies: ``wanted`` over the avatar's profile over ``default``.

    None leaves the choice to the system. Raises InputError where ``wanted`` contradicts the
    avatar's age, gender or race; its tone may be changed.
    """
    if avatar is None:
        return replace(default or Profile(), **wanted) if wanted or default else None
    for name in BODY_FIELDS:
        has = getattr(avatar.profile, name)
        if wanted.get(name, has) != has:
            raise InputError(
                f"{name}={wanted[name]} contradicts avatar {avatar.id!r}, whose {name} is {has}. "
                f"Drop one of the two."
            )
    return replace(avatar.profile, **wanted)


def check_chain_value(name: str, value: str, what: str) -> str:
    """One field of a chain of empathy, tidied. Raises InputError."""
    if name in CHAIN_LABELS:
        if value.strip().lower() not in CHAIN_LABELS[name]:
            raise InputError(unknown(name, value.strip(), CHAIN_LABELS[name]))
        return value.strip().lower()
    text = clean_text(value, f"{what} {name}")
    if len(text) > MAX_CHAIN_CHARACTERS:
        raise InputError(
            f"{what} {name} has {len(text)} characters; {MAX_CHAIN_CHARACTERS} are allowed."
        )
    return text


def parse_chain(settings: Iterable[str]) -> dict[str, str]:
    """``["speaker_emotion=proud", ...]`` as checked chain fields. Raises InputError."""
    forced: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals:
            raise InputError(f"--set-chain {setting!r} is not FIELD=VALUE.")
        if name not in CHAIN_FIELDS:
            raise InputError(unknown("chain field", name, CHAIN_FIELDS))
        if name in forced:
            raise InputError(f"--set-chain: {name} is given twice. Give it once.")
        forced[name] = check_chain_value(name, value, "--set-chain")
    return forced


def profile_text(profile: Profile) -> str:
    """``age=young,gender=female,tone=mild,race=caucasian``."""
    return ",".join(f"{name}={value}" for name, value in asdict(profile).items())
