"""One style and full types: ruff on everything, mypy strict on the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("src", "tests", "scripts", "benchmarks")


@pytest.mark.parametrize(
    "words",
    [
        ("ruff", "check", "--no-cache", *PLACES),
        ("ruff", "format", "--no-cache", "--check", *PLACES),
        ("mypy",),
    ],
    ids=" ".join,
)
def test_tool_is_content(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
