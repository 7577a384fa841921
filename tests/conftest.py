"""What holds for all tests: no deadlines on busy machines, research data only where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

DATA = Path(__file__).parents[2] / "shared" / "data"

settings.register_profile(
    "house",
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked ``shared`` are skipped where the research data is absent."""
    absent = pytest.mark.skip(reason=f"needs the research data in {DATA}")
    for item in items:
        if item.get_closest_marker("shared") and not DATA.is_dir():
            item.add_marker(absent)
