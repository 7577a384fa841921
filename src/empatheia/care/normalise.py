"""Brings different spellings of the same words together before the rules look at them.

Rules see lower case ASCII letters and digits with single spaces, no apostrophes ("dont"), and
sentence marks ``. ! ?``. What people do to letters (accents, look-alikes from other alphabets,
digits for letters, stars, spaces, repetition) is undone as far as it is safe.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

MAX_CHARACTERS = 20_000  # of one turn; of a longer one the beginning and the end are read

_LOOKALIKES = str.maketrans(
    "аеорсхуіјѕһԁԛԝкмтнвαοερικντυχ",
    "aeopcxyijshdqwkmthbaoepikvtux",
)
_LEET = str.maketrans("013457@$", "oieastas")

# Word-level misspellings seen often enough to matter; the right side is what the rules expect.
_SPELLINGS = {
    r"su+i?c+[iy]?d+(e|es|al|ally)": r"suicid\1",
    r"su[iy]s[iy]d(e|al)": r"suicid\1",
    r"suisc[iy]d(e|al)": r"suicid\1",
    r"sewer ?slid(e|al)": r"suicid\1",
    r"s[\W_]icid(e|al)": r"suicid\1",
    r"su[\W_]{1,2}cid(e|al)": r"suicid\1",
    r"sui[\W_]{1,3}d?(e|al)": r"suicid\1",
    r"k[\W_]ll(ed|ing|s|)": r"kill\1",
    r"ki[\W_]l(ed|ing|s|)": r"kill\1",
    r"k[il1]{1,2}l(ing)": r"kill\1",
    r"kil": "kill",
    r"d[*_#]e": "die",
    r"r[*_#4]pe(d|)": r"rape\1",
    r"mys+e?l+e?f+|mysef|mysel|meself|my ?self|my ?slef|myselv": "myself",
    r"him self|himslef|hisself|hiself": "himself",
    r"her self|herslef": "herself",
    r"them ?sel(?:f|ves)|themselfs": "themselves",
    r"wann?a|wnt to|wnat to|want too|wanna to|wanan|wana": "want to",
    r"gonn?a|gunna|goin to|finna|bout to|abt to|ima|imma": "going to",
    r"iam": "im",
    r"iwant": "i want",
    r"dnt|do not|don t": "dont",
    r"does not|doesn t": "doesnt",
    r"did not|didn t": "didnt",
    r"can ?not|can t|cnt": "cant",
    r"will not|won t": "wont",
    r"would not|wouldn t": "wouldnt",
    r"is not|isn t": "isnt",
    r"are not|aren t": "arent",
    r"was not|wasn t": "wasnt",
    r"have not|haven t": "havent",
    r"any ?more|nomore|no more|nemore": "anymore",
    r"i am|i m": "im",
    r"i have": "ive",
    r"he is": "hes",
    r"she is": "shes",
    r"they are": "theyre",
    r"we are": "were",
    r"w/o|wo": "without",
    r"hert|hrt": "hurt",
    r"liv": "live",
    r"hittin": "hitting",
    r"hitin": "hitting",
    r"cuttin|cuting": "cutting",
    r"killin|kiling": "killing",
    r"thinkin": "thinking",
    r"havin": "having",
    r"jumpin": "jumping",
    r"bleedin": "bleeding",
    r"dieing|dyin": "dying",
    r"breath(?= help| and| my| chest| pls|$)": "breathe",
    r"overdoze|over dose|o\.d\.": "overdose",
    r"unalived?": "kill",
    r"ppl": "people",
    r"bf": "boyfriend",
    r"gf": "girlfriend",
    r"mum|mom|mommy|mummy|mama|momma": "mother",
    r"dad|daddy|papa": "father",
    r"step ?(father|mother|brother)": r"step\1",
    r"grandma|granny|gran|nana": "grandmother",
    r"grandpa|granddad|grandad": "grandfather",
    r"ur": "your",
    r"u": "you",
    r"tonite|tonigt|2nite": "tonight",
    r"alot": "a lot",
    r"jus|jst": "just",
    r"suffring": "suffering",
}


@cache
def _spelling_rules() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(rf"(?<!\w)(?:{k})(?!\w)"), v) for k, v in _SPELLINGS.items()]


def fold(text: str) -> str:
    """Lower case, ASCII where a letter looks like one, no apostrophes, no invisible characters."""
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = text[:half] + " . " + text[-half:]
    text = unicodedata.normalize("NFKD", text).casefold().translate(_LOOKALIKES)
    kept = (c for c in text if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    text = "".join(kept)
    text = re.sub(r"(?<=\w)[’‘'`´ʼ′＇](?=\w|\s|$)", "", text)
    return re.sub(r"[‐-―−]", "-", text)


def _unmask_word(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LEET) if re.search(r"[a-z]{2}|^[a-z]\d[a-z]", word) else word


def normalise(text: str) -> tuple[str, ...]:
    """One or two readings of ``text`` in the letters that the rules expect.

    There are two where letters repeat ("killll", "dieeee"): doubled and single.
    """
    text = fold(text)
    text = re.sub(r"\b[a-z](?:[ .\-*_] {0,2}[a-z]\b){3,}", _join_spaced, text)
    text = re.sub(r"\b[a-z@$]+[0134579@$]+[a-z@$]+\b", _unmask_word, text)
    repeated = re.search(r"([a-z])\1{2,}", text) is not None
    counts = ("\\1\\1", "\\1") if repeated else ("\\1\\1",)
    return tuple(_respell(re.sub(r"([a-z])\1{2,}", c, text)) for c in counts)


def _join_spaced(match: re.Match[str]) -> str:
    """``k i l l`` becomes ``kill``; a wider gap between letters is a gap between words."""
    words = re.split(r"\s{2,}", match.group())
    return " ".join(re.sub(r"[ .\-*_]", "", word) for word in words)


def _respell(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    for pattern, replacement in _spelling_rules():
        text = pattern.sub(replacement, text)
    text = re.sub(r"\n|[;:]|\.{2,}", ". ", text)
    text = re.sub(r"[^a-z0-9.!?, ]", " ", text)
    return re.sub(r" +", " ", text).strip()
