"""The 178 symbols of StyleTTS2 and their numbers: pad, punctuation, letters, IPA.

The apostrophe stands there twice; its number is the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

PAD: Final = "$"
MARKS: Final = ';:,.!?¡¿—…"«»“”'
_LATIN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IPA: Final = (
    "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃ"
    "ˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\u0329'ᵻ"
)
SYMBOLS: Final = (PAD, *MARKS, " ", *_LATIN, *_IPA)
STRESS: Final = "ˈˌ"


@lru_cache(maxsize=1)
def numbers() -> Mapping[str, int]:
    """Symbol -> its row in the embedding table."""
    return MappingProxyType({symbol: i for i, symbol in enumerate(SYMBOLS)})


def known(symbols: Iterable[str], table: Mapping[str, int] | None = None) -> list[str]:
    """The symbols that the table has; all others are left out, as the published code does."""
    table = numbers() if table is None else table
    return [symbol for symbol in symbols if symbol in table]
