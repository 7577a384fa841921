"""Importing the package and asking for help load nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "cv2", "av", "scipy", "sklearn", "tokenizers", "pyworld")


@pytest.mark.parametrize(
    "code",
    [
        "import empatheia; empatheia.Dialogue; empatheia.Profile",
        "from empatheia.cli.main import run; run(['--help'])",
        "from empatheia.cli.main import run; run(['reply', '--help'])",
        "from empatheia.cli.main import run; run(['reply', ''])",
    ],
)
def test_nothing_heavy(code: str) -> None:
    check = f"{code}\nimport sys\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_every_public_name_exists() -> None:
    import empatheia

    for name in empatheia.__all__:
        assert getattr(empatheia, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        empatheia.nonsense  # noqa: B018
