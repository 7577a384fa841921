"""``empatheia predict`` and ``evaluate --predictions`` from outside, on random weights."""

from __future__ import annotations

import json
import re
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
    few = Sampling(candidates=2, max_tokens=6)
    settings = TextSettings(few, digest="tiny", in_batches=few)
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
    assert list(told["tables"]) == ["text"]
    assert told["checks"]["no video table"]
    assert "nothing can be said of consistency" in told["checks"]["no consistency table"][0]
    assert told["checks"]["only one reference"] == ["00007#1"]
    page = tmp_path / "report.html"
    shown = empatheia("report", "--scores", tmp_path / "s", *place, "-o", page)
    assert shown.code == 0, shown.err
    assert "needs labelled data" in page.read_text()
    for kind in ("video", "consistency"):
        assert empatheia("evaluate", kind, *place, "-o", tmp_path / "v").code == 2
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
    assert empatheia("predict", "--data", test_file, "-o", tmp_path, "--team", "a b").code == 2
    assert empatheia("predict", "--data", tmp_path / "none", "-o", tmp_path).code == 2


def test_a_second_run_repeats_and_swapped_predictions_swap_rows(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    talks = [("a", "sad", "My cat died.", "I am sorry."), ("b", "proud", "I won!", "Well done!"),
             ("c", "afraid", "Noises at night.", "How scary.")]  # fmt: skip
    data = tmp_path / "valid.jsonl"
    data.write_text("".join(
        json.dumps({"conv_id": name, "emotion": emotion, "situation": "", "utterances": [
            {"role": "speaker", "text": said}, {"role": "listener", "text": reply}]}) + "\n"
        for name, emotion, said, reply in talks))  # fmt: skip
    good = [{"id": f"{n}#1", "reply": r, "emotion": e} for n, e, _, r in talks]
    poor = [{"id": f"{n}#1", "reply": "Nice nice.", "emotion": "sad"} for n, *_ in talks]

    def rows(tag: str, **systems: list[dict[str, str]]) -> dict[str, Any]:
        """Rows by system, after writing predictions, scoring them and making the page."""
        found, scores = {}, []
        for name, lines in systems.items():
            given = tmp_path / f"{tag}-{name}.jsonl"
            head = {"settings": {"system": name}}
            given.write_text("".join(json.dumps(line) + "\n" for line in [head, *lines]))
            out = tmp_path / tag / name
            place = ("--data", data, "--predictions", given, "-o", out)
            done = empatheia("evaluate", "all", *place)
            assert done.code == 0, done.err
            found[name] = json.loads((out / "scores.json").read_text())["tables"]["text"]["rows"]
            scores += ["--scores", out]
        page = tmp_path / tag / "report.html"
        assert empatheia("report", *scores, "-o", page).code == 0
        return {name: told[0]["figures"] for name, told in found.items()}

    first, again = rows("first", one=good, two=poor), rows("again", one=good, two=poor)
    assert first == again
    for name in ("one/scores.json", "one/scores.md", "two/scores.tex", "report.html"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    swapped = rows("swapped", one=poor, two=good)
    assert (swapped["one"], swapped["two"]) == (first["two"], first["one"])
    assert first["one"]["accuracy"]["value"] == 100.0
    assert first["two"]["accuracy"]["value"] == pytest.approx(100 / 3)
    pages = [(tmp_path / tag / "report.html").read_text() for tag in ("first", "swapped")]
    cells = [re.findall(r"<td>(one|two)</td><td>3</td><td>([\d.]+)<", text) for text in pages]
    assert cells == [[("one", "100.00"), ("two", "33.33")], [("one", "33.33"), ("two", "100.00")]]
