"""Numbers as they are said in American English."""

from __future__ import annotations

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def cardinal(number: int) -> list[str]:
    """``1204 -> one thousand two hundred four``; a thousand trillions or more digit by digit."""
    if number < 0:
        return ["minus", *cardinal(-number)]
    if number >= 10**15:
        return digits(str(number))
    for scale, name in _SCALES:
        if number >= scale:
            rest = cardinal(number % scale) if number % scale else []
            return [*cardinal(number // scale), name, *rest]
    if number >= 100:
        rest = cardinal(number % 100) if number % 100 else []
        return [_ONES[number // 100], "hundred", *rest]
    if number >= 20:
        return [_TENS[number // 10], *([_ONES[number % 10]] if number % 10 else [])]
    return [_ONES[number]]


def ordinal(number: int) -> list[str]:
    """``21 -> twenty first``."""
    *head, last = cardinal(number)
    if last in _ORDINALS:
        return [*head, _ORDINALS[last]]
    return [*head, last[:-1] + "ieth" if last.endswith("y") else last + "th"]


def digits(text: str) -> list[str]:
    """Digit by digit, as telephone numbers are read; other characters are skipped."""
    return [_ONES[int(c)] for c in text if c.isascii() and c.isdigit()]


def decimal(text: str) -> list[str]:
    """``"3.14" -> three point one four``; commas are ignored."""
    whole, _, part = text.replace(",", "").partition(".")
    words = cardinal(int(whole)) if whole else ["zero"] if part else []
    return [*words, "point", *digits(part)] if part else words


def year(number: int) -> list[str]:
    """``1987 -> nineteen eighty seven``, ``2005 -> two thousand five``, ``1900 -> .. hundred``."""
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010 or number % 1000 == 0:
        return cardinal(number)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    if rest < 10:
        return [*cardinal(century), "oh", _ONES[rest]]
    return [*cardinal(century), *cardinal(rest)]


def plural_of(words: list[str]) -> list[str]:
    """``nineteen ninety -> nineteen nineties``."""
    *head, last = words
    return [*head, last[:-1] + "ies" if last.endswith("y") else last + "s"]
