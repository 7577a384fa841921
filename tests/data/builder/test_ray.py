"""The same rendering on a local Ray cluster of two workers: the same bytes."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest

pytest.importorskip("ray")
sys.path.insert(0, str(Path(__file__).parent))

from acting import open_studio

from empatheia.data import manifest
from empatheia.data.builder import render as work
from empatheia.data.builder.workers import mapper
from empatheia.types import Dialogue, Turn


@pytest.mark.filterwarnings("ignore")
def test_two_workers_make_what_one_process_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    turns = (Turn("speaker", "I won."), Turn("listener", "Great!"))
    dialogues = [Dialogue(str(i), turns, emotion="proud") for i in range(4)]
    manifest.write(tmp_path / "in.jsonl", dialogues)
    made = {}
    for engine in ("local", "ray"):
        out = tmp_path / engine
        played = work.cast(manifest.read(tmp_path / "in.jsonl"), numeric=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            how = mapper(engine, open_studio, out, 1 if engine == "local" else 2, 0)
            for _ in work.render(played, out, how):
                pass
        made[engine] = {p.name: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert made["ray"] == made["local"]
    assert len(made["ray"]) == 4 * 2 * 3 + 2
