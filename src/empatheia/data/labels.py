"""Vocabularies: emotions, profiles and the maps between label sets.

Sources: EmpatheticDialogues (Rashkin et al. 2019) for the 32 labels; the AvaMERG paper, sections
3.2-3.3, for profiles and the seven coarse emotions; the released AvaMERG baseline for the
32-to-7 map named ``avamerg`` and for ``timbre``, its word for tone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from empatheia.errors import InputError, unknown
from empatheia.types import Profile

EMOTIONS32: Final = (
    "afraid", "angry", "annoyed", "anticipating", "anxious", "apprehensive", "ashamed", "caring",
    "confident", "content", "devastated", "disappointed", "disgusted", "embarrassed", "excited",
    "faithful", "furious", "grateful", "guilty", "hopeful", "impressed", "jealous", "joyful",
    "lonely", "nostalgic", "prepared", "proud", "sad", "sentimental", "surprised", "terrified",
    "trusting",
)  # fmt: skip

EMOTIONS8: Final = (
    "happy", "sad", "angry", "fear", "surprised", "disgusted", "contempt", "neutral",
)  # fmt: skip

AGES: Final = ("child", "young", "middle-aged", "elderly")
GENDERS: Final = ("male", "female")
TONES: Final = ("emphatic", "mild", "gentle")
RACES: Final = ("asian", "caucasian", "african", "latino", "indian")

TIMBRE_TO_TONE: Final = {"high": "emphatic", "mid": "mild", "low": "gentle"}

_SEVEN: Final = {
    "happy": "excited proud grateful hopeful confident anticipating joyful prepared content "
    "caring trusting faithful",
    "sad": "sad disappointed lonely guilty anxious nostalgic embarrassed sentimental ashamed",
    "angry": "angry annoyed furious",
    "fear": "afraid terrified apprehensive",
    "surprised": "surprised impressed devastated",
    "disgusted": "disgusted",
    "contempt": "jealous",
}

AVAMERG_32_TO_7: Final = {
    fine: coarse for coarse, fines in _SEVEN.items() for fine in fines.split()
}

# Which side a speaker's feeling is on; what is neither (caring, nostalgic, surprised ...) is left
# out. Made for this project: a listener who is warm towards an unhappy speaker is not happy.
_PLEASANT: Final = (
    "confident content excited grateful hopeful impressed joyful prepared proud trusting"
)
_UNPLEASANT: Final = (
    "afraid angry annoyed anxious apprehensive ashamed devastated disappointed disgusted "
    "embarrassed furious guilty jealous lonely sad terrified"
)
PLEASANT32: Final = frozenset(_PLEASANT.split())
UNPLEASANT32: Final = frozenset(_UNPLEASANT.split())

PROFILE_FIELDS: Final = {"age": AGES, "gender": GENDERS, "tone": TONES, "race": RACES}


@dataclass(frozen=True, slots=True)
class Feeling:
    """What one utterance expresses: one of the eight keys, and the fine label that folds to it.

    ``emotion`` is None where no fine label says it: none of the 32 is neutral.
    """

    emotion8: str
    emotion: str | None = None

    @classmethod
    def of(cls, label: str) -> Feeling:
        """From one of the 32, or ``neutral``."""
        return cls(label) if label == "neutral" else cls(AVAMERG_32_TO_7[label], label)


def check_profile(profile: Profile) -> Profile:
    """Return ``profile`` unchanged, or raise InputError naming the field and its values."""
    for name, allowed in PROFILE_FIELDS.items():
        value = getattr(profile, name)
        if value not in allowed:
            raise InputError(unknown(name, value, allowed))
    return profile


def check_emotion8(emotion: str) -> str:
    if emotion not in EMOTIONS8:
        raise InputError(unknown("emotion", emotion, EMOTIONS8))
    return emotion


def fold8(probabilities: Mapping[str, float]) -> dict[str, float]:
    """A distribution over the 32 labels as one over the eight keys, by the map ``avamerg``.

    ``neutral`` stays 0: none of the 32 is.
    """
    out = dict.fromkeys(EMOTIONS8, 0.0)
    for label, share in probabilities.items():
        out[AVAMERG_32_TO_7[label]] += share
    return out
