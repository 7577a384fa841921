"""The plan of emotions and profiles, and the table of mean styles that came out of it.

The plan says, in terms of :class:`Variation`, how each profile differs from a teacher voice and how
each emotion moves that profile. Emotions are the medians of real actors (``emotions.json``, written
by ``empatheia evaluate actors``). Contempt was not acted there: lower pitch, narrower range, slower
and softer with a pressed voice, after the ranges of Banse and Scherer (1996) and Juslin and Laukka
(2003). Training renders the plan, hears it with the style encoder and keeps the means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, TONES, check_emotion8, check_profile
from empatheia.errors import InputError
from empatheia.speech.world.variation import Variation
from empatheia.types import Profile

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

LEVELS = (0.5, 1.0)  # intensities that the table holds; 0 is neutral
EXPRESSIVE = tuple(e for e in EMOTIONS8 if e != "neutral")


@dataclass(frozen=True, slots=True)
class Speaker:
    """A teacher voice and how a profile differs from it. ``pitch`` is the mean F0 in Hz."""

    teachers: tuple[str, ...]
    pitch: float
    change: Variation


_WOMEN, _MEN = ("slt", "slt-hts"), ("rms",)
# Mean F0 after Titze (1994) and Stathopoulos et al. (2011): children high, old men rise, old women
# fall; formants move with the length of the vocal tract, within what stays intelligible.
_SPEAKERS = {
    ("child", "female"): Speaker(_WOMEN, 255.0, Variation(formants=1.02, rate=1.05, tilt=1.2)),
    ("child", "male"): Speaker(
        _WOMEN, 232.0, Variation(formants=0.99, rate=1.02, tilt=0.5, breath=-0.3)
    ),
    ("young", "female"): Speaker(_WOMEN, 205.0, Variation(rate=1.03, tilt=0.7)),
    ("young", "male"): Speaker(_MEN, 122.0, Variation(formants=1.03, rate=1.05)),
    ("middle-aged", "female"): Speaker(
        _WOMEN, 178.0, Variation(formants=0.95, rate=0.97, tilt=0.4)
    ),
    ("middle-aged", "male"): Speaker(_MEN, 98.0, Variation(formants=0.96, rate=0.98)),
    ("elderly", "female"): Speaker(
        _WOMEN, 158.0, Variation(formants=0.92, rate=0.88, breath=0.2, tilt=-0.2, span=1.25)
    ),
    ("elderly", "male"): Speaker(
        ("awb",), 136.0, Variation(formants=0.97, rate=0.9, breath=0.2, tilt=-0.2, span=1.25)
    ),
}
_TONES = {
    "emphatic": Variation(pitch=1.05, span=1.35, rate=1.05, energy=2.5, tilt=0.8, breath=-0.3),
    "mild": Variation(),
    "gentle": Variation(pitch=0.97, span=0.8, rate=0.95, energy=-2.5, tilt=-0.4, breath=0.15),
}
_CONTEMPT = Variation(
    pitch=0.94, span=0.85, rate=0.94, energy=-1.0, tilt=0.4, breath=-0.25
)  # at full intensity; nobody acted it in the measured recordings
# Quality that the five measured numbers do not show: afraid and sad voices breathe more.
_BREATH = {"sad": 0.1, "fear": 0.1, "angry": -0.35, "happy": -0.1, "disgusted": -0.25,
           "surprised": 0.0}  # fmt: skip
# Share of an actor's change of rate that is done, on a logarithmic scale: more costs words.
_RATE_SHARE = 0.5


@lru_cache(maxsize=1)
def actors() -> Mapping[str, Mapping[str, Mapping[str, list[float]]]]:
    """Emotion -> normal or strong -> effect -> [median, lower quartile, upper quartile]."""
    text = files("empatheia.speech.world").joinpath("emotions.json").read_text(encoding="utf-8")
    effects: Mapping[str, Mapping[str, Mapping[str, list[float]]]] = json.loads(text)["effects"]
    return effects


def emotion_change(emotion: str, level: float) -> Variation:
    """How an emotion at a level of the table (0.5 or 1) moves any voice."""
    if emotion == "neutral":
        return Variation()
    if emotion == "contempt":
        return scaled(_CONTEMPT, level)
    measured = actors()[emotion]["normal" if level < 0.75 else "strong"]
    value = {name: rows[0] for name, rows in measured.items()}
    return Variation(
        pitch=_within(value["pitch"], 0.75, 1.6),
        span=_within(value["span"], 0.5, 1.9),
        rate=value["rate"] ** _RATE_SHARE,
        energy=_within(value["energy"], -6.0, 20.0),
        tilt=_within(value["tilt"], -1.5, 2.0),
        breath=_BREATH[emotion] * level,
    )


def scaled(change: Variation, by: float) -> Variation:
    """A part of a change: ratios are raised to the power, differences multiplied."""
    return Variation(
        change.pitch**by, change.span**by, change.formants**by, change.rate**by,
        change.energy * by, change.tilt * by, change.breath * by,
    )  # fmt: skip


def joined(a: Variation, b: Variation) -> Variation:
    """One change after another."""
    return Variation(
        a.pitch * b.pitch, a.span * b.span, a.formants * b.formants, a.rate * b.rate,
        a.energy + b.energy, a.tilt + b.tilt, max(-0.6, min(0.6, a.breath + b.breath)),
    )  # fmt: skip


def plan(emotion: str, level: float, profile: Profile) -> tuple[Speaker, Variation]:
    """Whose voice to start from, and the whole change (``pitch`` relative to the speaker's)."""
    speaker = _SPEAKERS[profile.age, profile.gender]
    change = joined(joined(speaker.change, _TONES[profile.tone]), emotion_change(emotion, level))
    return speaker, change


def profiles() -> list[Profile]:
    """The 24 voices, in the order of the table."""
    return [Profile(age, gender, tone) for age in AGES for gender in GENDERS for tone in TONES]


class StyleTable:
    """Mean styles: (24 profiles, 7 emotions, 2 levels, style) and (24 profiles, style) neutral."""

    def __init__(self, expressive: Tensor, neutral: Tensor) -> None:
        self._expressive, self._neutral = expressive, neutral
        self._row = {(p.age, p.gender, p.tone): i for i, p in enumerate(profiles())}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> StyleTable:
        """Raises KeyError where a file has no ``styles.expressive`` and ``styles.neutral``."""
        return cls(tensors["styles.expressive"].float(), tensors["styles.neutral"].float())

    @classmethod
    def random(cls, style_dim: int) -> StyleTable:
        shape = (len(profiles()), len(EXPRESSIVE), len(LEVELS), style_dim)
        return cls(torch.randn(shape), torch.randn(shape[0], style_dim))

    def tensors(self) -> dict[str, Tensor]:
        return {"expressive": self._expressive, "neutral": self._neutral}

    def find(self, emotion: str, intensity: float, profile: Profile) -> Float[Tensor, " style"]:
        """Linear between neutral, half and full intensity; of unit scale as the encoder's are."""
        check_emotion8(emotion)
        check_profile(profile)
        if not 0.0 <= intensity <= 1.0:
            raise InputError(f"intensity {intensity} is outside [0, 1]")
        row = self._row[profile.age, profile.gender, profile.tone]
        neutral = self._neutral[row]
        if emotion == "neutral":
            style = neutral
        else:
            half, full = self._expressive[row, EXPRESSIVE.index(emotion)]
            if intensity <= LEVELS[0]:
                style = torch.lerp(neutral, half, intensity / LEVELS[0])
            else:
                style = torch.lerp(half, full, (intensity - LEVELS[0]) / (LEVELS[1] - LEVELS[0]))
        return F.layer_norm(style, style.shape)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
