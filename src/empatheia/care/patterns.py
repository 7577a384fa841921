"""Reads the rule files of the care screen: plain text, one rule a line, see their own heads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule; ``line`` is its place in the file, for reports without any user text."""

    line: int
    category: str
    kind: str
    pattern: re.Pattern[str]


def read_data(name: str) -> str:
    """A data file of the care package."""
    return (files("empatheia.care") / "data" / name).read_text(encoding="utf-8")


@cache
def load_rules(name: str) -> tuple[Rule, ...]:
    """Rules of one file, compiled once on first use."""
    words: dict[str, str] = {}
    rules: list[Rule] = []
    for number, line in enumerate(read_data(name).splitlines(), start=1):
        if line.startswith("@"):
            key, group = line[1:].split(" ", 1)
            words[key] = _expand(group, words)
        elif line and not line.startswith("#"):
            category, kind, pattern = line.split(" ", 2)
            rules.append(Rule(number, category, kind, re.compile(_expand(pattern, words))))
    return tuple(rules)


def _expand(pattern: str, words: dict[str, str]) -> str:
    for name, group in words.items():
        pattern = pattern.replace("{" + name + "}", group)
    return pattern
