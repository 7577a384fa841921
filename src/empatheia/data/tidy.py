"""Light correction of crowd-written replies before a model learns from them.

AvaMERG's release corrected ED's listener turns in the same spirit. Only what is safe without
understanding: capitals, apostrophes, spacing, doubled or missing end marks.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_CONTRACTIONS: Final = {
    "im": "I'm", "ive": "I've", "dont": "don't", "didnt": "didn't", "doesnt": "doesn't",
    "cant": "can't", "couldnt": "couldn't", "wouldnt": "wouldn't", "shouldnt": "shouldn't",
    "isnt": "isn't", "wasnt": "wasn't", "arent": "aren't", "werent": "weren't", "hasnt": "hasn't",
    "havent": "haven't", "hadnt": "hadn't", "thats": "that's", "whats": "what's", "youre": "you're",
    "theyre": "they're", "youve": "you've", "theres": "there's", "hes": "he's", "shes": "she's",
    "wont": "won't", "id": "I'd", "youll": "you'll", "theyll": "they'll", "itll": "it'll",
    "aint": "ain't", "lets": "let's", "alot": "a lot", "definately": "definitely",
    "definitly": "definitely", "awsome": "awesome", "thier": "their", "becuase": "because",
    "goin": "going", "u": "you", "ur": "your", "wierd": "weird", "beleive": "believe",
    "freind": "friend", "freinds": "friends", "i": "I", "i'm": "I'm", "i'll": "I'll",
    "i've": "I've", "i'd": "I'd", "tho": "though", "thru": "through", "hapened": "happened",
    "recieve": "receive", "recieved": "received", "alright": "all right", "ok": "okay",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z']+")
_HELPING = "is|are|was|were|did|do|does|have|has|had|can|could|will|would|should|happened"
_QUESTION = re.compile(  # "What happened", "Oh no, what movie was it"; not "What you did"
    rf"""(?:(?:oh|well|and|so|wow|no|yeah)\b[ ,!]*)*
    (?:(?:what|how|why|when|where|who|which)
       (?:[ ](?!(?:i|you|he|she|it|we|they|that|this|there|people|someone)\b)\w+)?[ ](?:{_HELPING})
     |(?:{_HELPING})[ ](?:you|he|she|it|they|we|your|there))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE = re.compile(r"(^|[.!?]\s+)([a-z])")


def tidy(text: str) -> str:
    """``text`` with capitals, apostrophes and end marks in place; one line, single spaces."""
    text = text.replace("`", "'").replace("’", "'")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.!?;:])", r"\1", text)
    text = re.sub(r"([,;:!?])(?=[A-Za-z])", r"\1 ", text)
    text = re.sub(r"([a-z]{2})\.(?=[A-Z][a-z])", r"\1. ", text)
    text = re.sub(r"\.{2,}", "...", text)
    text = re.sub(r"([!?,])\1+", r"\1", text)
    text = re.sub(r"[!?]*\?[!?]+", "?", text)
    text = _WORD.sub(_word, text)
    if text and text[-1] not in ".!?":
        text = text.rstrip(",;:-") + "."
    return asked(_SENTENCE.sub(lambda m: m[1] + m[2].upper(), text))


def asked(text: str) -> str:
    """``text`` with a question mark where its last sentence is a question that ends in a stop."""
    last = re.split(r"(?<=[.!?])\s+", text)[-1]
    stops = text.endswith(".") and not text.endswith("..")
    return text[:-1] + "?" if stops and _QUESTION.match(last) else text


def normal_form(text: str) -> str:
    """What two replies share that differ only in case, spacing or punctuation."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def fingerprint(text: str) -> int:
    """64 bits of the normal form, so that a set of replies can be kept without their words."""
    digest = hashlib.blake2b(normal_form(text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _word(match: re.Match[str]) -> str:
    word = match[0]
    fixed = (
        _CONTRACTIONS.get(word.lower()) if word.islower() or word in ("Im", "Id", "Ive") else None
    )
    if fixed is None and word[0].isupper() and word[1:].islower():
        lower = _CONTRACTIONS.get(word.lower())
        fixed = lower[0].upper() + lower[1:] if lower else None
    return fixed or word
