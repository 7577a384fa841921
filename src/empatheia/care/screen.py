"""The care screen that the reply pipeline asks first and last (see docs/care.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from empatheia.care.detector import CATEGORIES, find_in_dialogue
from empatheia.care.patterns import read_data
from empatheia.care.replies import reply_problem
from empatheia.care.resources import INTERNATIONAL, Country, directory, find_country
from empatheia.types import Safety

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class CareRules:
    """Rules against a crisis that is overlooked and a reply that does harm.

    ``country`` is an ISO code or a name; None takes it from EMPATHEIA_COUNTRY or the locale, and
    where these say nothing the international directories are given. ``second_look`` judges the
    turns in which the rules find nothing (:meth:`empatheia.care.semantic.SemanticScore.category`);
    without it the rules work alone.
    """

    def __init__(
        self,
        country: str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        second_look: Callable[[str], str | None] | None = None,
    ) -> None:
        self._country = find_country(country, environment)
        self._second_look = second_look

    @property
    def country(self) -> str:
        """ISO code in use, or ``international``."""
        return self._country.code

    def screen_user(self, texts: Sequence[str]) -> Safety:
        """``texts``: the speaker's turns of the running dialogue, oldest first."""
        found = find_in_dialogue(texts, self._second_look)
        if found is None:
            return Safety()
        return Safety(
            level="crisis",
            category=found.category,
            action="crisis_message",
            resources=self._country.resources(found.category),
        )

    def crisis_message(self, safety: Safety) -> str:
        """The fixed answer to a crisis: 2-4 sentences that can be spoken."""
        category = safety.category if safety.category in CATEGORIES else CATEGORIES[0]
        country = self._country
        if safety.resources:
            country = directory().get(safety.resources[0].country, country)
        return _messages()[str(category)].format(
            line=_line(country, str(category)), emergency=_emergency(country, str(category))
        )

    def reply_is_safe(self, reply: str) -> bool:
        """Whether a generated reply may be said."""
        return reply_problem(reply) is None

    def safe_reply(self) -> str:
        """What is said when no generated reply may be."""
        return _messages()["reply"]


def spoken(text: str) -> str:
    """``text`` for a voice: telephone numbers digit by digit ("call nine, eight, eight")."""

    def words(match: re.Match[str]) -> str:
        groups = re.split(r"[ -]", match.group())
        return ", ".join(" ".join(_DIGITS[int(d)] for d in group) for group in groups)

    return re.sub(r"(?<!\w)\d(?:[ -]?\d){1,}(?!\w)", words, text)


@cache
def _messages() -> Mapping[str, str]:
    messages: Mapping[str, str] = json.loads(read_data("messages.json"))
    return messages


def _emergency(country: Country, category: str) -> str:
    if country.code == INTERNATIONAL:
        return f"call your local emergency number, in many countries {country.emergency}"
    return f"call {country.emergency_for(category)}"


def _line(country: Country, category: str) -> str:
    fitting = [line for line in country.lines if category in line.categories]
    if country.code == INTERNATIONAL or not fitting:
        return "At findahelpline.com you can find people near you who will listen."
    first = fitting[0]
    return f"In {country.name} you can reach {first.spoken_name} at {first.resource.contact}."
