"""The whole way by command: import, validate, stats, render, package, import again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from empatheia.data.feelings import UtteranceReader
from empatheia.data.labels import Feeling

sys.path.insert(0, str(Path(__file__).parents[1] / "data" / "builder"))
import acting

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that hums, a grey face, and a reader to whom everything is happy."""
    from empatheia import presets
    from empatheia.cli import studio

    monkeypatch.setattr(studio, "open_studio", lambda preset, size: acting.open_studio())
    reader = UtteranceReader(lambda texts: [Feeling("happy", "joyful")] * len(texts), "test")
    monkeypatch.setattr(presets, "utterance_reader", lambda: reader)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    lines = [
        {
            "conv_id": f"hit:{i}_conv:{i}",
            "emotion": "proud",
            "situation": f"I won number {i}.",
            "utterances": [
                {"role": "speaker", "text": f"I won_comma_ {i} times."},
                {"role": "listener", "text": f"Great {i}!"},
            ],
        }
        for i in range(6)
    ]
    path = tmp_path / "valid.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_from_a_release_to_a_package_and_back(
    release: Path, tmp_path: Path, empatheia: Run
) -> None:
    made, back = tmp_path / "ed.jsonl", tmp_path / "back.jsonl"
    done = empatheia("data", "import", "empathetic-dialogues", release, "-o", made)
    assert done.code == 0
    assert "6 dialogues (0 empty), 12 utterances" in done.out
    assert empatheia("data", "validate", made).code == 0
    done = empatheia("data", "stats", made, "-o", tmp_path / "st", "--no-picture")
    assert "| dialogues valid | 6 | 4,373 |" in done.out
    assert {p.name for p in (tmp_path / "st").iterdir()} == {"stats.json", "stats.md"}
    words = ("data", "render", made, "-o", tmp_path / "set", "--jobs", 1)
    assert "12 clips made" in empatheia(*words).err
    assert "0 clips made" in empatheia(*words).err
    rendered = tmp_path / "set" / "manifest.jsonl"
    done = empatheia("data", "package", rendered, "-o", tmp_path / "p", "--name", "six")
    assert done.code == 0
    assert "36 files in 3 shards" in done.out
    card = (tmp_path / "p" / "README.md").read_text()
    assert card.startswith("---\nlicense: other")
    assert "They are\nsynthetic" in card
    words = ("data", "import", "avamerg", tmp_path / "p" / "avamerg", "--media", tmp_path / "p")
    done = empatheia(*words, "-o", back)
    assert (done.code, done.err.strip()) == (0, "")
    assert "12 sounds, 12 videos" in done.out
    emotions = {t.get("emotion8") for line in back.read_text().splitlines()
                for t in json.loads(line)["turns"]}  # fmt: skip
    assert emotions == {"happy"}


def test_what_is_wrong_is_said_and_the_exit_code_tells(
    release: Path, tmp_path: Path, empatheia: Run
) -> None:
    release.write_bytes(release.read_bytes() + b"{broken\n")
    made, fixed = tmp_path / "ed.jsonl", tmp_path / "fixed.jsonl"
    done = empatheia("data", "import", "empathetic-dialogues", release, "-o", made)
    assert done.code == 2
    assert "R1: 1 times" in done.err
    text = made.read_text().replace('"listener", "text": "Great 1!"', '"listener", "text": "!!"')
    made.write_text(text)
    done = empatheia("data", "validate", made, "--fix", fixed, "--report", tmp_path / "r.json")
    assert done.code == 2
    assert "V5" in done.out
    assert json.loads((tmp_path / "r.json").read_text())["rules"]["V5"]["broken"] == 1
    assert empatheia("data", "validate", fixed).code == 0


def test_printed_for_people_and_programs(empatheia: Run) -> None:
    assert json.loads(empatheia("data", "schema").out)["required"] == ["id", "turns"]
    assert "V12" in empatheia("data", "validate", "--rules").out
    for words in (["validate"], ["import", "avamreg", "x", "-o", "y.jsonl"], ["stats", "x"]):
        done = empatheia("data", *words)
        assert done.code == 2
        assert done.err.count("\n") == 1
