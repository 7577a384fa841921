"""Rules for text that a person typed: what is tidied up, and what cannot be answered.

1. bytes must be UTF-8;
2. control, format and private characters are dropped, white space becomes single spaces;
3. something must be left, and not more than ``MAX_CHARACTERS``;
4. there must be at least one letter or digit (no reply to emoji or punctuation alone);
5. it must be English: most letters Latin, and not mostly function words of another language.

Rules 4 and 5 hold for what is to be answered, not for earlier turns of a dialogue. On the 84,165
utterances of EmpatheticDialogues' training file rule 5 refuses none.
"""

from __future__ import annotations

import re
import unicodedata
from typing import BinaryIO, Final

from empatheia.errors import InputError

MAX_CHARACTERS: Final = 4000

_FUNCTION_WORDS: Final = {
    "German": "ich und der die das nicht ist mir mich mein meine habe bin ein eine zu auf mit für "
    "dass wir sie er aber auch sehr war wurde von den dem wie so nur noch",
    "French": "je et le la les des est pas un une mon ma mes que qui dans pour avec sur suis ai "
    "nous vous il elle mais très été ce cette au du de",
    "Spanish": "yo y el la los las es no un una mi mis que de en por para con estoy muy pero se me "
    "ha he fue su lo como cuando hoy ayer esta",
    "Italian": "io e il la gli le è non un una mio mia che di in per con sono ho molto ma si mi "
    "ha stato del della anche quando come",
    "Portuguese": "eu e o a os as é não um uma meu minha que de em por para com estou muito mas "
    "se me foi do da quando como",
    "Dutch": "ik en de het een niet is mij mijn heb ben op met voor dat wij zij hij maar ook zeer "
    "was van naar er zo nog",
}  # fmt: skip
_ENGLISH_WORDS: Final = (
    "i and the a an is was are were not my me it that to of in for with on have had am be been but "
    "so this they he she we you his her our your at as do did just about when what who how if or "
    "no yes all very really too out up get got go because from by can will would could there"
)
_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_FOREIGN: Final = {
    name: frozenset(words.split()) - _ENGLISH for name, words in _FUNCTION_WORDS.items()
}


def tidy_text(text: str, what: str = "the text") -> str:
    """``text`` without control characters and with single spaces (rules 2 and 3).

    Raises InputError naming ``what`` and the rule.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{what} is not valid UTF-8 text. Save or send it as UTF-8.") from error
    kept = "".join(map(_tidy, unicodedata.normalize("NFC", text)))
    kept = re.sub(r"\s+", " ", kept).strip()
    if not kept:
        raise InputError(f"{what} is empty. Write what happened, in a sentence or two.")
    if len(kept) > MAX_CHARACTERS:
        raise InputError(
            f"{what} has {len(kept):,} characters; {MAX_CHARACTERS:,} are allowed. Shorten it."
        )
    return kept


def clean_text(text: str, what: str = "the text") -> str:
    """A tidied ``text`` that can be answered (rules 2 to 5). Raises InputError."""
    kept = tidy_text(text, what)
    if not any(character.isalnum() for character in kept):
        raise InputError(f"{what} has no words, only signs or emoji. Say it in a sentence.")
    language = other_language(kept)
    if language:
        raise InputError(f"{what} looks like {language}; only English is understood so far.")
    return kept


def _tidy(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\t\n\r\v\f\x85":
        return " "
    if character == "\u200d":  # joins emoji
        return character
    return "" if category in ("Cc", "Cf", "Cn", "Co", "Cs") else character


def other_language(text: str) -> str | None:
    """Name of the language or script when ``text`` is clearly not English, else None."""
    letters = [character for character in text if character.isalpha()]
    foreign = [letter for letter in letters if not _is_latin(letter)]
    if letters and len(foreign) * 2 > len(letters):
        script = unicodedata.name(foreign[0], "another").split()[0].capitalize()
        return f"{'Chinese' if script == 'Cjk' else script} script"
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    english = len(words & _ENGLISH)
    hits = {name: len(words & known) for name, known in _FOREIGN.items()}
    name = max(hits, key=lambda key: hits[key])
    accents = english == 0 and not all(letter.isascii() for letter in letters)
    if hits[name] >= (2 if accents else 3) and hits[name] > 2 * english:
        return name
    return None


def _is_latin(letter: str) -> bool:
    return letter.isascii() or "LATIN" in unicodedata.name(letter, "")


def read_text(stream: BinaryIO, what: str = "standard input") -> str:
    """All of a byte stream as text. Raises InputError where it is not UTF-8 or far too long."""
    limit = 8 * MAX_CHARACTERS
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise InputError(
            f"{what} has more than {limit:,} bytes; {MAX_CHARACTERS:,} characters are allowed."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what} is not valid UTF-8 (byte {error.start}). Save or send it as UTF-8."
        ) from error
