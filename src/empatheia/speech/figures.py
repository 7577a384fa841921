"""Tokens with digits -> words: money, times, dates, fractions, telephone numbers, units."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from empatheia.speech.numbers import cardinal, decimal, digits, ordinal, plural_of, year

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
MONTH_ABBREVIATIONS = {m[:3]: m for m in MONTHS if m != "may"} | {"sept": "september"}
_UNITS = {
    "km": "kilometers", "m": "meters", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "g": "grams", "mg": "milligrams", "lb": "pounds", "lbs": "pounds", "oz": "ounces",
    "ft": "feet", "in": "inches", "mi": "miles", "mph": "miles per hour", "gb": "gigabytes",
    "mb": "megabytes", "tb": "terabytes", "hrs": "hours", "hr": "hours", "h": "hours",
    "min": "minutes", "mins": "minutes", "s": "seconds", "sec": "seconds", "secs": "seconds",
    "yo": "year old", "yr": "years", "yrs": "years", "k": "thousand", "x": "times",
    "°f": "degrees fahrenheit", "°c": "degrees celsius", "°": "degrees", "ml": "milliliters",
}  # fmt: skip
_ONE = {"feet": "foot", "inches": "inch"}
_SCALE = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_CURRENCY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}


@dataclass(frozen=True, slots=True)
class Near:
    """The token's neighbours: ``before`` in lower case, ``after`` as written ("" past a mark)."""

    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a token; ``used`` counts the tokens after it that they already say."""

    words: tuple[str, ...]
    used: int = 0


_Match = re.Match[str]


def said(*words: str, used: int = 0) -> Said:
    return Said(words, used)


def _money(m: _Match, near: Near) -> Said | None:
    unit, small = _CURRENCY[m[1]]
    whole, part, scale = m[2].replace(",", ""), m[3] or "", (m[4] or "").lower()
    ahead = re.sub(r"\W", "", near.after.lower())
    if scale or ahead in ("thousand", "million", "billion", "trillion"):
        return said(
            *decimal(whole + part), _SCALE.get(scale) or ahead, unit + "s", used=0 if scale else 1
        )
    cents = int(part[1:3].ljust(2, "0")) if part else 0
    words: list[str] = []
    if int(whole) or not cents:
        words = [*cardinal(int(whole)), unit + "s" * (int(whole) != 1)]
    if cents:
        plural = "pence" if small == "penny" else "cents"
        words += [*(["and"] if words else []), *cardinal(cents), small if cents == 1 else plural]
    return said(*words)


def _clock(m: _Match, near: Near) -> Said | None:
    hour, minute, half = int(m[1]), int(m[2] or 0), (m[3] or "").lower().replace(".", "")
    if hour > 24 or minute > 59:
        return None
    ahead = near.after.lower().replace(".", "").rstrip(",!?")
    used = 0
    if not half and ahead in ("am", "pm"):
        half, used = ahead, 1
    words = cardinal(hour)
    if minute:
        words += ["oh", *cardinal(minute)] if minute < 10 else cardinal(minute)
    elif not half:
        words += ["o'clock"]
    return said(*words, *(f"{letter}." for letter in half), used=used)


def _date(month: int, day: int, number: int | None) -> Said | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    tail = [] if number is None else year(number if number > 99 else 2000 + number)
    return said(MONTHS[month - 1], *ordinal(day), *tail)


def _slash(m: _Match, _: Near) -> Said | None:
    a, b, c = int(m[1]), int(m[2]), m[3]
    if c:
        return _date(a, b, int(c))
    if (a, b) == (24, 7):
        return said("twenty", "four", "seven")
    if (a, b) == (9, 11):
        return said("nine", "eleven")
    if b in (10, 100):
        return said(*cardinal(a), "out", "of", *cardinal(b))
    if a < b <= 16:
        name = {2: "half", 4: "quarter"}.get(b) or ordinal(b)[-1]
        return said(*cardinal(a), name + "s" * (a > 1))
    return said(*cardinal(a), "over", *cardinal(b))


def _bare(m: _Match, near: Near) -> Said | None:
    """A plain number: a day after a month, a year, leading zeros, a count."""
    text, number = m[0], int(m[0].replace(",", ""))
    month = near.before.rstrip(".")
    if (month in MONTHS or month in MONTH_ABBREVIATIONS) and 1 <= number <= 31:
        return said(*ordinal(number))
    if len(text) == 4 and 1100 <= number < 2100:
        return said(*year(number))
    if len(text) > 1 and text[0] == "0":
        return said(*digits(text))
    return said(*cardinal(number))


def _unit(m: _Match, _: Near) -> Said | None:
    unit = _UNITS.get(m[2].lower())
    if unit is None:
        return None
    if m[1] == "1" and " " not in unit and unit not in ("thousand", "times"):
        unit = _ONE.get(unit) or unit.removesuffix("s")
    return said(*decimal(m[1]), *unit.split())


def _decade(m: _Match, _: Near) -> Said | None:
    text = m[1]
    return said(*plural_of(year(int(text)) if len(text) == 4 else cardinal(int(text))))


def _link(m: _Match, _: Near) -> Said | None:
    name = re.sub(r"^(https?://)?(www\.)?", "", m[0].lower()).split("/")[0]
    words: list[str] = []
    for part in re.split(r"([.@])", name):
        words += {".": ["dot"], "@": ["at"]}.get(part) or re.findall(r"[a-z]+", part)
    return said(*words)


def signed(text: str) -> list[str]:
    """A decimal that may carry a minus."""
    return ["minus", *decimal(text[1:])] if text.startswith("-") else decimal(text)


_Rule = Callable[[_Match, Near], Said | None]
_RULES: tuple[tuple[str, _Rule], ...] = (
    (r"(?:https?://|www\.)\S+|\w[\w.]*@\w+\.\w+|\w{2,}\.(?:com|org|net|edu|gov)", _link),
    (r"([$€£])(\d[\d,]*)(\.\d+)?(k|m|b|bn)?", _money),
    (r"(\d{1,2}):(\d{2})(a\.?m|p\.?m)?\.?", _clock),
    (r"(\d{1,2})()(a\.?m|p\.?m)\.?", _clock),
    (r"(\d{1,4})/(\d{1,4})(?:/(\d{2}|\d{4}))?", _slash),
    (r"(\d{4})-(\d{1,2})-(\d{1,2})", lambda m, _: _date(int(m[2]), int(m[3]), int(m[1]))),
    (r"\(?\d{3}\)?[-.]\d{3}[-.]\d{4}|\d{3}-\d{4}", lambda m, _: said(*digits(m[0]))),
    (r"(\d+)'(\d+)\"?", lambda m, _: said(*cardinal(int(m[1])), "foot", *cardinal(int(m[2])))),
    (r"(\d[\d,]*)(?:st|nd|rd|th)", lambda m, _: said(*ordinal(int(m[1].replace(",", ""))))),
    (r"'?(\d{2}|\d{4})'?s", _decade),
    (r"(-?\d[\d,]*\.?\d*)%", lambda m, _: said(*signed(m[1]), "percent")),
    (r"(\d[\d,]*(?:\.\d+)?)[-–](\d[\d,]*(?:\.\d+)?)",
     lambda m, _: said(*decimal(m[1]), "to", *decimal(m[2]))),
    (r"\d[\d,]*", _bare),
    (r"#(\d+)", lambda m, _: said("number", *cardinal(int(m[1])))),
    (r"-?\d*[\d,]*\.\d+|-\d[\d,]*", lambda m, _: said(*signed(m[0]))),
    (r"(\d[\d,]*(?:\.\d+)?)-?([A-Za-z]+|°[FfCc]?)", _unit),
)  # fmt: skip
_COMPILED = [(re.compile(pattern, re.IGNORECASE), rule) for pattern, rule in _RULES]


def say_figures(token: str, near: Near) -> Said | None:
    """Words of a token with digits (or a link); None where no rule fits."""
    for pattern, rule in _COMPILED:
        match = pattern.fullmatch(token)
        found = rule(match, near) if match else None
        if found:
            return found
    return None
