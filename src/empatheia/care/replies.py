"""Judges a generated reply before it is said: ``data/reply_rules.txt`` over normalised text."""

from __future__ import annotations

import re

from empatheia.care.normalise import normalise
from empatheia.care.patterns import load_rules


def reply_problem(reply: str) -> str | None:
    """The kind of harm in a reply, or None where it may be said."""
    for reading in normalise(reply):
        for rule in load_rules("reply_rules.txt"):
            for match in rule.pattern.finditer(reading):
                if rule.kind == "plain" or not _denied(reading[: match.start()]):
                    return rule.category
    return None


def _denied(before: str) -> bool:
    """Whether the words just before a match advise against it ("please dont hurt yourself")."""
    return (
        re.search(
            r"\b(?:not|never|dont|shouldnt|wouldnt|cant|couldnt|didnt|wont|isnt|arent|no|hope|"
            r"instead of|without|stop|avoid|no one|nobody|glad)\b(?: \w+){0,4} ?$",
            before,
        )
        is not None
    )
