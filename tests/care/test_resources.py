"""The help-line file is complete, dated and found by code, name, environment or locale."""

from __future__ import annotations

import datetime
import re

import pytest

from empatheia.care.detector import CATEGORIES
from empatheia.care.resources import INTERNATIONAL, compiled_on, directory, find_country
from empatheia.errors import ConfigError

EXPECTED = {"US", "GB", "IE", "CA", "AU", "NZ", "IN", "DE", "FR", "ES", "NL", "JP", "SG"}


def test_the_file_is_dated() -> None:
    assert datetime.date.fromisoformat(compiled_on()) >= datetime.date(2026, 1, 1)


def test_every_expected_country_is_there() -> None:
    assert {*EXPECTED, INTERNATIONAL} <= set(directory())


@pytest.mark.parametrize("code", sorted(directory()))
def test_every_country_is_complete(code: str) -> None:
    country = directory()[code]
    assert re.fullmatch(r"\d{2,3}", country.emergency)
    assert re.fullmatch(r"\d{2,3}", country.police)
    for category in CATEGORIES:
        resources = country.resources(category)
        assert resources[0].contact in (country.emergency, country.police)
        if category != "medical_emergency":
            assert len(resources) >= 2
    for line in country.lines:
        assert line.resource.name
        assert line.resource.contact
        assert line.resource.country == code
        assert set(line.categories) <= set(CATEGORIES)
        assert line.resource.url == "" or line.resource.url.startswith("https://")


@pytest.mark.parametrize(
    ("country", "environment", "code"),
    [
        ("US", {}, "US"),
        ("gb", {}, "GB"),
        ("uk", {}, "GB"),
        ("New Zealand", {}, "NZ"),
        ("BR", {}, INTERNATIONAL),
        (None, {}, INTERNATIONAL),
        (None, {"LANG": "de_DE.UTF-8"}, "DE"),
        (None, {"LANG": "C.UTF-8"}, INTERNATIONAL),
        (None, {"LC_ALL": "fr_FR.UTF-8", "LANG": "de_DE.UTF-8"}, "FR"),
        (None, {"EMPATHEIA_COUNTRY": "IE", "LANG": "de_DE.UTF-8"}, "IE"),
        ("JP", {"EMPATHEIA_COUNTRY": "IE"}, "JP"),
    ],
)
def test_finding_the_country(country: str | None, environment: dict[str, str], code: str) -> None:
    assert find_country(country, environment).code == code


def test_an_unknown_name_is_an_error_of_one_line() -> None:
    with pytest.raises(ConfigError, match="unknown country") as caught:
        find_country("Germoney", {})
    assert "\n" not in str(caught.value)
