"""Rendering, packing and reading back: the same dialogues; killed anywhere: the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from empatheia.data import importer, manifest
from empatheia.data.builder import render as work
from empatheia.data.builder.package import package
from empatheia.data.builder.splits import assign, keys_of, leaks
from empatheia.data.builder.workers import mapper
from empatheia.data.feelings import SPREAD, STRENGTHS, spread
from empatheia.data.labels import EMOTIONS8
from empatheia.data.validate import validate
from empatheia.errors import ConfigError, InputError
from empatheia.types import Dialogue, Profile, Turn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from acting import open_studio  # noqa: E402

TEXTS = (("My dog ran", "Oh no", "Yes"), ("I won", "Great"), (), ("It rained", "Oh"), ("Hm", "Hm?"))


def source(folder: Path) -> Path:
    """Five dialogues, one of them empty."""
    dialogues = []
    for number, texts in enumerate(TEXTS):
        turns = tuple(
            Turn("listener" if i % 2 else "speaker", f"{text} {number}.")
            for i, text in enumerate(texts)
        )
        dialogues.append(Dialogue(f"hit:{number}", turns, emotion="sad", source="made"))
    manifest.write(folder / "in.jsonl", dialogues)
    return folder / "in.jsonl"


def render(path: Path, out: Path) -> list[work.Rendered]:
    played = work.cast(manifest.read(path), numeric=False)
    return list(work.render(played, out, mapper("local", open_studio, out, 1, 0)))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    render(source(folder), folder / "set")
    return folder


def without_media(dialogue: Dialogue) -> Dialogue:
    turns = (replace(t, audio=None, video=None, times=None) for t in dialogue.turns)
    return replace(dialogue, turns=tuple(turns))


def test_every_utterance_has_its_clip_and_times(made: Path) -> None:
    assert validate(made / "set" / "manifest.jsonl").errors == 0
    dialogues = list(manifest.read(made / "set" / "manifest.jsonl"))
    assert [len(d.turns) for d in dialogues] == [3, 2, 0, 2, 2]
    assert dialogues[0].source == "made/hit:0"
    for dialogue in dialogues:
        for turn in dialogue.turns:
            assert turn.audio is not None
            assert turn.times is not None
            assert turn.video is not None
            told = json.loads(turn.times.read_text())
            assert told["text"] == turn.text
            assert told["phonemes"][-1][2] == pytest.approx(told["seconds"])
            assert turn.video.stat().st_size == told["bytes"][1]
    names = [d.turns[1].audio.name for d in dialogues if d.turns]  # type: ignore[union-attr]
    assert names[0] == f"dia00001utt1_{dialogues[0].listener_id}.wav"


def test_import_gives_the_rendered_dialogues_back(made: Path, tmp_path: Path) -> None:
    importer.run("avamerg", made / "set", tmp_path / "back.jsonl", [made / "set"])
    before = list(manifest.read(made / "set" / "manifest.jsonl"))
    after = list(manifest.read(tmp_path / "back.jsonl"))
    assert [without_media(d) for d in after] == [without_media(d) for d in before]
    assert [[t.audio and t.audio.name for t in d.turns] for d in after] == [
        [t.audio and t.audio.name for t in d.turns] for d in before
    ]


def test_a_second_run_makes_nothing_and_changes_nothing(made: Path) -> None:
    before = tree(made / "set")
    assert sum(r.made for r in render(made / "in.jsonl", made / "set")) == 0
    assert tree(made / "set") == before


def test_what_cannot_be_said_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    turns = (Turn("speaker", "..."), Turn("listener", "Oh no."))
    manifest.write(tmp_path / "in.jsonl", [Dialogue("1", turns)])
    (done,) = render(tmp_path / "in.jsonl", tmp_path / "out")
    assert [(f.rule, f.turn) for f in done.faults] == [("M5", 0)]
    assert done.dialogue.turns[1].audio is not None


def test_packed_and_read_back(made: Path, tmp_path: Path) -> None:
    done = package(made / "set" / "manifest.jsonl", tmp_path / "p", "Made", shard_bytes=4000)
    assert sum(done.splits.values()) == 5
    assert all(done.splits.values())
    assert done.shards > 3
    assert not done.leaks
    importer.run("avamerg", tmp_path / "p" / "avamerg", tmp_path / "b.jsonl", [tmp_path / "p"])
    key = lambda d: d.id  # noqa: E731
    before = sorted(manifest.read(made / "set" / "manifest.jsonl"), key=key)
    after = sorted(manifest.read(tmp_path / "b.jsonl"), key=key)
    for left, right in zip(before, after, strict=True):
        assert replace(without_media(right), split=None) == without_media(left)
        for a, b in zip(left.turns, right.turns, strict=True):
            assert a.audio is not None
            assert b.audio is not None
            assert a.audio.read_bytes() == b.audio.read_bytes()
    sums = (tmp_path / "p" / "SHA256SUMS").read_text().splitlines()
    assert len(sums) == done.shards + 8
    again = tree(tmp_path / "p")
    package(made / "set" / "manifest.jsonl", tmp_path / "p", "Made", shard_bytes=4000)
    assert tree(tmp_path / "p") == again


def test_splits_keep_people_and_texts_apart() -> None:
    long = "this is a text of more than eight words in all"
    dialogues = [
        Dialogue(
            str(i),
            (Turn("speaker", long if i in (3, 40) else f"text {i}"),),
            speaker_id=str(i % 20),
            listener_id=str(100 + i % 20),
        )
        for i in range(60)
    ]
    keys = [keys_of(d) for d in dialogues]
    names = assign(keys)
    assert not leaks(zip(keys, names, strict=True))
    assert names[3] == names[40]
    assert 36 <= names.count("train") <= 51
    assert min(names.count("valid"), names.count("test")) >= 3
    mixed = ["train", "test"] * 30
    assert {f.rule for f in leaks(zip(keys, mixed, strict=True))} == {"P1", "P2"} or leaks(
        zip(keys, mixed, strict=True)
    )
    tied = [keys_of(replace(d, speaker_id="1")) for d in dialogues]
    with pytest.raises(InputError, match="--casts"):
        assign(tied)


def test_packing_needs_its_files(made: Path, tmp_path: Path) -> None:
    turn = Turn("speaker", "Hi", audio=tmp_path / "none.wav")
    manifest.write(tmp_path / "m.jsonl", [Dialogue(str(i), (turn,)) for i in range(3)])
    with pytest.raises(InputError, match=r"none\.wav"):
        package(tmp_path / "m.jsonl", tmp_path / "p", "x")
    assert not (tmp_path / "p" / "SHA256SUMS").exists()
    with pytest.raises(InputError, match="have no split"):
        package(tmp_path / "m.jsonl", tmp_path / "p", "x", keep_splits=True)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'local'"):
        mapper("locl", open_studio, Path(), 1, 0)


def killed(count: int, folder: Path, *words: object) -> int:
    """Exit code of a step that is killed at its ``count``-th write under ``folder``."""
    call = [sys.executable, "-W", "ignore", str(HERE / "killed.py"), str(count), str(folder)]
    return subprocess.run([*call, *map(str, words)], check=False, capture_output=True).returncode


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("step", ["import", "render", "package"])
def test_killed_and_called_again_gives_the_same_bytes(
    step: str, made: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    if step == "render":
        render(made / "in.jsonl", whole)
        assert killed(11, cut, "render", made / "in.jsonl", cut) == -signal.SIGKILL
        assert 0 < len(tree(cut)) < len(tree(whole))
        render(made / "in.jsonl", cut)
    elif step == "package":
        path = made / "set" / "manifest.jsonl"
        package(path, whole, "x")
        words = ("data", "package", path, "-o", cut, "--name", "x")
        assert killed(8, cut, *words) == -signal.SIGKILL
        assert not (cut / "SHA256SUMS").exists()
        package(path, cut, "x")
    else:
        importer.run("avamerg", made / "set", whole / "m.jsonl")
        words = ("data", "import", "avamerg", made / "set", "-o", cut / "m.jsonl")
        code = killed(2, cut, *words, "--no-listener-emotions")
        assert code == -signal.SIGKILL
        assert not (cut / "m.jsonl").exists()
        importer.run("avamerg", made / "set", cut / "m.jsonl")
    assert tree(cut) == tree(whole)


def test_only_one_side_is_rendered(tmp_path: Path) -> None:
    played = work.cast(manifest.read(source(tmp_path)), numeric=False)
    how = mapper("local", open_studio, tmp_path / "set", 1, 0, ("listener",))
    done = [
        turn for item in work.render(played, tmp_path / "set", how) for turn in item.dialogue.turns
    ]
    assert {turn.role for turn in done if turn.audio} == {"listener"}
    assert all(turn.audio for turn in done if turn.role == "listener")
    assert len(list((tmp_path / "set" / work.MEDIA).glob("*.mp4"))) == 4


def test_listeners_feelings_are_spread_over_all_eight() -> None:
    turns = tuple(Turn(r, "Hm.", emotion8="happy") for r in ("speaker", "listener") * 8)
    given = [Dialogue(str(n), turns) for n in range(20)]
    done = list(spread(given, 0.5))
    assert done == list(spread(given, 0.5))
    assert list(spread(given, 0.0)) == given
    keys = [t.emotion8 for d in done for t in d.turns if t.role == "listener"]
    drawn = [t for d in done for t in d.turns if t.emotion_source == SPREAD]
    assert 0.35 < len(drawn) / len(keys) < 0.65
    assert set(keys) == set(EMOTIONS8)
    assert all(t.emotion8 == "happy" for d in done for t in d.turns if t.role == "speaker")
    assert {t.intensity for t in drawn} == set(STRENGTHS)
    played = work.take_of(replace(done[0], listener=Profile(), listener_id="1"), 1, 0)
    assert played.intensity == (done[0].turns[1].intensity or work.LISTENER)
