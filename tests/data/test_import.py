"""Releases become manifests: every layout, broken input, files by name."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data import avamerg, importer, json_stream, manifest
from empatheia.data.feelings import UtteranceReader
from empatheia.data.labels import EMOTIONS8, EMOTIONS32, Feeling
from empatheia.data.rules import Fault
from empatheia.errors import ConfigError, InputError
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Turn

SHARED = Path(__file__).parents[3] / "shared" / "data"
SAMPLE = {
    "conversation_id": "00042",
    "speaker_profile": {"age": "young", "gender": "male", "timbre": "high", "ID": 28},
    "listener_profile": {"age": "young", "gender": "female", "timbre": "mid", "ID": 18},
    "topic": "Life Events",
    "turns": [
        {
            "turn_id": "0",
            "context": "My dog ran_comma_ away.",
            "dialogue_history": [{"index": 0, "role": "speaker", "utterance": "My dog ran."}],
            "response": "Oh no.",
            "chain_of_empathy": {
                "speaker_emotion": "sad",
                "event_scenario": "A dog ran away",
                "emotion_cause": "It is gone",
                "goal_to_response": "Comforting",
            },
        },
        {
            "turn_id": "1",
            "context": "My dog ran_comma_ away.",
            "dialogue_history": [
                {"index": 0, "role": "speaker", "utterance": "My dog ran."},
                {"index": 1, "role": "listener", "utterance": "Oh no."},
                {"index": 2, "role": "speaker", "utterance": "Yes."},
            ],
        },
    ],
}
EMPTY = {"conversation_id": "00043", "turns": []}
READER = UtteranceReader(lambda texts: [Feeling("sad", "guilty")] * len(texts), "test")

words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=9)
profiles = st.builds(Profile)
chains = st.builds(
    ChainOfEmpathy, words, st.sampled_from(EMOTIONS32), words, words, st.sampled_from(EMOTIONS8)
)


@st.composite
def dialogues(draw: st.DrawFn) -> Dialogue:
    told = draw(st.lists(words, max_size=5))
    turns = []
    for place, text in enumerate(told):
        role = "listener" if place % 2 else "speaker"
        key = draw(st.sampled_from([None, *EMOTIONS8]))
        chain = draw(st.none() | chains) if place % 2 else None
        turns.append(Turn(role, text, emotion8=key, emotion_source="x", chain=chain))
    person = draw(st.none() | profiles)
    return Dialogue(
        id="7",
        turns=tuple(turns),
        emotion=draw(st.sampled_from(EMOTIONS32)),
        situation=draw(st.none() | words) if turns else None,
        topic="Life Events",
        speaker=person,
        speaker_id="28" if person else None,
        split="train",
        source="made",
    )


@given(dialogues())
def test_records_and_released_layout_lose_nothing(dialogue: Dialogue) -> None:
    line = json.loads(json.dumps(manifest.to_record(dialogue)))
    assert manifest.from_record(line) == dialogue
    item = json.loads(json.dumps(avamerg.to_released(dialogue)))
    found = [x for x in avamerg.from_released(item, None, "x") if not isinstance(x, Fault)]
    assert found == [dialogue]


def released(folder: Path, *items: object, name: str = "test.json") -> Path:
    (folder / name).write_text(json.dumps(items, indent=1), encoding="utf-8")
    return folder / name


def test_avamerg_with_profiles_chains_and_empty_conversations(tmp_path: Path) -> None:
    path = released(tmp_path, SAMPLE, EMPTY, name="train.json")
    out = tmp_path / "out.jsonl"
    report = importer.run("avamerg", path, out, reader=READER)
    full, empty = manifest.read(out)
    assert [t.text for t in full.turns] == ["My dog ran.", "Oh no.", "Yes."]
    assert [t.emotion for t in full.turns] == ["sad", "guilty", "sad"]
    assert [t.emotion8 for t in full.turns] == ["sad", "sad", "sad"]
    assert [t.emotion_source for t in full.turns] == ["dialogue", "test", "dialogue"]
    assert full.turns[1].chain is not None
    assert full.turns[1].chain.response_emotion == "sad"
    assert full.speaker is not None
    assert (full.speaker.tone, full.speaker_id, full.split) == ("emphatic", "28", "train")
    assert full.drawn == ("speaker.race", "listener.race")
    assert empty.turns == ()
    assert (report.dialogues, report.empty, report.counts["R8"]) == (2, 1, 1)


def test_two_imports_are_the_same_bytes(tmp_path: Path) -> None:
    path = released(tmp_path, SAMPLE, EMPTY)
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for out in outs:
        importer.run("avamerg", path, out, reader=READER, draw_people=True)
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.shared
def test_the_official_test_file_imports_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "ava.jsonl"
    report = importer.run("avamerg", SHARED / "avamerg" / "test_300.json", out)
    assert (report.dialogues, report.empty, report.left_out) == (300, 20, 0)
    assert sum(1 for _ in manifest.read(out)) == 300


def test_official_csv(tmp_path: Path) -> None:
    path = tmp_path / "valid.csv"
    path.write_text(
        "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n"
        "hit:1_conv:2,1,sad,I lost it_comma_ all,1,I lost it_comma_ all.,5|5|5_5|5|5,\n"
        "hit:1_conv:2,2,sad,I lost it_comma_ all,0,Oh no.,5|5|5_5|5|5,\n"
        "broken,line\n"
        "hit:2_conv:4,1,proud,I won,3,I won!,5|5|5_5|5|5,<LINK>\n",
        encoding="utf-8",
    )
    report = importer.run("empathetic-dialogues", path, tmp_path / "o.jsonl")
    first, second = manifest.read(tmp_path / "o.jsonl")
    assert first.turns[0] == Turn(
        "speaker", "I lost it, all.", emotion="sad", emotion8="sad", emotion_source="dialogue"
    )
    assert (first.turns[1].role, first.situation, first.split) == (
        "listener",
        "I lost it, all",
        "valid",
    )
    assert second.emotion == "proud"
    assert [f.id for f in report.faults] == ["valid.csv line 4"]


def test_a_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = b'{"id": "1", "turns": [{"role": "speaker", "text": "Hi"}]}\n'
    bad = [b'{"id": "2", \n', b'{"id": "3", "turns": "\xff"}\n', b"[1]\n", b'{"id": "4"}\n']
    path = tmp_path / "in.jsonl"
    path.write_bytes(good + b"".join(bad) + good.replace(b'"1"', b'"5"'))
    report = importer.run("jsonl", path, tmp_path / "out.jsonl")
    assert [(f.rule, f.id) for f in report.faults] == [
        ("R1", "in.jsonl line 2"),
        ("R2", "in.jsonl line 3"),
        ("R3", "in.jsonl line 4"),
        ("R3", "in.jsonl line 5"),
    ]
    assert [d.id for d in manifest.read(tmp_path / "out.jsonl")] == ["1", "5"]
    told = json.loads((tmp_path / "out.report.json").read_text())
    assert told["rules"]["R1"]["broken"] == 1


def test_a_truncated_release_keeps_what_came_before(tmp_path: Path) -> None:
    path = released(tmp_path, SAMPLE, EMPTY)
    path.write_bytes(path.read_bytes()[:-20])
    report = importer.run("avamerg", path, tmp_path / "out.jsonl")
    assert report.dialogues == 1
    assert report.faults[0].rule == "R1"
    assert "line" in report.faults[0].message
    path.write_text("no json")
    with pytest.raises(InputError, match="R1"):
        importer.run("avamerg", path, tmp_path / "new.jsonl")
    assert not (tmp_path / "new.jsonl").exists()


@given(st.lists(st.recursive(st.none() | st.integers() | words, st.lists, max_leaves=5)))
def test_a_streamed_array_equals_the_whole(tmp_path_factory: object, values: list[object]) -> None:
    path = tmp_path_factory.mktemp("s") / "a.json"  # type: ignore[attr-defined]
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
    assert list(json_stream.elements(path)) == values


def test_a_streamed_array_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", 7)
    path = released(tmp_path, SAMPLE, EMPTY, SAMPLE)
    assert list(json_stream.elements(path)) == [SAMPLE, EMPTY, SAMPLE]


def test_media_by_name(tmp_path: Path) -> None:
    path = released(tmp_path, SAMPLE, EMPTY)
    media = tmp_path / "media" / "deep"
    media.mkdir(parents=True)
    for name in ("dia00042utt0_28.wav", "dia00042utt0_28.mp4", "dia00099utt1_3.wav", "x.txt"):
        (media / name).write_bytes(b"-")
    (tmp_path / "media" / "dia00042utt0_28.wav").write_bytes(b"-")
    report = importer.run("avamerg", path, tmp_path / "o.jsonl", [tmp_path / "media"])
    full = next(manifest.read(tmp_path / "o.jsonl"))
    assert full.turns[0].audio is not None
    assert full.turns[0].audio.name == "dia00042utt0_28.wav"
    assert full.turns[0].video is not None
    assert full.turns[1].audio is None
    assert sorted(report.counts) == ["R5", "R6", "R8"]


@pytest.mark.parametrize(
    ("name", "turn"), [("dia42utt1.wav", 0), ("dia00042utt1.wav", 1), ("dia00042utt1_7.WAV", 1)]
)
def test_renamed_media(tmp_path: Path, name: str, turn: int) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / name).write_bytes(b"-")
    importer.run("avamerg", released(tmp_path, SAMPLE), tmp_path / "o.jsonl", [tmp_path / "m"])
    full = next(manifest.read(tmp_path / "o.jsonl"))
    assert [t.audio is not None for t in full.turns].index(True) == turn


def test_zips_stay_in_their_folder_and_do_not_explode(tmp_path: Path) -> None:
    archive = tmp_path / "media.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a/dia00042utt0_28.wav", b"sound")
        z.writestr("../dia00042utt1_18.wav", b"out")
        z.writestr("/dia00042utt1_18.wav", b"out")
        z.writestr("dia00042utt2_28.wav", b"\0" * 5_000_000)
    path, out = released(tmp_path, SAMPLE), tmp_path / "o.jsonl"
    for _ in range(2):  # the second time nothing is unpacked, and the same is said
        report = importer.run("avamerg", path, out, [archive])
        assert report.counts["R7"] == 3
        full = next(manifest.read(out))
        assert [t.audio is not None for t in full.turns] == [True, False, False]
    assert full.turns[0].audio is not None
    assert full.turns[0].audio.read_bytes() == b"sound"
    assert not (tmp_path.parent / "dia00042utt1_18.wav").exists()
    archive.write_bytes(archive.read_bytes()[:100])
    assert importer.run("avamerg", path, tmp_path / "p.jsonl", [archive]).counts["R7"] == 1


@pytest.mark.parametrize(
    ("kind", "path", "out", "says"),
    [
        ("avamreg", "in.jsonl", "o.jsonl", "Did you mean 'avamerg'"),
        ("jsonl", "none", "o.jsonl", "nothing at"),
        ("jsonl", "in.jsonl", "o.json", "is no .jsonl"),
        ("avamerg", ".", "o.jsonl", "no AvaMERG file"),
    ],
)
def test_wrong_calls(tmp_path: Path, kind: str, path: str, out: str, says: str) -> None:
    (tmp_path / "in.jsonl").write_text("{}")
    with pytest.raises((InputError, ConfigError), match=says):
        importer.run(kind, tmp_path / path, tmp_path / out)


def test_people_are_drawn_evenly_and_kept(tmp_path: Path) -> None:
    from empatheia.data import plan

    made = [plan.complete(Dialogue(str(i), (Turn("speaker", "a"),)), i) for i in range(240)]
    assert {d.speaker for d in made} == {d.listener for d in made} == set(plan.everybody())
    people = {}
    for d in made:
        for side in plan.SIDES:
            who = getattr(d, f"{side}_id")
            assert people.setdefault(who, getattr(d, side)) == getattr(d, side)
    assert len({(d.speaker, d.listener) for d in made}) > 200
    again = plan.complete(replace(made[0], drawn=()), 5)
    assert again.speaker == made[0].speaker
