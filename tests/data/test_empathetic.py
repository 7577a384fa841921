"""Reading ED-format files, and what they say when they are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from empatheia.data.empathetic import examples, read_chains, read_dialogues
from empatheia.errors import InputError

LINE = {
    "conv_id": "c1",
    "emotion": "sad",
    "situation": "My dog ran_comma_ away.",
    "utterances": [
        {"role": "speaker", "text": "My dog  ran_comma_ far"},
        {"role": "listener", "text": "Oh no."},
        {"role": "speaker", "text": "Yes"},
        {"role": "listener", "text": "Sorry."},
        {"role": "speaker", "text": "Thanks"},
    ],
}


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return path


def test_one_example_a_response(tmp_path: Path) -> None:
    found = examples(read_dialogues(write(tmp_path / "a.jsonl", LINE)))
    assert [len(e.context) for e in found] == [1, 3]
    assert found[0].context[0].text == "My dog ran, far"
    assert all(e.emotion == "sad" and e.context[-1].role == "speaker" for e in found)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: expected a JSON object"),
        ({"conv_id": "x"}, "no emotion, utterances"),
        (LINE | {"emotion": "sadd"}, "Did you mean 'sad'"),
        (LINE | {"utterances": [{"role": "bot", "text": "a"}]}, "utterance 0"),
        (LINE | {"utterances": "none"}, "must be a list"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, bad: object, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("{", r"\{")):
        read_dialogues(write(tmp_path / "a.jsonl", LINE, bad))


def test_missing_empty_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_dialogues(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="holds no dialogue"):
        read_dialogues(write(tmp_path / "empty.jsonl"))
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_dialogues(tmp_path / "b.jsonl")
    with pytest.raises(InputError, match="folder"):
        read_dialogues(tmp_path)


def test_chains_are_keyed_by_dialogue_and_turns(tmp_path: Path) -> None:
    line = {"conv_id": "c1", "context": ["a", "b", "c"], "coe": {"emotion_cause": " x  y "}}
    assert read_chains(write(tmp_path / "c.jsonl", line)) == {("c1", 3): {"emotion_cause": "x y"}}
