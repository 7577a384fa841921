"""English text -> ARPAbet phonemes with stress, emphasis and pauses. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from empatheia.errors import InputError
from empatheia.speech.inventory import PAUSES, VOWELS
from empatheia.speech.lexicon import Lexicon, Sounds
from empatheia.speech.normalise import SpokenWord, spoken_words
from empatheia.types import Phoneme

MAX_CHARACTERS = 1200  # of one sentence; speech.sentences.split cuts longer texts
_LETTER_NAMES = {"a.": ("EY1",), "w.": ("D", "AH1", "B", "AH0", "L", "Y", "UW0")}
_VOWEL_BASES = frozenset(VOWELS)

# Words spelled alike and said differently: usual sounds, other sounds, words before the other.
_HOMOGRAPHS = {
    row[0]: (row[1], row[2], frozenset(row[3].split()))
    for row in (
        ("read", "R IY1 D", "R EH1 D", "have has had i've you've we've they've was were been"),
        ("lead", "L IY1 D", "L EH1 D", "of like heavy"),
        ("live", "L IH1 V", "L AY1 V", "a the some going"),
        ("close", "K L OW1 S", "K L OW1 Z", "to will can can't please i'll we'll they'll they"),
        ("use", "Y UW1 Z", "Y UW1 S", "the no any of what's some"),
        ("tear", "T IH1 R", "T EH1 R", "to will can don't"),
        ("wind", "W IH1 N D", "W AY1 N D", "to"),
        ("bow", "B OW1", "B AW1", "to deep"),
        ("record", "R EH1 K ER0 D", "R AH0 K AO1 R D", "to will i'll"),
        ("object", "AA1 B JH EH0 K T", "AH0 B JH EH1 K T", "to will would i'd"),
        ("present", "P R EH1 Z AH0 N T", "P R AH0 Z EH1 N T", "to will i'll"),
        ("project", "P R AA1 JH EH0 K T", "P R AH0 JH EH1 K T", "to will"),
        ("excuse", "IH0 K S K Y UW1 Z", "IH0 K S K Y UW1 S", "an the no any good my your"),
        ("abuse", "AH0 B Y UW1 Z", "AH0 B Y UW1 S", "the of and an domestic verbal drug"),
        ("content", "K AH0 N T EH1 N T", "K AA1 N T EH0 N T", "the of any this online"),
        ("graduate", "G R AE1 JH AH0 W AH0 T", "G R AE1 JH AH0 W EY2 T", "to will didn't i'll"),
        ("separate", "S EH1 P R AH0 T", "S EH1 P ER0 EY2 T", "to will"),
        ("minute", "M IH1 N AH0 T", "M IH1 N AH0 T", ""),
    )
}


def phonemize(text: str, lexicon: Lexicon | None = None) -> tuple[Phoneme, ...]:
    """Phonemes of one sentence; ``word`` counts ``text.split()``; ends with a pause.

    Raises InputError where the text is too long for one sentence or nothing in it can be said in
    English (no words, other alphabets, punctuation only).
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"a sentence of {len(text)} characters is too long to be spoken at once: give at most "
            f"{MAX_CHARACTERS}, or cut it with empatheia.speech.sentences.split"
        )
    words = spoken_words(text)
    lexicon = lexicon or Lexicon.load()
    phonemes = list(_sounds(words, lexicon))
    if not any(p.word >= 0 for p in phonemes):
        raise InputError(
            f"nothing can be spoken in {_shown(text)}: give English words in Latin letters"
        )
    if phonemes[-1].symbol not in PAUSES:
        phonemes.append(Phoneme("."))
    return tuple(phonemes)


def _sounds(words: Sequence[SpokenWord], lexicon: Lexicon) -> list[Phoneme]:
    out: list[Phoneme] = []
    for i, word in enumerate(words):
        after = words[i + 1] if i + 1 < len(words) else None
        before = words[i - 1].text if i and not words[i - 1].mark else ""
        sounds = _word(word, before, after, lexicon)
        out += [Phoneme(sound, word.token, word.emphasis) for sound in sounds]
        if word.mark and out:
            out.append(Phoneme(word.mark))
    if out and out[-1].symbol == ",":
        out[-1] = Phoneme(".")
    return out


def _word(word: SpokenWord, before: str, after: SpokenWord | None, lexicon: Lexicon) -> Sounds:
    text = word.text
    if text.endswith((".", ".s")) and len(text) in (2, 3):
        letter = _LETTER_NAMES.get(text[:2]) or lexicon.strong(text[0])
        return (*letter, "Z") if text.endswith("s") else letter
    if text == "the" and after is not None and not word.mark:
        vowel = lexicon.sounds(after.text.rstrip("."))[:1]
        return ("DH", "IY0") if vowel and vowel[0][:2] in _VOWEL_BASES else ("DH", "AH0")
    if text in _HOMOGRAPHS:
        usual, other, triggers = _HOMOGRAPHS[text]
        return tuple((other if before in triggers else usual).split())
    if word.emphasis or word.mark in (".", "?", "!"):
        return lexicon.strong(text)
    return lexicon.sounds(text)


def _shown(text: str) -> str:
    short = " ".join(text.split())
    return repr(short if len(short) <= 40 else short[:37] + "...")
