"""Networks and losses keep the shapes that their annotations promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jaxtyping")
pytest.importorskip("beartype")
HERE = Path(__file__).parent
SHAPES = (sys.executable, "shapes.py")


def test_annotations_hold_in_every_test_of_the_networks() -> None:
    done = subprocess.run(
        [*SHAPES, "nn", "latents", "training/test_losses.py"],
        cwd=HERE, capture_output=True, text=True, timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_a_wrong_shape_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "test_wrong.py"
    wrong.write_text(
        "import torch\n"
        "from empatheia.training.losses import l_emp\n"
        "def test_it():\n"
        "    l_emp(torch.zeros(3, 5), torch.zeros(4, dtype=torch.long))\n"
    )
    done = subprocess.run(
        [*SHAPES, str(wrong)], cwd=HERE, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1
    assert "TypeCheckError" in done.stdout
    assert "'ids'" in done.stdout
