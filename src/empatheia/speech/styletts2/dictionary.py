"""Phonemes from the package's own dictionary, written as espeak writes them.

For machines without espeak-ng. It is close, not the same: weak forms and flaps are missing, so the
published weights, which learned espeak's writing, say it a little less well.
"""

from __future__ import annotations

from empatheia.speech.inventory import PAUSES, VOWELS, split_symbol
from empatheia.speech.lexicon import Lexicon
from empatheia.speech.phonemes import phonemize
from empatheia.types import Phoneme

_VOWELS = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜː",
    "EY": "eɪ", "IH": "ɪ", "IY": "iː", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "uː",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "ɚ", "IY": "i"}
_CONSONANTS = {
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_STRESS = ("", "ˈ", "ˌ")


class Dictionary:
    """A text -> symbols of the table; a callable like :class:`Espeak`."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """``lexicon``: the shipped one is loaded at the first use where None is given."""
        self._lexicon = lexicon

    def __call__(self, text: str) -> tuple[Phoneme, ...]:
        """Raises InputError where nothing can be said."""
        out: list[Phoneme] = []
        for sound in phonemize(text, self._lexicon):
            if sound.symbol in PAUSES:
                mark = "," if sound.symbol == "pau" else sound.symbol
                out += [Phoneme(" "), Phoneme(mark)]
                continue
            if out and out[-1].word != sound.word:
                out.append(Phoneme(" "))
            out += [Phoneme(s, sound.word, sound.emphasis) for s in ipa(sound.symbol)]
        return tuple(out)


def ipa(symbol: str) -> str:
    """One ARPAbet sound as espeak writes it, a stress mark before its vowel."""
    base, stress = split_symbol(symbol)
    if base not in VOWELS:
        return _CONSONANTS[base]
    plain = _UNSTRESSED.get(base, _VOWELS[base]) if stress == 0 else _VOWELS[base]
    return _STRESS[stress] + plain
