"""Each rule finds what breaks it; what can be repaired is, into a new file; figures are right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from empatheia.data import manifest, plan, statistics
from empatheia.data.fix import fix
from empatheia.data.labels import AVAMERG_32_TO_7
from empatheia.data.rules import RULES
from empatheia.data.validate import validate
from empatheia.errors import ConfigError
from empatheia.types import Dialogue, Turn


def good(name: str = "1", text: str = "My dog ran away.") -> dict[str, object]:
    sad = {"emotion": "sad", "emotion8": "sad", "emotion_source": "dialogue"}
    turns = [
        {"role": "speaker", "text": text, **sad},
        {"role": "listener", "text": "Oh no."},
    ]
    return {"id": name, "emotion": "sad", "turns": turns}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def changed(place: int, **values: object) -> dict[str, object]:
    record = good()
    record["turns"][place] |= values  # type: ignore[index]
    return record


PROFILE = {"age": "young", "gender": "male", "tone": "mild", "race": "asian"}
CASES = {
    "V1": [{"id": "1", "turns": [{"role": "dog", "text": "a"}]}],
    "V2": [good("1"), good("1", "Something else happened.")],
    "V3": [{"id": "1", "turns": []}],
    "V4": [good() | {"turns": [{"role": "listener", "text": "Hello"}]}],
    "V5": [changed(1, text="...")],
    "V6": [changed(1, emotion8="angy", emotion_source="x")],
    "V7": [good() | {"speaker_profile": PROFILE | {"age": "old"}}],
    "V8": [changed(0, emotion="angry"), changed(0, emotion8="angry") | {"id": "2"}],
    "V9": [changed(1, chain_of_empathy={"speaker_emotion": "sadd"})],
    "V10": [changed(1, audio="none.wav", video="none.mp4")],
    "V12": [
        good("1") | {"speaker_profile": PROFILE, "speaker_id": "7"},
        good("2", "A cat.") | {"speaker_profile": PROFILE | {"race": "indian"}, "speaker_id": "7"},
    ],
    "V13": [good("1"), good("2")],
    "V14": [changed(1, emotion8="sad")],
    "V15": [changed(1, emotion="proud", emotion8="sad", emotion_source="x")],
    "V16": [changed(1, intensity=1.5)],
}


@pytest.mark.parametrize("rule", CASES)
def test_a_breach_is_found_and_repaired(tmp_path: Path, rule: str) -> None:
    path = write(tmp_path / "a.jsonl", *CASES[rule])
    verdict = validate(path)
    assert verdict.counts[rule] >= 1
    assert verdict.errors == 0 or rule not in ("V3", "V13", "V14")
    if rule in ("V12", "V3", "V14"):
        return
    fix(path, tmp_path / "b.jsonl")
    assert validate(tmp_path / "b.jsonl").errors == 0


def test_a_good_manifest_passes_and_is_not_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", good("1"), good("2", "My cat came back."))
    assert not validate(path).counts
    assert not any(fix(path, tmp_path / "b.jsonl").values())
    assert list(manifest.read(path)) == list(manifest.read(tmp_path / "b.jsonl"))
    with pytest.raises(ConfigError, match="name another file"):
        fix(path, path)


def test_broken_lines_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", good())
    path.write_bytes(path.read_bytes() + b'{"id"\n' + b'"\xff"\n7\n')
    found = [(f.rule, f.id) for f in validate(path).faults]
    assert found == [("R1", "a.jsonl line 2"), ("R2", "a.jsonl line 3"), ("R3", "a.jsonl line 4")]


def test_schema_and_rules_agree(tmp_path: Path) -> None:
    from empatheia.data.schema import manifest_schema

    schema = manifest_schema()
    made = manifest.to_record(plan.complete(Dialogue("1", (Turn("speaker", "a"),)), 0))
    assert set(made) <= set(schema["properties"])
    assert set(made["turns"][0]) <= set(schema["properties"]["turns"]["items"]["properties"])
    assert list(RULES) == sorted(RULES, key=list(RULES).index)


def test_statistics_add_up(tmp_path: Path) -> None:
    dialogues = [
        plan.complete(
            Dialogue(
                str(i),
                (Turn("speaker", "one two three"), Turn("listener", "four")),
                emotion="sad" if i % 2 else "proud",
                topic=f"t{i % 3}",
                split="train" if i else "test",
            ),
            i,
        )
        for i in range(120)
    ]
    dialogues.append(Dialogue("empty", ()))
    counted = statistics.count(dialogues)
    table = counted.table()
    assert table["dialogues"] == 121
    assert (table["dialogues train"], table["dialogues test"]) == (119, 1)
    assert (table["words per utterance"], table["utterances per dialogue"]) == (2.0, 2.0)
    assert (table["topics"], table["races"]) == (3, 5)
    assert table["emotions (text/multimodal)"] == "2/2"
    assert counted.shares_of_seven() == {"happy": 50.0, "sad": 50.0}
    said = [table[f"utterances {age} (male/female)"] for age in ("child", "elderly")]
    assert said == ["30/30", "30/30"]
    assert AVAMERG_32_TO_7["proud"] == "happy"
    assert set(table) == set(statistics.PAPER)
    text = statistics.markdown(counted, "x")
    assert "| dialogues | 121 | 33,048 |" in text


def test_the_picture_is_a_png() -> None:
    pytest.importorskip("matplotlib")
    from empatheia.data.plots import figure

    counted = statistics.count([Dialogue("1", (Turn("speaker", "one two"),), emotion="sad")])
    assert figure(counted, "x").startswith(b"\x89PNG")
