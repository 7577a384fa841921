"""Predictions with media: complete, resumed, refused where settings changed; teacher-forced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empatheia import presets
from empatheia.data.plan import seed_of
from empatheia.data.predictions import growing, read_answers
from empatheia.data.references import Reference, ReferenceSet
from empatheia.errors import InputError
from empatheia.evaluation.generate import (
    IN_SIGNAL,
    label_in_signal,
    marked,
    media_name,
    other_people,
    predict_media,
)
from empatheia.evaluation.predict import Writing, _batches, predict
from empatheia.face.avatar.people import resolve
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.media.audio import wav_bytes
from empatheia.media.tags import Tags
from empatheia.tiny import tiny_reasoner
from empatheia.types import (
    Avatar,
    ChainOfEmpathy,
    Dialogue,
    Frame,
    Phoneme,
    Profile,
    Reply,
    Safety,
    Speech,
    Turn,
)


class Voice:
    sample_rate, content_dim, style_dim = 16000, 1, 1

    def phonemize(self, text: str) -> tuple[Phoneme, ...]:
        return (Phoneme("AA", 0),)

    def encode_content(self, phonemes: Any) -> Any:
        return None

    def style_for(self, *_: Any) -> Any:
        return None

    def generate(self, *_: Any) -> Speech:
        return Speech(0.1 * np.sin(np.arange(6400) / 5).astype(np.float32), 16000)


class Face:
    fps = 25

    def style_for(self, *_: Any) -> Any:
        return None

    def avatar_for(self, profile: Profile, seed: int = 0) -> Avatar:
        return resolve(profile, seed)

    def encode_content(self, speech: Speech) -> Any:
        return range(round(speech.seconds * 25))

    def generate(self, avatar: Avatar, content: Any, *_: Any) -> Iterator[Frame]:
        return (Frame(np.full((64, 64, 3), 99, np.uint8), i / 25) for i in content)


class Fake:
    """Answers with its words' number; remembers how often it was asked."""

    def __init__(self) -> None:
        self.versions = {"reasoner": "tiny"}
        self.asked = 0
        self.reasoner, self.speech, self.face = tiny_reasoner(), Voice(), Face()

    def reply(self, dialogue: Dialogue) -> Reply:
        self.asked += 1
        chain = ChainOfEmpathy("x", "sad", "y", "z", "sad")
        return Reply(
            "Oh.", "sad", {"sad": 0.9, "angry": 0.1}, chain, 0.5, dialogue.listener or Profile(),
            "tom", (), {}, Safety(), {}, b"wav", b"mp4",
        )  # fmt: skip


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(presets.Empatheia, "from_preset", lambda *_, **__: made)
    return made


def references(count: int = 3) -> ReferenceSet:
    child = Profile(age="child")
    items = tuple(
        Reference(f"d:{i}#1", f"d:{i}", (Turn("speaker", "Hi."),), "Oh no.", "sad", listener=child)
        for i in range(count)
    )
    return ReferenceSet(items, (), Path("x.jsonl"), "d1")


def test_media_are_written_and_a_stopped_run_goes_on(fake: Fake, tmp_path: Path) -> None:
    path = predict_media(references(), tmp_path)
    answers = read_answers(path).items
    assert [a.id for a in answers] == ["d:0#1", "d:1#1", "d:2#1"]
    assert answers[0].audio is not None
    assert answers[0].audio.read_bytes() == b"wav"
    assert answers[0].top5 == ("sad", "angry")
    assert answers[0].profile["age"] == "child"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:9])  # killed while it wrote
    predict_media(references(), tmp_path)
    assert path.read_text() == "".join(lines)
    assert fake.asked == 5
    with pytest.raises(InputError, match="other weights, data or settings"):
        predict_media(references(2), tmp_path)


def test_text_of_a_stopped_run_is_that_of_one_that_was_not(tmp_path: Path) -> None:
    def run(out: Path) -> Path:
        sampling = Sampling(candidates=2, temperature=0.9, max_tokens=6)
        predict(
            tiny_reasoner(),
            references(7).items,
            out,
            {"a": 1},
            Writing(sampling, Ranking(), batch_size=3),
        )
        return out / "predictions.jsonl"

    whole = run(tmp_path / "whole").read_text()
    lines = whole.splitlines(keepends=True)
    for kept in (1, 3, 6):
        out = tmp_path / str(kept)
        out.mkdir()
        (out / "predictions.jsonl").write_text("".join(lines[:kept]) + lines[kept][:20])
        assert run(out).read_text() == whole
    assert [a.nll is not None for a in read_answers(tmp_path / "whole").items] == [True] * 7


def test_several_processes_write_what_one_does(tmp_path: Path) -> None:
    writing = Writing(Sampling(candidates=2, max_tokens=6), Ranking(), batch_size=2)
    for name, jobs in (("one", 1), ("two", 2)):
        told: list[int] = []
        predict(
            tiny_reasoner(), references(5).items, tmp_path / name, {}, writing,
            lambda done, _, told=told: told.append(done), tiny_reasoner, jobs,
        )  # fmt: skip
        assert told == [2, 4, 5]
    one, two = (tmp_path / name / "predictions.jsonl" for name in ("one", "two"))
    assert one.read_text() == two.read_text()


def test_prompts_and_replies_of_one_length_go_together() -> None:
    def asked(number: int, words: int, said: int) -> Reference:
        turns = (Turn("speaker", "word " * words),)
        return Reference(f"d{number}#1", str(number), turns, response="word " * said + ".")

    near = [(words, said) for said in (2, 9, 4, 7, 5, 3) for words in (1, 20, 21, 2)]
    lengths = [*near, (90, 1), (70, 5), (60, 2), (50, 9)]
    items = [asked(i, *pair) for i, pair in enumerate(lengths)]
    parts = _batches(tiny_reasoner(), items, size=2)
    assert sorted(r.id for part in parts for r in part) == sorted(r.id for r in items)
    found = [sorted(lengths[int(r.dialogue)] for r in part) for part in parts]
    assert found[:2] == [[(70, 5), (90, 1)], [(50, 9), (60, 2)]]  # the longest as they come
    assert found[2:] == [[(w, n), (w + 1, n)] for w in (20, 1) for n in (9, 7, 5, 4, 3, 2)]


def test_the_pipeline_writes_without_a_chain(tmp_path: Path) -> None:
    sampling = Sampling(candidates=1, temperature=0.0, max_tokens=4)
    items = references(2).items
    predict(tiny_reasoner(), items, tmp_path, {}, Writing(sampling, Ranking(), chained=False))
    found = read_answers(tmp_path).items
    assert [(a.emotion, a.chain, a.nll is None) for a in found] == [(None, {}, False)] * 2


@pytest.mark.parametrize("content", ["[]}\n", '{"id": "a#1", "reply": "x"}\n', "\xff\xfe{}\n"])
def test_a_file_of_another_origin_is_left_alone(content: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="choose another -o"), growing(tmp_path, {"a": 1}):
        pass
    assert path.read_bytes() == content.encode("latin-1")


def test_teacher_forced_says_the_human_words(fake: Fake, tmp_path: Path) -> None:
    path = predict_media(references(1), tmp_path, forced=True)
    found = read_answers(path)
    assert found.settings["teacher_forced"] is True
    assert found.items[0].reply == "Oh no."
    assert found.items[0].video is not None
    assert found.items[0].video.stat().st_size > 500
    assert fake.asked == 0


def recording(path: Path, title: str) -> Path:
    sound = Speech(np.zeros(1600, np.float32), 16000)
    path.write_bytes(wav_bytes(sound, Tags(title=title, comment="", software="")))
    return path


RENDERED = "Empatheia synthetic dialogue"


def test_teacher_forced_shows_the_person_of_the_reference(fake: Fake, tmp_path: Path) -> None:
    """As the renderer: the seed follows from the listener's id, whatever the profile."""
    films = [recording(tmp_path / f"{i}.wav", t) for i, t in enumerate([RENDERED, "Holiday"])]
    people = [("7", films[0]), ("127", films[0]), ("anna", films[0]), ("7", films[1]),
              (None, films[0])]  # fmt: skip
    items = tuple(
        replace(r, listener_id=who, video=film)
        for r, (who, film) in zip(references(5).items, people, strict=True)
    )
    predict_media(ReferenceSet(items, (), Path("x"), "d"), tmp_path / "out", forced=True)
    answers = read_answers(tmp_path / "out").items
    seeds = [(a.avatar or "").rpartition("-")[2] for a in answers]
    assert seeds[:4] == ["7", "127", str(seed_of("anna")), "7"]
    pairs = list(zip(items, answers, strict=True))
    assert other_people(pairs) == {
        "teacher-forced, but the data has no listener_id": ["d:4#1"],
        "teacher-forced, but the reference's person was not drawn here": ["d:3#1"],
    }
    usual = [(r, replace(a, avatar="lily")) for r, a in pairs[:2]]
    assert list(other_people(usual).values()) == [["d:0#1", "d:1#1"]]


def test_rendered_input_is_known_by_its_tags(tmp_path: Path) -> None:
    """One rendered file among recordings is enough, wherever it stands."""
    ours, others = (recording(tmp_path / f"{t[:3]}.wav", t) for t in (RENDERED, "Holiday"))
    silent = Turn("speaker", "Hi.")
    plain = Reference("a#1", "a", (silent, replace(silent, audio=others)))
    mixed = Reference("b#1", "b", (silent, replace(silent, audio=ours)))
    assert not label_in_signal([plain])
    assert label_in_signal([plain, mixed])
    assert marked({"system": "theirs"}, [plain, mixed])["mark"] == IN_SIGNAL
    assert marked({"mark": "no chain"}, [mixed])["mark"] == f"no chain; {IN_SIGNAL}"
    for reads_text in ({"input": "text"}, {"system": "small, text only"}):
        assert marked(reads_text, [mixed]) == reads_text
    assert marked({"system": "theirs"}, [plain]) == {"system": "theirs"}


def test_names_of_media_are_safe() -> None:
    assert media_name("hit:3_conv:6#1") == "hit_3_conv_6_1"
    assert "/" not in media_name("../../x")
    assert json.dumps(media_name("a b")) == '"a_b"'
