"""How words are pronounced: the CMU Pronouncing Dictionary, then word building, then a network.

The dictionary (BSD, Carnegie Mellon University) is packed with the letter-to-sound network into one
weight file by ``empatheia train voice-lexicon``; nothing is fetched at run time.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from empatheia import hub
from empatheia.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

FILE = "voice-lexicon.safetensors"
Sounds = tuple[str, ...]
_VOICELESS = frozenset(("P", "T", "K", "F", "TH"))
_HISSING = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))

_DRAWN = re.compile(r"(.)\1{2,}")

# Names and words of everyday messages that the dictionary lacks or says otherwise.
_EXTRA = {
    "covid": "K OW1 V IH0 D", "omg": "OW1 M AY1 G AA1 D", "haha": "HH AA1 HH AA0",
    "hehe": "HH IY1 HH IY0", "selfie": "S EH1 L F IY0", "emoji": "IH0 M OW1 JH IY0",
    "hmm": "HH AH1 M", "hm": "HH AH1 M", "mm": "M AH1 M", "ugh": "AH1 G", "aw": "AO1", "aww": "AO1",
    "awww": "AO1", "ooh": "UW1", "oof": "UW1 F", "yay": "Y EY1", "yeah": "Y AE1", "wow": "W AW1",
    "uh": "AH1", "um": "AH1 M", "eh": "EH1", "ew": "IY1 UW0", "shh": "SH AH1", "phew": "F Y UW1",
    "empathetic": "EH2 M P AH0 TH EH1 T IH0 K", "okay": "OW2 K EY1", "ok": "OW2 K EY1",
    "adhd": "EY1 D IY1 EY1 CH D IY1", "covid's": "K OW1 V IH0 D Z", "blog": "B L AO1 G",
    "miz": "M IH1 Z", "n'": "AH0 N", "'til": "T IH1 L", "'em": "AH0 M", "'cause": "K AH0 Z",
}  # fmt: skip

# Words that sentences weaken; the dictionary gives the strong form.
_WEAK = {
    "to": "T AH0", "of": "AH0 V", "and": "AH0 N D", "a": "AH0", "an": "AH0 N", "the": "DH AH0",
    "for": "F AO1 R", "from": "F R AH1 M", "at": "AE1 T", "that": "DH AE1 T", "was": "W AA1 Z",
    "or": "AO1 R", "as": "AE1 Z", "can": "K AE1 N", "your": "Y AO1 R", "you're": "Y AO1 R",
}  # fmt: skip


def pack(dictionary: str) -> Tensor:
    """Dictionary text (lines "word S OUN1 DS") -> compressed bytes as a tensor."""
    import torch

    packed = lzma.compress(dictionary.encode("ascii"), preset=9)
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8).clone()


class Lexicon:
    """Pronunciations by word, with ways to build the unknown ones."""

    def __init__(
        self, entries: Mapping[str, str], sound_out: Callable[[str], Sounds] | None = None
    ) -> None:
        """``entries``: lower-case word -> sounds separated by spaces."""
        self._entries = {**entries, **_EXTRA}
        self._sound_out = sound_out

    @classmethod
    def load(cls, path: Path | None = None) -> Lexicon:
        """The shipped lexicon. Raises WeightsError."""
        return _load(path or hub.shipped(FILE))

    def __contains__(self, word: str) -> bool:
        return word in self._entries

    def sounds(self, word: str) -> Sounds:
        """Sounds of a lower-case word; empty only for a word without letters."""
        if word in _WEAK:
            return tuple(_WEAK[word].split())
        return self._find(word) or self._squeezed(word) or self._compound(word) or self._guess(word)

    def strong(self, word: str) -> Sounds:
        """As :meth:`sounds`, without weakening."""
        if word == "a":
            return ("EY1",)
        return self._find(word) or self.sounds(word)

    def _find(self, word: str) -> Sounds:
        found = self._entries.get(word)
        return tuple(found.split()) if found else self._inflected(word)

    def _inflected(self, word: str) -> Sounds:
        """Endings on known words: 's, s, es, ed, ing, ly, er, n't, un-, re-."""
        if word.endswith("'s") or word.endswith("s'"):
            return plural(self._find(word[:-2])) if word.endswith("'s") else self._find(word[:-1])
        for prefix, sounds in (("un", ("AH0", "N")), ("re", ("R", "IY0"))):
            rest = self._entries.get(word.removeprefix(prefix))
            if word.startswith(prefix) and rest and len(word) > len(prefix) + 2:
                return (*sounds, *rest.split())
        for ending, build in _ENDINGS:
            if not word.endswith(ending) or len(word) < len(ending) + 3:
                continue
            for stem in _stems(word[: -len(ending)], ending):
                found = self._entries.get(stem)
                if found:
                    return build(tuple(found.split()))
        return ()

    def _squeezed(self, word: str) -> Sounds:
        """Letters drawn out for feeling: "sooo", "nooo", "yesss"."""
        if not _DRAWN.search(word):
            return ()
        return self._find(_DRAWN.sub(r"\1", word)) or self._find(_DRAWN.sub(r"\1\1", word))

    def _compound(self, word: str) -> Sounds:
        for cut in range(len(word) - 3, 2, -1):
            left, right = self._entries.get(word[:cut]), self._entries.get(word[cut:])
            if left and right and min(cut, len(word) - cut) >= 4:
                return (*left.split(), *right.replace("1", "2").split())
        return ()

    def _guess(self, word: str) -> Sounds:
        if self._sound_out is None:
            return tuple(s for letter in word for s in self._entries.get(letter, "").split())
        return self._sound_out(word)


def plural(stem: Sounds) -> Sounds:
    """S, Z or IH0 Z after the last sound."""
    if not stem:
        return ()
    if stem[-1] in _HISSING:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def past(stem: Sounds) -> Sounds:
    """T, D or IH0 D after the last sound."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in _VOICELESS | {"S", "SH", "CH"} else "D")


def _stems(stem: str, ending: str) -> tuple[str, ...]:
    doubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
    if ending in ("s", "ly", "ness", "less", "ful"):
        return (stem, stem[:-1] + "y") if stem.endswith("i") else (stem,)
    return (stem, stem + "e", doubled, stem[:-1] + "y" if stem.endswith("i") else stem)


_ENDINGS: tuple[tuple[str, Callable[[Sounds], Sounds]], ...] = (
    ("es", plural), ("s", plural), ("ed", past),
    ("ing", lambda s: (*s, "IH0", "NG")), ("in'", lambda s: (*s, "IH0", "N")),
    ("ly", lambda s: (*s, "L", "IY0")), ("er", lambda s: (*s, "ER0")),
    ("ness", lambda s: (*s, "N", "AH0", "S")), ("less", lambda s: (*s, "L", "AH0", "S")),
    ("ful", lambda s: (*s, "F", "AH0", "L")), ("est", lambda s: (*s, "AH0", "S", "T")),
    ("able", lambda s: (*s, "AH0", "B", "AH0", "L")), ("n't", lambda s: (*s, "AH0", "N", "T")),
    ("'ll", lambda s: (*s, "AH0", "L")), ("'d", past), ("'ve", lambda s: (*s, "AH0", "V")),
    ("'re", lambda s: (*s, "ER0")),
)  # fmt: skip


@lru_cache(maxsize=2)
def _load(path: Path) -> Lexicon:
    from empatheia.speech.letters import from_tensors

    weights = hub.load(path)
    if weights.meta.get("kind") != "voice-lexicon":
        raise WeightsError(f"{path} is no lexicon: it says {weights.meta.get('kind')!r}")
    text = lzma.decompress(weights.tensors["dictionary"].numpy().tobytes()).decode("ascii")
    entries = dict(line.split(" ", 1) for line in text.splitlines())
    prefix = "letters."
    network = from_tensors(
        {k.removeprefix(prefix): v for k, v in weights.tensors.items() if k.startswith(prefix)}
    )
    return Lexicon(entries, lru_cache(maxsize=4096)(network.sound_out))
