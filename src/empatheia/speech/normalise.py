"""Written text -> the words that are said: numbers, money, dates, times, abbreviations, chat.

Words keep the number of the token (``text.split()``) that they come from, the emphasis that the
writing gives them, and the pause mark that follows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from empatheia.speech.figures import MONTH_ABBREVIATIONS, Near, say_figures
from empatheia.speech.numbers import cardinal, digits


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """``text`` is lower case; one letter followed by a dot (``"b."``) is said as a letter."""

    text: str
    token: int
    emphasis: float = 0.0
    mark: str = ""  # one of "", ",", ".", "?", "!"


_ABBREVIATIONS = {
    "dr": "doctor", "mr": "mister", "mrs": "missus", "ms": "miz", "st": "saint", "jr": "junior",
    "sr": "senior", "prof": "professor", "vs": "versus", "etc": "et cetera", "eg": "for example",
    "ie": "that is", "approx": "approximately", "dept": "department", "apt": "apartment",
    "ave": "avenue", "blvd": "boulevard", "no": "number", "inc": "incorporated", "mt": "mount",
    "gov": "governor", "gen": "general", "sgt": "sergeant", "capt": "captain", "lt": "lieutenant",
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december", "mon": "monday", "tue": "tuesday", "tues": "tuesday",
    "wed": "wednesday", "thu": "thursday", "thurs": "thursday", "fri": "friday", "sat": "saturday",
    "sun": "sunday", "min": "minutes", "hr": "hour", "hrs": "hours", "yr": "year", "yrs": "years",
    "lb": "pound", "lbs": "pounds", "oz": "ounces", "ft": "feet",
}  # fmt: skip
_NEEDS_DOT = frozenset(("no", "mar", "sun", "sat", "mon", "wed", "min", "gen", "gov", "st", "inc"))

_CHAT = {
    "dont": "don't", "didnt": "didn't", "doesnt": "doesn't", "isnt": "isn't", "wasnt": "wasn't",
    "cant": "can't", "wont": "won't", "wouldnt": "wouldn't", "couldnt": "couldn't",
    "shouldnt": "shouldn't", "havent": "haven't", "hasnt": "hasn't", "hadnt": "hadn't",
    "arent": "aren't", "werent": "weren't", "aint": "ain't", "im": "i'm", "ive": "i've",
    "youre": "you're", "youve": "you've", "youll": "you'll", "theyre": "they're",
    "theyve": "they've", "thats": "that's", "whats": "what's", "hes": "he's", "shes": "she's",
    "theres": "there's", "heres": "here's", "lets": "let's", "wheres": "where's", "hows": "how's",
    "u": "you", "ur": "your", "r": "are", "pls": "please", "plz": "please", "thx": "thanks",
    "btw": "by the way", "idk": "i don't know", "tbh": "to be honest", "imo": "in my opinion",
    "bc": "because", "cuz": "because", "b4": "before", "gr8": "great", "lol": "lol",
    "w/": "with", "w/o": "without", "asap": "as soon as possible", "bff": "b. f. f.",
    "bf": "boyfriend", "gf": "girlfriend", "rn": "right now", "fyi": "f. y. i.", "diy": "d. i. y.",
    "ty": "thank you", "np": "no problem", "tho": "though", "tmrw": "tomorrow", "msg": "message",
    "phd": "p. h. d.",
}  # fmt: skip
_LETTERS = frozenset((
    "TV", "USA", "US", "UK", "FBI", "CIA", "ER", "ICU", "CEO", "DNA", "HR", "PC", "DVD", "CD",
    "GPS",
    "PTSD", "OCD", "ADHD", "BBC", "CNN", "NBA", "NFL", "NYC", "LA", "DC", "SUV", "ATM", "ID", "PE",
    "PHD", "MBA", "MRI", "IQ", "EQ", "VIP", "FAQ", "BBQ", "RSVP", "IRS", "EU", "UN", "AI", "VR",
    "TB",
    "EMT", "CPR", "AC", "DJ", "MC", "PR", "PS", "QA", "RV", "SAT", "IT", "GPA", "NY", "AA", "HIV",
    "IVF", "HBO", "MTV", "RPG", "IBM", "BMW", "GMC", "KFC", "LGBT", "LGBTQ", "LED", "LCD", "USB",
))  # fmt: skip
_CAPITALS = _LETTERS | {
    "NASA",
    "AIDS",
    "PIN",
    "COVID",
    "NATO",
    "UNICEF",
    "OK",
    "LOL",
    "OMG",
    "FOMO",
}
_TITLES = frozenset(
    ("dr", "mr", "mrs", "ms", "st", "prof", "vs", "capt", "sgt", "lt", "gen", "gov")
)
_ALSO_WORDS = frozenset(("US", "IT", "ID", "SAT", "LED", "ER", "AA", "LA"))
_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "#": "number",
    "<3": "love", "°": "degrees",
}  # fmt: skip
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<[!?][^<>]{0,200}>|\[[a-z_]+\]|\{[^{}]{0,80}\}")
_KEEP_HEAD = re.compile(r"-?\.?\d|'\d0s|'(?:em|til|cause|bout)\b", re.IGNORECASE)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "´": "'", "`": "'", "…": "."})


def clean(text: str) -> str:
    """Plain letters: accents folded, control characters and tags taken for spaces."""
    text = _TAG.sub(lambda m: " " * len(m[0]) if " " in m[0] else " ", text.translate(_QUOTES))
    text = unicodedata.normalize("NFKD", text.replace("½", " 1/2").replace("°", "°"))
    kept = (c if not unicodedata.category(c).startswith(("C", "Z")) else " " for c in text)
    return "".join(c for c in kept if not unicodedata.combining(c))


def spoken_words(text: str) -> list[SpokenWord]:
    """The words of a text in order; empty where there is nothing to say."""
    out: list[SpokenWord] = []
    tokens = clean(text).split()
    shouting = not any(c.islower() for c in text)
    i = 0
    while i < len(tokens):
        core, mark, emphasis = _peel(tokens[i])
        after = tokens[i + 1] if i + 1 < len(tokens) else ""
        before = tokens[i - 1].lower().strip("(\"'") if i else ""
        if mark == "." and after and _abbreviated(core, after):
            mark = ""
        found = say_figures(core, Near(before, "" if mark else after)) if core else None
        words = found.words if found else _plain(core, before, tokens[i], after)
        used = found.used if found else 0
        if used:  # the next token was said with this one
            _, mark, _ = _peel(after)
        if re.search(r"([A-Za-z])\1\1", core) or (not shouting and _stressed(core)):
            emphasis = 1.0
        out = _close([*out, *(SpokenWord(w, i, emphasis) for w in words)], mark)
        i += 1 + used
    return out


def _abbreviated(core: str, after: str) -> bool:
    """Whether the dot belongs to the word and does not end a sentence."""
    lower = core.lower()
    if lower in _TITLES or lower in MONTH_ABBREVIATIONS:
        return True
    dotted = bool(re.fullmatch(r"(?:\w\.)+\w", core)) or lower in _ABBREVIATIONS
    clock = bool(re.fullmatch(r"\d{1,2}(?::\d\d)?[ap]\.m", lower))
    return (dotted or clock) and not after[:1].isupper()


def _stressed(core: str) -> bool:
    """Written in capitals for stress, as far as letters can tell."""
    return len(core) > 1 and core.isalpha() and core.isupper() and core not in _CAPITALS


def _close(words: list[SpokenWord], mark: str) -> list[SpokenWord]:
    if not words or not mark:
        return words
    strongest = max(words[-1].mark, mark, key=" ,.!?".index) if words[-1].mark else mark
    return [*words[:-1], replace(words[-1], mark=strongest)]


def _peel(token: str) -> tuple[str, str, float]:
    """Token -> what is said of it, the pause after it, and its emphasis (``*so*``, ``_so_``)."""
    emphasis = 1.0 if re.match(r"[*_]+\w.*\w?[*_]+\W*$", token) else 0.0
    if re.fullmatch(r"[-—–]+|\.\.+", token):
        return "", ",", 0.0
    if token.lower() in _SYMBOLS or token.lower() in ("w/", "w/o"):
        return token, "", 0.0
    token = token.strip('*_"()[]{}~|\\<>^')
    tail = re.search(r"[^\w%$€£°&+#/]*$", token)
    end = tail[0] if tail else ""
    core = token[: len(token) - len(end)].strip('*_"')
    if not _KEEP_HEAD.match(core):
        core = core.lstrip("-—–.,:;!?\"([{<'*_¿¡")
    if end.startswith("'") and core[-1:].lower() in ("s", "n"):
        core, end = core + "'", end[1:]
    for found, mark in (("?", "?"), ("!", "!"), (".", "."), (",", ","), (";", ","), (":", ",")):
        if found in end:
            return core, mark, emphasis
    return core, "," if re.search(r"[)—–]|--", end) else "", emphasis


def _plain(core: str, before: str, token: str, after: str) -> Sequence[str]:
    """A token without a number rule: symbols, abbreviations, acronyms, compounds, words."""
    lower = core.lower()
    if not core:
        return ()
    if lower in _SYMBOLS:
        return [_SYMBOLS[lower]]
    letters = lower.replace(".", "")
    if re.fullmatch(r"(?:[a-z]\.)+[a-z]", lower):  # a.m, U.S, e.g (the last dot is peeled)
        return _ABBREVIATIONS[letters].split() if letters in ("eg", "ie") else _spell(letters)
    if lower in _ABBREVIATIONS and (lower not in _NEEDS_DOT or _counts(lower, token, after)):
        return _ABBREVIATIONS[lower].split()
    if lower in _CHAT and not (core.isupper() and len(core) == 1):
        return _CHAT[lower].split()
    if lower in ("am", "pm") and re.fullmatch(r"\d{1,2}(:\d\d)?", before):
        return _spell(lower)
    stem = core[:-1] if core.endswith("s") and core[:-1].isupper() and len(core) > 2 else core
    if (
        stem.upper() in _LETTERS
        and stem.isupper()
        and (
            stem not in _ALSO_WORDS
            or before in ("the", "in", "my", "an", "your", "of", "from", "to")
        )
    ):
        spelled = _spell(stem.lower())
        return [*spelled[:-1], spelled[-1] + "s"] if stem != core else spelled
    return _pieces(core)


def _counts(lower: str, token: str, after: str) -> bool:
    """Whether a word such as "no." or "sat." is an abbreviation here: a number or name follows."""
    if "." not in token or not after:
        return False
    return after[:1].isdigit() or (lower in _TITLES and after[:1].isupper())


def _pieces(core: str) -> list[str]:
    """Hyphens, slashes and mixed letters and digits; unknown characters are dropped."""
    words: list[str] = []
    for part in re.findall(r"[A-Za-z]+(?:'[A-Za-z]*)*|'[A-Za-z]+|\d+|[&@+=%]", core):
        if part.isdigit():
            words += cardinal(int(part)) if len(part) < 5 else digits(part)
        elif part in _SYMBOLS:
            words.append(_SYMBOLS[part])
        elif len(part) == 1 and core != part and part.lower() not in ("a", "i"):
            words.append(part.lower() + ".")
        elif _spelled_out(part, core):
            words += _spell(part.lower())
        else:
            words.append(part.lower() if len(part) > 1 or part in "aAiI" else part.lower() + ".")
    return words


def _spelled_out(part: str, core: str) -> bool:
    """Letters without a vowel, in capitals or beside a digit: "XKCD", the "mp" of "mp3"."""
    if not 1 < len(part) < 6 or re.search("[aeiouy']", part.lower()):
        return False
    return part.isupper() or any(c.isdigit() for c in core)


def _spell(letters: str) -> list[str]:
    return [f"{letter}." for letter in letters]
