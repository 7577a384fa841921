"""``kill -9`` at each step of every stage, and at each change to a file, and ``--resume``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("peft")
KILLED = Path(__file__).with_name("killed.py")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or not hasattr(os, "fork"), reason="no SIGKILL")
def test_killed_runs_end_like_undisturbed_ones(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(KILLED), str(tmp_path)],
        capture_output=True, text=True, timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {row["stage"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert list(found) == ["base", "coe", "content", "style", "joint", "line"]
    assert all(row["same"] for row in found.values()), found
    assert all(row["killed"] >= 4 for row in found.values()), found
    assert found["line"]["killed"] > 30
