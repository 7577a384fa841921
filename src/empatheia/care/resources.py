"""Help lines by country, from a dated data file, and the country that a machine is likely in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from empatheia.care.patterns import read_data
from empatheia.errors import ConfigError, unknown
from empatheia.types import Resource

INTERNATIONAL = "international"
VARIABLE = "EMPATHEIA_COUNTRY"


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One service and the crisis categories it is for."""

    resource: Resource
    spoken_name: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """Emergency number and services of one country; ``name`` is empty for the international set."""

    code: str
    name: str
    aliases: tuple[str, ...]
    emergency: str
    police: str
    lines: tuple[HelpLine, ...]

    def emergency_for(self, category: str) -> str:
        """The number for this kind of danger: police and ambulance differ in some countries."""
        return self.police if category in ("abuse", "harm_to_others") else self.emergency

    def resources(self, category: str) -> tuple[Resource, ...]:
        """Emergency number, services for ``category``, and the international directory last."""
        emergency = Resource("Emergency services", self.emergency_for(category), self.code)
        fitting = [line.resource for line in self.lines if category in line.categories]
        if self.code != INTERNATIONAL:
            worldwide = directory()[INTERNATIONAL].lines
            fitting += [x.resource for x in worldwide[:1] if category in x.categories]
        return (emergency, *fitting)


@cache
def directory() -> Mapping[str, Country]:
    """All countries by ISO code, and the international set."""
    data = json.loads(read_data("resources.json"))
    entries = {**data["countries"], INTERNATIONAL: data["international"]}
    return {
        code: Country(
            code=code,
            name=entry["name"],
            aliases=tuple(entry["aliases"]),
            emergency=entry["emergency"],
            police=entry.get("police", entry["emergency"]),
            lines=tuple(
                HelpLine(
                    Resource(x["name"], x["contact"], code, x["url"]),
                    x.get("say", x["name"]),
                    tuple(x["for"]),
                )
                for x in entry["lines"]
            ),
        )
        for code, entry in entries.items()
    }


def compiled_on() -> str:
    """Date of the help lines, as ISO text."""
    return str(json.loads(read_data("resources.json"))["compiled"])


def find_country(country: str | None, environment: Mapping[str, str] | None = None) -> Country:
    """The country asked for, else that of the environment or locale, else the international set.

    A code without an entry gets the international set. Raises ConfigError for anything that is
    neither a two-letter code nor a known name.
    """
    environment = os.environ if environment is None else environment
    if country is None or not country.strip():
        country = environment.get(VARIABLE, "").strip() or _from_locale(environment)
    known = directory()
    wanted = country.strip()
    for entry in known.values():
        if wanted.casefold() in (entry.code.casefold(), *entry.aliases):
            return entry
    if re.fullmatch(r"[A-Za-z]{2}", wanted):
        return known[INTERNATIONAL]
    raise ConfigError(unknown("country", country, known))


def _from_locale(environment: Mapping[str, str]) -> str:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        match = re.match(r"[a-z]{2,3}_([A-Z]{2})\b", environment.get(variable, ""))
        if match:
            return match.group(1)
    return INTERNATIONAL
