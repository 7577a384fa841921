"""empatheia reply: every option, every refusal, and files that are complete or absent."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

DIALOGUE = {
    "turns": [
        {"role": "speaker", "text": "My ring was stolen."},
        {"role": "listener", "text": "Oh no."},
        {"role": "speaker", "text": "I am so sad about it."},
    ],
    "listener_profile": {"age": "elderly", "gender": "male", "tone": "gentle"},
}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "dialogue.json"
    path.write_text(json.dumps(DIALOGUE))
    return path


def refused(outcome, *words: str) -> None:
    """One line on standard error, exit code 2, nothing on standard output."""
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_files_and_screen(fake, empatheia, tmp_path):
    outcome = empatheia("reply", "I lost my dog.", "-o", tmp_path / "a" / "b")
    assert outcome.code == 0, outcome.err
    folder = tmp_path / "a" / "b"
    assert sorted(p.name for p in folder.iterdir()) == ["reply.json", "reply.mp4", "reply.wav"]
    for seen in ("losing a [thing]", "That was turn 1", "speak 0.20 s", "reply.mp4"):
        assert seen in outcome.out
    assert fake.opened == {"preset": "small", "size": 256, "care": True, "country": None}
    assert fake.closed == 1


def test_default_folder_and_none(fake, empatheia, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empatheia("reply", "I lost my dog.", "--text-only")
    empatheia("reply", "I lost my dog.", "--json")
    assert list(tmp_path.iterdir()) == []
    empatheia("reply", "I lost my dog.")
    assert (tmp_path / "out" / "reply.mp4").exists()


def test_json_is_all_of_standard_output(fake, empatheia, tmp_path):
    outcome = empatheia("reply", "I lost my dog.", "--json", "-o", tmp_path)
    printed = json.loads(outcome.out)
    assert printed == json.loads((tmp_path / "reply.json").read_text())
    assert set(printed) == {
        "text", "emotion", "emotion_probabilities", "chain_of_empathy", "intensity", "profile",
        "avatar", "phonemes", "timings", "safety", "versions", "perceived",
    }  # fmt: skip
    assert len(printed["emotion_probabilities"]) == 32
    assert sum(printed["emotion_probabilities"].values()) == pytest.approx(1)
    assert printed["phonemes"][0] == {"symbol": "AY1", "start": 0.0, "end": 0.1, "word": 0}


def test_text_only_takes_old_media_away(fake, empatheia, tmp_path):
    empatheia("reply", "I lost my dog.", "-o", tmp_path)
    empatheia("reply", "I lost my dog.", "-o", tmp_path, "--text-only")
    assert [p.name for p in tmp_path.iterdir()] == ["reply.json"]


def test_options_reach_the_system(fake, empatheia, tmp_path):
    outcome = empatheia(
        "reply", "I lost my dog.", "--profile", "age=elderly,tone=gentle", "--avatar", "mei",
        "--seed", "7", "--size", "512", "--no-care-screen", "--country", "gb", "--json",
        "--set-chain", "speaker_emotion=Lonely", "--set-chain", "emotion_cause=an empty house",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    _, profile, avatar, seed, _ = fake.asked[0]
    assert (profile.age, profile.tone, profile.race) == ("elderly", "gentle", "asian")
    assert (avatar, seed) == ("mei", 7)
    assert fake.opened == {"preset": "small", "size": 512, "care": False, "country": "gb"}
    chain = json.loads(outcome.out)["chain_of_empathy"]
    assert chain["speaker_emotion"] == "lonely"
    assert chain["emotion_cause"] == "an empty house"


def test_dialogue_file(fake, empatheia, record):
    assert empatheia("reply", "--dialogue", record, "--text-only").code == 0
    dialogue, profile, *_ = fake.asked[0]
    assert len(dialogue.turns) == 3
    assert (profile.age, profile.gender) == ("elderly", "male")


def test_text_is_added_to_the_dialogue(fake, empatheia, record, tmp_path):
    empatheia("reply", "It was gold.", "--dialogue", record, "--text-only")
    assert fake.asked[0][0].turns[-1].text == "I am so sad about it. It was gold."
    waiting = tmp_path / "waiting.json"
    waiting.write_text(json.dumps({"turns": DIALOGUE["turns"][:2]}))
    empatheia("reply", "It was gold.", "--dialogue", waiting, "--text-only")
    assert [turn.role for turn in fake.asked[1][0].turns] == ["speaker", "listener", "speaker"]
    empatheia("reply", "--dialogue", waiting, "--text-only", stdin="From a pipe.\n")
    assert fake.asked[2][0].turns[-1].text == "From a pipe."
    refused(empatheia("reply", "--dialogue", waiting, "--text-only"), "empty")


def test_standard_input(fake, empatheia):
    empatheia("reply", "--text-only", stdin="I lost\nmy dog.\n")
    empatheia("reply", "-", "--text-only", stdin="I lost\x07 my dog.")
    assert [asked[0].turns[-1].text for asked in fake.asked] == ["I lost my dog."] * 2
    refused(empatheia("reply", "--text-only", stdin=b"I lost \xff\xfe"), "UTF-8")
    refused(empatheia("reply", "--text-only", stdin=""), "empty")
    refused(empatheia("reply", "--text-only", stdin="x" * 100_000), "4,000")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\x00\x1b\x07", "empty"),
        ("a" * 100_000, "100,000 characters; 4,000"),
        ("😢😭", "emoji"),
        ("?!", "no words"),
        ("今天我的狗死了", "Chinese"),
        ("Ich habe heute meinen Job verloren und bin traurig", "German"),
        ("a \udcff b", "UTF-8"),
    ],
)
def test_text_that_cannot_be_answered(fake, empatheia, text, said):
    refused(empatheia("reply", text, "--text-only"), said)
    assert fake.asked == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "age=old"), "child, young, middle-aged, elderly"),
        (("--profile", "agee=young"), "Did you mean 'age'"),
        (("--profile", "elderly"), "FIELD=VALUE"),
        (("--profile", ""), "FIELD=VALUE"),
        (("--profile", "age=young,age=young"), "twice"),
        (("--avatar", "tim"), "Did you mean 'tom'"),
        (("--avatar", "tom", "--profile", "gender=female"), "contradicts avatar 'tom'"),
        (("--set-chain", "speaker_emotion=sadd"), "Did you mean 'sad'"),
        (("--set-chain", "emotion=sad"), "unknown chain field"),
        (("--set-chain", "emotion_cause"), "FIELD=VALUE"),
        (("--set-chain", "emotion_cause="), "empty"),
        (("--size", "300"), "256, 512"),
        (("--seed", "-1"), "--seed"),
        (("--seed", "many"), "--seed"),
        (("--nonsense",), "--nonsense"),
        (("--dialogue", "absent.json"), "absent.json"),
        (("-o", f"{os.devnull}/x"), "cannot write"),
    ],
)
def test_wrong_options(fake, empatheia, words, said):
    refused(empatheia("reply", "I lost my dog.", "--text-only", *words), said)
    assert fake.asked == []


def test_an_unknown_country_is_refused_before_loading(fake, empatheia, monkeypatch):
    refused(empatheia("reply", "I lost my dog.", "--country", "Germoney"), "country", "Germoney")
    monkeypatch.setenv("EMPATHEIA_COUNTRY", "Germoney")
    refused(empatheia("reply", "I lost my dog.", "--text-only"), "country", "Germoney")
    monkeypatch.setenv("EMPATHEIA_COUNTRY", "GB")
    assert empatheia("reply", "I lost my dog.", "--text-only").code == 0


def test_full_disk_leaves_nothing(fake, empatheia, tmp_path, monkeypatch):
    empatheia("reply", "I lost my dog.", "-o", tmp_path / "old", "--seed", "1")
    before = (tmp_path / "old" / "reply.json").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused(empatheia("reply", "I won a prize.", "-o", tmp_path / "new" / "er"), "disk is full")
    assert not (tmp_path / "new").exists()
    refused(empatheia("reply", "I won a prize.", "-o", tmp_path / "old"), "disk is full")
    assert (tmp_path / "old" / "reply.json").read_bytes() == before
    assert len(list((tmp_path / "old").iterdir())) == 3


def test_interrupted_run_writes_nothing(fake, empatheia, tmp_path):
    fake.interrupt_at = 1
    outcome = empatheia("reply", "I lost my dog.", "-o", tmp_path / "out")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "interrupted\n")
    assert fake.closed == 1
    assert not (tmp_path / "out").exists()
