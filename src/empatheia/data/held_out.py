"""Which recordings ear, eye and senses may learn from, and which are kept for measuring them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from empatheia.errors import InputError
from empatheia.types import Profile

TRAIN_ACTORS: Final = range(1, 13)  # of RAVDESS
VALID_ACTORS: Final = range(13, 17)
TEST_ACTORS: Final = range(17, 21)
VOICES: Final = (
    ("young", "male", "gentle"), ("middle-aged", "female", "emphatic"),
    ("elderly", "female", "mild"), ("child", "male", "mild"),
)  # fmt: skip
FAINTEST: Final = 0.4  # intensity of a rendered emotion, at least
_WORDS = (4, 12)  # of a neutral sentence


def is_held_out(profile: Profile) -> bool:
    """Whether nothing is learned from voices of this age, gender and tone together."""
    return (profile.age, profile.gender, profile.tone) in VOICES


def neutral_texts(path: Path) -> list[str]:
    """Short neutral utterances of a MELD file, each once. Raises InputError."""
    if not path.is_file():
        raise InputError(f"no {path}: --data must hold meld/{path.name}")
    seen: dict[str, None] = {}
    with path.open(encoding="utf-8", errors="replace", newline="") as handle:
        for row in csv.DictReader(handle):
            text = row["Utterance"].replace("\x92", "'").strip()
            plain = text.isascii() and "!" not in text
            fits = _WORDS[0] <= len(text.split()) <= _WORDS[1]
            if row["Emotion"] == "neutral" and plain and fits:
                seen.setdefault(text)
    return list(seen)
