"""``empatheia predict`` and ``evaluate --predictions`` from outside, on random weights."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empatheia import presets
from empatheia.data.references import read_references
from empatheia.errors import InputError
from empatheia.evaluation import feature_maps
from empatheia.evaluation.challenge import write_challenge
from empatheia.llm.decoding import Sampling
from empatheia.media.audio import wav_bytes
from empatheia.media.tags import Tags
from empatheia.model import TextSettings
from empatheia.tiny import tiny_expression, tiny_reasoner
from empatheia.types import Speech

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
    test_file.write_text(json.dumps([AVAMERG[0] | {"emotion": "sad"}]))
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


def test_a_challenge_of_several_turns_and_both_media(tmp_path: Path) -> None:
    """Turns in order, one reply of each dialogue's emotion, sound and picture by their names."""
    said = ["I lost my cat.", "Oh no.", "She was old.", "Still."]
    history = [{"index": i, "role": ("speaker", "listener")[i % 2], "utterance": text}
               for i, text in enumerate(said)]  # fmt: skip
    turns = [{"turn_id": str(n), "context": said[0], "dialogue_history": history[:k]}
             for n, k in enumerate((1, 3))]  # fmt: skip
    data = tmp_path / "test.json"
    data.write_text(json.dumps([{"conversation_id": "00007", "turns": turns}]))
    found = read_references(data)
    assert [r.id for r in found.items] == ["00007#1", "00007#3"]
    mine = tmp_path / "mine"
    (mine / "media").mkdir(parents=True)
    lines = []
    for place in (3, 1):  # in any order
        media = {kind: f"media/{place}.{kind}" for kind in ("wav", "mp4")}
        for name in media.values():
            (mine / name).write_bytes(name.encode())
        told = {"id": f"00007#{place}", "reply": f"At {place}.", "emotion": "sad"}
        lines.append(told | {"audio": media["wav"], "video": media["mp4"]})
    (mine / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with zipfile.ZipFile(write_challenge(found, mine, "team")) as archive:
        names = archive.namelist()
        (item,) = json.loads(archive.read("team.json"))
        contents = [archive.read(name).decode() for name in names[1:]]
    assert [(t["turn_id"], t["response"]) for t in item["turns"]] == [
        ("0", "At 1."),
        ("1", "At 3."),
    ]
    assert sorted(zip(names[1:], contents, strict=True)) == [
        ("dia00007utt1.mp4", "media/1.mp4"), ("dia00007utt1.wav", "media/1.wav"),
        ("dia00007utt3.mp4", "media/3.mp4"), ("dia00007utt3.wav", "media/3.wav"),
    ]  # fmt: skip


def talks(path: Path, count: int = 3, **more: Any) -> Path:
    """So many dialogues of one reply each, in EmpatheticDialogues' layout."""
    path.write_text("".join(
        json.dumps({"conv_id": str(i), "emotion": "sad", "situation": "", "utterances": [
            {"role": "speaker", "text": "My cat died.", **more},
            {"role": "listener", "text": f"I am sorry, {i}."}]}) + "\n"
        for i in range(count)))  # fmt: skip
    return path


def said(path: Path, count: int = 3, **more: Any) -> Path:
    """A reply to each of them, the last of another emotion."""
    lines = [{"id": f"{i}#1", "reply": "Oh no.", "emotion": "sad" if i + 1 < count else "proud"}
             for i in range(count)]  # fmt: skip
    path.write_text("".join(json.dumps(line | more) + "\n" for line in lines))
    return path


def test_faults_of_the_data_stand_in_the_report(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    data = talks(tmp_path / "valid.jsonl")
    data.write_text(data.read_text() + data.read_text().splitlines()[0] + "\n{broken\n")
    place = ("--data", data, "--predictions", said(tmp_path / "mine.jsonl"))
    done = empatheia("evaluate", "text", *place, "-o", tmp_path / "s")
    assert done.code == 0, done.err
    assert "note: 2 faults in the data" in done.err
    told = (tmp_path / "s" / "scores.md").read_text()
    assert "- faults in the data: 2 (" in told
    assert "no faults found" not in told


def test_answers_beyond_the_limit_are_no_fault(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    place = ("--data", talks(tmp_path / "valid.jsonl"), "--limit", 2)
    given = ("--predictions", said(tmp_path / "mine.jsonl"))
    done = empatheia("evaluate", "text", *place, *given, "-o", tmp_path / "s")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "s" / "scores.json").read_text())["checks"] == {}


def test_empty_replies_say_nothing(empatheia: Callable[..., Any], tmp_path: Path) -> None:
    given = said(tmp_path / "mine.jsonl", reply="", emotion=None)
    place = ("--data", talks(tmp_path / "valid.jsonl"), "--predictions", given)
    done = empatheia("evaluate", "text", *place, "-o", tmp_path / "s")
    assert done.code == 2
    assert "nothing can be said of text: 3 empty replies" in done.err
    assert not (tmp_path / "s").exists()


def test_options_that_would_do_nothing_are_refused(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    place = ("--data", talks(tmp_path / "valid.jsonl"), "-o", tmp_path / "s")
    given = ("--predictions", said(tmp_path / "mine.jsonl"))
    for option in (["--system", "direct"], ["--preset", "small"], ["--weights", "x"], ["--greedy"]):
        done = empatheia("evaluate", "text", *place, *given, *option)
        assert done.code == 2
        assert f"{option[0]} says how replies are made" in done.err
        assert len(done.err.strip().splitlines()) == 1
    for option in ("--media", "--teacher-forced"):
        done = empatheia("predict", *place, "--greedy", option)
        assert done.code == 2
        assert "--greedy is for text alone" in done.err
    assert not (tmp_path / "s").exists()


def test_anybodys_row_on_rendered_input_is_marked(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    sound = Speech(np.zeros(1600, np.float32), 16000)
    tags = Tags(title="Empatheia synthetic dialogue", comment="", software="")
    (tmp_path / "a.wav").write_bytes(wav_bytes(sound, tags))
    turns = [{"role": "speaker", "text": "My cat died.", "audio": "a.wav"},
             {"role": "listener", "text": "Oh."}]  # fmt: skip
    line = {"id": "0", "emotion": "sad", "turns": turns}
    data = tmp_path / "manifest.jsonl"
    data.write_text(json.dumps(line) + "\n" + json.dumps(line | {"id": "1"}) + "\n")
    marks = []
    for name, head in (("theirs", {}), ("text", {"input": "text"})):
        given = said(tmp_path / f"{name}.jsonl", 2)
        head = {"settings": {"system": name, **head}}
        given.write_text(json.dumps(head) + "\n" + given.read_text())
        place = ("--data", data, "--predictions", given, "-o", tmp_path / name)
        assert empatheia("evaluate", "text", *place).code == 0
        told = json.loads((tmp_path / name / "scores.json").read_text())
        marks.append(told["tables"]["text"]["rows"][0]["mark"])
    assert marks == ["label in the signal", ""]


def test_the_report_counts_what_was_asked_for(
    empatheia: Callable[..., Any], tmp_path: Path
) -> None:
    """Two of three were asked for, as the predictions say; one of them was left out."""
    data, given = talks(tmp_path / "valid.jsonl"), said(tmp_path / "mine.jsonl", 1, emotion="sad")
    given.write_text('{"settings": {"references": 2}}\n' + given.read_text())
    place = ("--data", data, "--predictions", given)
    scores = ("--limit", 2, "-o", tmp_path / "s")
    assert empatheia("evaluate", "text", *place, *scores).code == 0
    drawn = (tmp_path / "s" / "accuracy.svg").read_text()
    page = tmp_path / "report.html"
    assert empatheia("report", "--scores", tmp_path / "s", *place, "-o", page).code == 0
    for told in (drawn, page.read_text().partition("Figure 6")[2]):
        assert "(n=2)" in told
        assert "50.0" in told
    assert "1 of them were not predicted and count as wrong" in page.read_text()


def test_compare_and_features_on_little_data(
    empatheia: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = talks(tmp_path / "valid.jsonl")
    systems = [said(tmp_path / "a.jsonl"), said(tmp_path / "b.jsonl", reply="I am sorry, 1.")]
    given = [word for path in systems for word in ("--predictions", path)]
    done = empatheia("evaluate", "compare", "--data", data, *given, "-o", tmp_path / "c")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "c" / "compare.json").read_text())
    (overlap,) = told["comparisons"]["rouge_l"]
    assert (overlap["a"], overlap["b"], overlap["n"]) == ("a.jsonl", "b.jsonl", 3)
    assert overlap["difference"] < 0
    assert "| rouge_l | a.jsonl | b.jsonl |" in (tmp_path / "c" / "compare.md").read_text()
    parts = tiny_reasoner(), tiny_expression((3, 5), (4, 6))
    monkeypatch.setattr(feature_maps, "open_parts", lambda _: parts)
    made = empatheia("evaluate", "features", "--data", data, "-o", tmp_path / "f.npz")
    assert made.code == 0, made.err
    assert feature_maps.read_features(tmp_path / "f.npz").rows["emotion"].shape[0] == 3


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
