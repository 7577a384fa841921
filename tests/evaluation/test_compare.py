"""Systems on the same dialogues."""

from __future__ import annotations

from dataclasses import replace

import pytest

from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError
from empatheia.evaluation.compare import compare, told
from empatheia.types import Turn


def system(right: int) -> list[tuple[Reference, Answer]]:
    """Twenty dialogues of two replies; the first ``right`` are named rightly."""
    turns = (Turn("speaker", "Hi."),)
    return [
        (Reference(f"{i}#{k}", str(i), turns, "Oh no.", "sad"),
         Answer(f"{i}#{k}", "Oh no.", "sad" if i < right else "angry"))
        for i in range(20) for k in (1, 3)
    ]  # fmt: skip


def test_dialogues_are_compared() -> None:
    found = compare({"good": system(18), "bad": system(6), "same": system(6)})
    first, second, third = found["accuracy"]
    assert (first.a, first.b, first.n) == ("good", "bad", 20)
    assert first.difference == pytest.approx(60.0)
    assert first.p_holm < 0.01
    assert first.p_holm >= first.p
    assert (third.difference, third.p_holm) == (0.0, 1.0)
    assert second.p_holm < 0.01
    assert found["rouge_l"][0].difference == 0.0
    assert "| accuracy | good | bad | 60 |" in told(found)
    with pytest.raises(InputError, match="two and more"):
        compare({"one": system(1)})
    with pytest.raises(InputError, match="one dialogue says nothing"):
        compare({"one": system(1)[:2], "two": system(0)[:2]})


def test_only_dialogues_that_every_system_can_be_measured_in() -> None:
    """What one system has no number for leaves the others aligned, and alone says nothing."""
    values = {"one": {"3": 1.0, "5": 2.0, "7": 9.0}, "two": {"5": 5.0, "3": 3.0, "8": 9.0}}
    systems = {
        name: [(replace(r, dialogue=d), a) for d, (r, a) in zip(some, system(0), strict=False)]
        for name, some in values.items()
    }
    owner = {id(pair): values[name] for name, pairs in systems.items() for pair in pairs}
    found = compare(systems, {"x": lambda pair: owner[id(pair)][pair[0].dialogue]})
    assert found["x"][0].difference == pytest.approx(-2.5)  # 1 - 3 and 2 - 5
    assert found["x"][0].n == 2
    assert compare(systems, {"x": lambda _: None}) == {}


def test_a_system_that_names_no_emotion_has_no_accuracy() -> None:
    mute = [(r, replace(a, emotion="")) for r, a in system(0)]
    found = compare({"good": system(18), "mute": mute, "bad": system(6)})
    assert [(c.a, c.b) for c in found["accuracy"]] == [("good", "bad")]
    assert len(found["words"]) == 3
