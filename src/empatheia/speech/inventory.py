"""The sounds that the voice knows: ARPAbet with stress digits, and pauses named by their mark."""

from __future__ import annotations

from typing import Final

VOWELS: Final = (
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
)  # fmt: skip
CONSONANTS: Final = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T",
    "TH", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
PAUSES: Final = ("pau", ",", ".", "?", "!")
BASES: Final = (*PAUSES, *VOWELS, *CONSONANTS)
SYMBOLS: Final = frozenset(
    (*PAUSES, *CONSONANTS, *(vowel + digit for vowel in VOWELS for digit in "012"))
)
BASE_NUMBER: Final = {base: i + 1 for i, base in enumerate(BASES)}  # 0 is padding


def split_symbol(symbol: str) -> tuple[str, int]:
    """``"AH0" -> ("AH", 0)``; consonants and pauses have stress 0."""
    return (symbol[:-1], int(symbol[-1])) if symbol[-1] in "012" else (symbol, 0)
