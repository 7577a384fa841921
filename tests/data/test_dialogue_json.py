"""Dialogue records: what is read, and each rule's refusal."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data.dialogue import MAX_TURNS, add_speaker_turn, parse_dialogue, read_dialogue
from empatheia.errors import InputError
from empatheia.types import Dialogue, Turn

SPEAKER = {"role": "speaker", "text": "I lost my job today."}
LISTENER = {"role": "listener", "text": "Oh no :)"}


def test_every_field_is_read(tmp_path: Path) -> None:
    chain = {
        "event_scenario": "losing a job",
        "speaker_emotion": "sad",
        "emotion_cause": "the shop closed",
        "goal_to_response": "comforting",
        "response_emotion": "sad",
    }
    record = {
        "id": 42,
        "emotion": "sad",
        "topic": "Work",
        "situation": "The shop closed.",
        "speaker_profile": {"age": "young", "gender": "male", "timbre": "high", "ID": 28},
        "listener_profile": {"age": "elderly"},
        "turns": [SPEAKER | {"audio": "a.wav", "emotion": "sad", "emotion8": "sad"},
                  LISTENER | {"chain_of_empathy": chain}],
    }  # fmt: skip
    path = tmp_path / "record.json"
    path.write_text("\ufeff" + json.dumps(record), encoding="utf-8")
    dialogue = read_dialogue(path)
    assert dialogue.id == "42"
    assert dialogue.speaker is not None
    assert dialogue.speaker.tone == "emphatic"
    assert dialogue.listener is not None
    assert dialogue.listener.age == "elderly"
    assert dialogue.turns[0].audio == tmp_path / "a.wav"
    assert dialogue.turns[1].chain is not None
    assert dialogue.turns[1].chain.emotion_cause == "the shop closed"


def test_a_record_of_empathetic_dialogues() -> None:
    record = {
        "conv_id": "hit:1_conv:2",
        "emotion": "sad",
        "situation": "s",
        "utterances": [SPEAKER],
    }
    assert parse_dialogue(record, "x").id == "hit:1_conv:2"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([SPEAKER], "not a list"),
        ("text", "not a string"),
        (None, "not null"),
        ({}, '"turns" must be a list'),
        ({"turns": []}, "at least one"),
        ({"turns": "I"}, '"turns" must be a list'),
        ({"turns": [SPEAKER, LISTENER] * MAX_TURNS}, "200 turns; 100"),
        ({"turns": ["I lost"]}, "turn 1: a JSON object"),
        ({"turns": [{"role": "speker", "text": "a"}]}, "Did you mean 'speaker'"),
        ({"turns": [{"role": ["speaker"], "text": "a"}]}, "unknown role"),
        ({"turns": [{"role": "speaker", "text": 5}]}, "not a number"),
        ({"turns": [{"role": "speaker"}]}, "not null"),
        ({"turns": [{"role": "speaker", "text": " "}]}, "turn 1: the text is empty"),
        ({"turns": [{"role": "speaker", "text": "😢"}]}, "no words"),
        ({"turns": [{"role": "speaker", "text": "x" * 5000}]}, "5,000 characters"),
        ({"turns": [LISTENER, SPEAKER]}, "turn 1 is the listener's"),
        ({"turns": [SPEAKER, SPEAKER]}, "turn 2 is the speaker's"),
        ({"turns": [SPEAKER], "emotion": "sadd"}, "Did you mean 'sad'"),
        ({"turns": [SPEAKER], "emotion": []}, "unknown emotion"),
        ({"turns": [SPEAKER], "situation": 3}, "'situation' must be a string"),
        ({"turns": [SPEAKER], "listner_profile": {}}, "Did you mean 'listener_profile'"),
        ({"turns": [SPEAKER], "listener_profile": {"age": "old"}}, "unknown age"),
        ({"turns": [SPEAKER], "listener_profile": {"age": 3}}, "unknown age"),
        ({"turns": [SPEAKER], "listener_profile": "old"}, "not a string"),
        ({"turns": [SPEAKER | {"chain_of_empathy": {}}]}, "event_scenario"),
    ],
)
def test_wrong_shapes(record: object, said: str) -> None:
    with pytest.raises(InputError, match=r"^here") as caught:
        parse_dialogue(record, "here")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps({"turns": [SPEAKER]}).encode()[:-9], "not complete JSON"),
        (b"", "not complete JSON"),
        (b'{"turns": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested"),
        (b" " * 1_000_001, "larger than"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_dialogue(path)
    with pytest.raises(InputError, match="cannot read"):
        read_dialogue(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        read_dialogue(tmp_path / "absent.json")


_NAMES = st.sampled_from(["turns", "role", "text", "emotion", "listener_profile", "age"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["speaker", "listener"]),
    lambda inner: st.lists(inner) | st.dictionaries(
        _NAMES | st.text(),
        inner,
    ),
)  # fmt: skip


@given(_JSON)
def test_anything_is_read_or_refused(record: object) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_dialogue(record, "x"), Dialogue)


def test_more_is_joined_to_an_unanswered_turn() -> None:
    start = Dialogue("d", ())
    once = add_speaker_turn(start, " I lost my job. ")
    assert once.turns == (Turn("speaker", "I lost my job."),)
    assert add_speaker_turn(once, "It hurts.").turns[0].text == "I lost my job. It hurts."
