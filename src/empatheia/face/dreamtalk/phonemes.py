"""StyleTalk's 41 phonemes, from ARPAbet or from the IPA characters that StyleTTS2 speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from empatheia.types import TimedPhoneme

PHONEMES: Final = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
    "IH", "IY", "JH", "K", "L", "M", "N", "NG", "NSN", "OW", "OY", "P", "R", "S", "SH", "SIL", "T",
    "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
_NUMBER: Final = {name: i for i, name in enumerate(PHONEMES)}
SILENT: Final = _NUMBER["SIL"]
# two characters in a row that are one sound
_PAIRS: Final = {
    "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "tʃ": "CH", "dʒ": "JH",
}  # fmt: skip
_SINGLE: Final = {
    "ɑ": "AA", "a": "AA", "ɐ": "AH", "ɒ": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ᵊ": "AH",
    "ɔ": "AO", "b": "B", "ʧ": "CH", "d": "D", "ð": "DH", "ɛ": "EH", "e": "EY", "ɜ": "ER",
    "ɚ": "ER", "ɝ": "ER", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH",
    "i": "IY", "ʤ": "JH", "k": "K", "x": "K", "l": "L", "ɫ": "L", "m": "M", "n": "N", "ŋ": "NG",
    "o": "OW", "p": "P", "ɹ": "R", "r": "R", "ɾ": "T", "s": "S", "ʃ": "SH", "t": "T", "ʔ": "T",
    "θ": "TH", "ʊ": "UH", "u": "UW", "v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH",
    "A": "EY", "I": "AY", "W": "AW", "Y": "OY", "O": "OW", "Q": "OW",
}  # fmt: skip
_LENGTH = ("ː", "ˑ")  # belongs to the sound before it
_STRESS = ("ˈ", "ˌ")  # belongs to the sound behind it


def numbers_of(symbols: Sequence[str]) -> list[int]:
    """A phoneme number for each symbol; what is no sound is silence."""
    out: list[int | None] = []
    for place, symbol in enumerate(symbols):
        plain = symbol.rstrip("012")
        before = symbols[place - 1] if place else ""
        behind = symbols[place + 1] if place + 1 < len(symbols) else ""
        if len(plain) > 1 or symbol != plain:
            out.append(_NUMBER.get(plain, SILENT))
        elif symbol in _LENGTH and out:
            out.append(out[-1])
        elif symbol in _STRESS:
            out.append(None)
        elif symbol in _SINGLE:
            name = _PAIRS.get(symbol + behind) or _PAIRS.get(before + symbol) or _SINGLE[symbol]
            out.append(_NUMBER[name])
        else:
            out.append(_NUMBER.get(symbol, SILENT))
    known, found = SILENT, []
    for number in reversed(out):  # a stress mark already shows the sound behind it
        known = known if number is None else number
        found.append(known)
    return found[::-1]


def numbers_at(phonemes: Sequence[TimedPhoneme], frames: int, fps: int) -> list[int]:
    """The phoneme in the middle of each frame; silence where nothing is said."""
    numbers = numbers_of([p.symbol for p in phonemes])
    out, place = [], 0
    for frame in range(frames):
        now = (frame + 0.5) / fps
        while place < len(phonemes) and phonemes[place].end <= now:
            place += 1
        said = place < len(phonemes) and phonemes[place].start <= now
        out.append(numbers[place] if said else SILENT)
    return out
