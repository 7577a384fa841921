"""What a drawn person looks like: numbers and colours, drawn from a seed within a profile.

Lengths are design units (the picture is 256 wide). The face is built around x = 128.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from empatheia.face.avatar.canvas import Colour, mix, rgb
from empatheia.types import Profile

AGES = ("child", "young", "middle-aged", "elderly")
GENDERS = ("male", "female")
RACES = ("asian", "caucasian", "african", "latino", "indian")


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that tells one head from another."""

    skin: Colour
    hair_colour: Colour
    iris: Colour
    lips: Colour
    cloth: Colour
    trim: Colour
    backdrop: tuple[Colour, Colour]
    hair: str = "side"
    beard: str = ""
    glasses: str = ""
    neckline: str = "crew"
    face_width: float = 52.0  # half, at the cheekbones
    jaw_width: float = 42.0
    chin_width: float = 15.0
    chin_y: float = 201.0
    eye_x: float = 25.0
    eye_y: float = 126.0
    eye_size: float = 14.5  # half width
    eye_open: float = 1.0
    eye_tilt: float = 0.0  # units that the outer corner is higher
    crease: float = 1.0
    lashes: float = 0.3
    brow_y: float = 106.0
    brow_thick: float = 5.0
    brow_arch: float = 3.0
    brow_colour: Colour = (0.2, 0.15, 0.1)
    nose_y: float = 155.0  # its tip
    nose_width: float = 11.0
    mouth_y: float = 172.5
    mouth_width: float = 20.0
    lip_upper: float = 4.6
    lip_lower: float = 6.4
    shoulders: float = 84.0
    neck: float = 27.0
    wrinkles: float = 0.0
    freckles: float = 0.0
    blush: float = 0.5
    ears: float = 1.0
    tuck: float = 0.0  # units that the shoulders come up to the chin
    earrings: bool = False
    seed: int = 0


SKIN = {
    "asian": ("f6d6b8", "efc8a2", "e6ba92"),
    "caucasian": ("f8d9c4", "f3cdb4", "ecc0a2"),
    "african": ("8d5a3c", "74472f", "a06a48", "5f3a28"),
    "latino": ("dba57c", "cf976c", "e3b48e"),
    "indian": ("bd845a", "a9714a", "c99067"),
}
HAIR = {
    "asian": ("1f1a1c", "2a2022", "33231f"),
    "caucasian": ("6b4226", "9a6a38", "c9995a", "4a2d1c", "a3512a"),
    "african": ("1c1513", "261a16", "2e1d17"),
    "latino": ("2c1b14", "3d251a", "50301e"),
    "indian": ("1b1414", "241917", "2f1f1a"),
}
IRIS = {
    "asian": ("4a2c1a", "3b2416"),
    "caucasian": ("4f7fa8", "5d8a5a", "6b4a2c", "6f8fa8"),
    "african": ("3a2214", "4a2c1a"),
    "latino": ("5a3a1e", "6b4a2a"),
    "indian": ("3f2615", "52321c"),
}
GREY = ("d9d6d2", "c2bfbc", "ece9e4", "a9a5a2")
CLOTH = (
    "3f6f8f",
    "c8553d",
    "5b8c5a",
    "e0a458",
    "7a5c86",
    "2f4858",
    "d98a8a",
    "4d7ea8",
    "8a6f5a",
    "e8e3d8",
    "466060",
    "b5654a",
)
BACKDROP = (
    ("f4dcc4", "e3b79a"),
    ("cfe3e2", "9fc4c6"),
    ("e6ddf0", "bfb0d8"),
    ("f6e7bd", "e6c884"),
    ("d7e7cf", "a9c79c"),
    ("f3d5d6", "dda9ad"),
    ("d3e0f0", "a3bcdc"),
    ("ece4da", "cdbda8"),
)
COVERS_EARS = ("long", "wavy", "bob")
STYLES = {
    ("child", "male"): ("bowl", "tousled", "side"),
    ("child", "female"): ("pigtails", "bob", "long"),
    ("young", "male"): ("quiff", "side", "tousled", "crop"),
    ("young", "female"): ("long", "bob", "bun", "ponytail", "wavy"),
    ("middle-aged", "male"): ("side", "crop", "quiff"),
    ("middle-aged", "female"): ("bob", "wavy", "bun", "long"),
    ("elderly", "male"): ("receding", "side", "crop"),
    ("elderly", "female"): ("short", "bun", "bob"),
}
COILY = {
    ("child", "male"): ("fade",),
    ("child", "female"): ("puffs", "afro"),
    ("young", "male"): ("fade", "afro"),
    ("young", "female"): ("afro", "puffs", "wavy"),
    ("middle-aged", "male"): ("fade",),
    ("middle-aged", "female"): ("afro", "bun"),
    ("elderly", "male"): ("fade",),
    ("elderly", "female"): ("afro",),
}


def look_for(profile: Profile, seed: int) -> Look:
    """Somebody of this age, gender and race; another seed is somebody else."""
    rng = np.random.default_rng(
        [seed, AGES.index(profile.age), GENDERS.index(profile.gender), RACES.index(profile.race)]
    )
    pick = lambda names: names[int(rng.integers(len(names)))]  # noqa: E731
    skin = rgb(pick(SKIN[profile.race]))
    hair = rgb(pick(HAIR[profile.race]))
    if profile.age == "elderly":
        hair = mix(rgb(pick(GREY)), hair, 0.10 if profile.race == "caucasian" else 0.2)
    elif profile.age == "middle-aged":
        hair = mix(hair, rgb("9a938c"), float(rng.uniform(0.0, 0.25)))
    styles = COILY if profile.race == "african" else STYLES
    cloth, backdrop = rgb(pick(CLOTH)), pick(BACKDROP)
    dark = 1 - (0.3 * skin[0] + 0.6 * skin[1] + 0.1 * skin[2])
    base = Look(
        skin=skin,
        hair_colour=hair,
        iris=rgb(pick(IRIS[profile.race])),
        lips=mix(
            (0.80, 0.38, 0.38), (skin[0] * 0.78, skin[1] * 0.60, skin[2] * 0.60), 0.36 + 0.38 * dark
        ),
        cloth=cloth,
        trim=mix(cloth, (1.0, 1.0, 1.0), 0.6),
        backdrop=(rgb(backdrop[0]), rgb(backdrop[1])),
        hair=pick(styles[(profile.age, profile.gender)]),
        neckline=pick(
            ("crew", "collar", "v", "hood")
            if profile.gender == "male"
            else ("crew", "scoop", "v", "collar")
        ),
        brow_colour=mix(hair, (0.16, 0.11, 0.09), 0.35)
        if profile.age != "elderly"
        else mix(hair, (0.36, 0.33, 0.31), 0.6),
        seed=seed,
    )
    for change in (_gender(profile), _race(profile, rng), _age(profile, rng)):
        base = replace(
            base, **{name: _changed(base, name, value) for name, value in change.items()}
        )
    wobble = {
        name: getattr(base, name) * float(1 + rng.normal(0, s)) for name, s in _VARIES.items()
    }
    glasses = pick(("round", "square")) if rng.random() < _GLASSES[profile.age] else ""
    beard = ""
    if profile.gender == "male" and profile.age != "child":
        beard = (
            pick(("", "", "stubble", "full", "short"))
            if profile.age != "elderly"
            else pick(("", "full", "moustache"))
        )
    earrings = profile.gender == "female" and profile.age != "child" and rng.random() < 0.5
    return replace(base, glasses=glasses, beard=beard, earrings=earrings, **wobble)


_GLASSES = {"child": 0.12, "young": 0.2, "middle-aged": 0.35, "elderly": 0.5}
_VARIES = {
    "face_width": 0.015, "jaw_width": 0.025, "chin_width": 0.06, "eye_size": 0.02, "eye_x": 0.015,
    "nose_width": 0.05, "mouth_width": 0.03, "lip_upper": 0.08, "lip_lower": 0.06,
    "brow_thick": 0.08, "brow_arch": 0.2,
}  # fmt: skip


def _changed(look: Look, name: str, value: Any) -> Any:
    """A plain value replaces; ``("*", x)`` multiplies and ``("+", x)`` adds."""
    if not isinstance(value, tuple):
        return value
    old = getattr(look, name)
    return old * value[1] if value[0] == "*" else old + value[1]


def _gender(profile: Profile) -> dict[str, Any]:
    if profile.gender == "female":
        return {
            "jaw_width": ("*", 0.92), "chin_width": ("*", 0.86), "eye_size": ("*", 1.06),
            "eye_open": ("*", 1.08), "lashes": 1.0, "brow_thick": ("*", 0.72),
            "brow_arch": ("*", 1.12), "nose_width": ("*", 0.88), "lip_upper": ("*", 1.12),
            "lip_lower": ("*", 1.1), "neck": ("*", 0.82), "shoulders": ("*", 0.87), "blush": 0.8,
            "brow_y": ("+", -0.5),
        }  # fmt: skip
    return {
        "jaw_width": ("*", 1.05), "chin_width": ("*", 1.12), "eye_open": ("*", 0.95),
        "brow_y": ("+", 1.0), "neck": ("*", 1.04), "brow_thick": ("*", 1.1),
    }  # fmt: skip


def _race(profile: Profile, rng: np.random.Generator) -> dict[str, Any]:
    spread = float(rng.uniform(0.97, 1.03))
    kinds: dict[str, dict[str, Any]] = {
        "asian": {
            "eye_tilt": 0.9,
            "crease": 0.45,
            "eye_open": ("*", 0.92),
            "nose_width": ("*", 0.98 * spread),
            "face_width": ("*", 1.01),
        },
        "caucasian": {"nose_width": ("*", 0.94 * spread), "freckles": float(rng.random() < 0.3)},
        "african": {
            "nose_width": ("*", 1.16 * spread),
            "lip_upper": ("*", 1.30),
            "lip_lower": ("*", 1.22),
            "mouth_width": ("*", 1.04),
        },
        "latino": {"lip_upper": ("*", 1.08), "nose_width": ("*", 1.02 * spread)},
        "indian": {
            "eye_size": ("*", 1.03),
            "nose_width": ("*", 1.0 * spread),
            "brow_thick": ("*", 1.12),
        },
    }
    return kinds[profile.race]


def _age(profile: Profile, rng: np.random.Generator) -> dict[str, Any]:
    young = {
        "child": {
            "face_width": ("*", 1.03), "jaw_width": ("*", 1.17), "chin_width": ("*", 1.32),
            "chin_y": ("+", -10.0), "eye_y": ("+", 7.0), "eye_size": ("*", 1.10),
            "eye_open": ("*", 1.12), "eye_x": ("*", 1.02), "brow_y": ("+", 6.0),
            "brow_thick": ("*", 0.72), "nose_y": ("+", -1.0), "nose_width": ("*", 0.78),
            "mouth_y": ("+", -2.5), "mouth_width": ("*", 0.82), "lip_upper": ("*", 0.82),
            "lip_lower": ("*", 0.85), "shoulders": ("*", 0.78), "neck": ("*", 0.84), "blush": 1.1,
            "earrings": 0.0, "tuck": 6.0,
        },
        "young": {},
        "middle-aged": {
            "wrinkles": float(rng.uniform(0.30, 0.42)), "eye_open": ("*", 0.95),
            "jaw_width": ("*", 1.04), "lip_upper": ("*", 0.92), "blush": ("*", 0.8),
        },
        "elderly": {
            "wrinkles": float(rng.uniform(0.8, 1.0)), "eye_open": ("*", 0.88),
            "jaw_width": ("*", 1.06), "lip_upper": ("*", 0.74), "lip_lower": ("*", 0.82),
            "lashes": ("*", 0.5), "ears": 1.12, "nose_width": ("*", 1.06), "nose_y": ("+", 1.5),
            "brow_thick": ("*", 0.95), "blush": ("*", 0.7), "shoulders": ("*", 0.95),
        },
    }  # fmt: skip
    return young[profile.age]
