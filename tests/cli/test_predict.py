"""``empatheia predict`` and ``evaluate --predictions`` from outside, on random weights."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from empatheia import presets
from empatheia.errors import InputError
from empatheia.llm.decoding import Sampling
from empatheia.model import TextSettings
from empatheia.tiny import tiny_reasoner

AVAMERG = [
    {"conversation_id": "00007", "turns": [
        {"turn_id": "0", "context": "I lost my cat.",
         "dialogue_history": [{"index": 0, "role": "speaker", "utterance": "I lost my cat."}]}]},
]  # fmt: skip


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions come from random weights."""
    settings = TextSettings(Sampling(candidates=2, max_tokens=6), digest="tiny")
    monkeypatch.setattr(presets, "load_reasoner", lambda preset: (tiny_reasoner(), settings))


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.json"
    path.write_text(json.dumps(AVAMERG))
    return path


@pytest.mark.usefixtures("tiny")
def test_predict_then_score(empatheia: Callable[..., Any], test_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert empatheia("predict", "--data", test_file, "-o", out).code == 0
    first = (out / "predictions.jsonl").read_bytes()
    assert empatheia("predict", "--data", test_file, "-o", out).code == 0  # nothing left to do
    assert (out / "predictions.jsonl").read_bytes() == first
    scored = empatheia(
        "evaluate", "text", "--data", test_file, "--predictions", out, "-o", tmp_path / "scores"
    )
    assert scored.code == 0, scored.err
    assert "needs human replies" in scored.out
    told = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert told["predictions"]["settings"]["weights"] == "tiny"
    assert told["data"]["references"] == 1


def test_challenge_of_ready_predictions(
    empatheia: Callable[..., Any], test_file: Path, tmp_path: Path
) -> None:
    from empatheia.data.references import read_references
    from empatheia.evaluation.challenge import write_challenge

    folder = tmp_path / "mine"
    (folder / "media").mkdir(parents=True)
    (folder / "media" / "x.wav").write_bytes(b"RIFF")
    line = {"id": "00007#1", "reply": "Oh no.", "emotion": "sad", "audio": "media/x.wav"}
    (folder / "predictions.jsonl").write_text(json.dumps(line) + "\n")
    zipped = write_challenge(read_references(test_file), folder, "team")
    with zipfile.ZipFile(zipped) as archive:
        assert archive.namelist() == ["team.json", "dia00007utt1.wav"]
        (item,) = json.loads(archive.read("team.json"))
    again = write_challenge(read_references(test_file), folder, "again")
    turn = {"turn_id": "0", "response": "Oh no."}
    with zipfile.ZipFile(zipped) as one, zipfile.ZipFile(again) as two:
        assert [one.read(n) for n in one.namelist()] == [two.read(n) for n in two.namelist()]
    (folder / "media" / "x.wav").unlink()
    with pytest.raises(InputError, match=r"1 media files are not there, as .*x\.wav"):
        write_challenge(read_references(test_file), folder, "third")
    assert not [path for path in folder.iterdir() if "third" in path.name]
    assert item == {"conversation_id": "00007", "emotion": "sad", "turns": [turn]}


def test_all_and_report_say_what_is_missing(
    empatheia: Callable[..., Any], test_file: Path, tmp_path: Path
) -> None:
    line = {"id": "00007#1", "reply": "Oh no.", "emotion": "sad"}
    given = tmp_path / "mine.jsonl"
    given.write_text(json.dumps(line) + "\n")
    place = ("--data", test_file, "--predictions", given)
    done = empatheia("evaluate", "all", *place, "-o", tmp_path / "s")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "s" / "scores.json").read_text())
    assert list(told["tables"]) == ["text", "consistency"]
    assert told["checks"]["no video table"]
    assert told["checks"]["only one reference"] == ["00007#1"]
    page = tmp_path / "report.html"
    shown = empatheia("report", "--scores", tmp_path / "s", *place, "-o", page)
    assert shown.code == 0, shown.err
    assert "needs labelled data" in page.read_text()
    assert empatheia("evaluate", "video", *place, "-o", tmp_path / "v").code == 2
    assert empatheia("report", "--scores", tmp_path, "-o", page).code == 2


def test_bad_predictions_end_with_one_line(
    empatheia: Callable[..., Any], test_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.jsonl").write_text('{"id": "1#1", "reply": "x"}\n')
    found = empatheia(
        "evaluate", "text", "--data", test_file, "--predictions", tmp_path / "other.jsonl",
        "-o", tmp_path / "s",
    )  # fmt: skip
    assert found.code == 2
    assert "no prediction belongs to this data" in found.err
    assert empatheia("predict", "--data", test_file, "-o", tmp_path, "--format", "x").code == 2
    assert empatheia("predict", "--data", tmp_path / "none", "-o", tmp_path).code == 2
