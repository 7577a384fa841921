"""The learned second look: what it adds, what it leaves alone, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia import hub
from empatheia.care import CareRules
from empatheia.care.detector import CATEGORIES, find_in_dialogue, is_doubtful
from empatheia.care.semantic import CLASSES, MAX_PIECES, MAX_WORDS, PROBE, SemanticScore, pieces
from empatheia.errors import WeightsError

WORDS = ("zorb", "knife", "rain")  # "zorb" stands for a wording that no rule knows


def embed(texts: Sequence[str]) -> np.ndarray:
    """Counts of three words and a constant: meaning enough for a test."""
    return np.array([[*(float(t.lower().count(w)) for w in WORDS), 1.0] for t in texts], np.float32)


def tensors() -> dict[str, np.ndarray]:
    weight = np.zeros((len(CLASSES), 4), np.float32)
    weight[CLASSES.index("abuse"), 0] = 3.0
    weight[0, 3] = 2.0
    return {"weight": weight, "bias": np.zeros(6, np.float32), "probe": embed([PROBE])[0]}


def saved(path: Path, **changes: object) -> Path:
    meta = {"classes": CLASSES, "threshold": 0.5, "strong": 0.9} | changes
    hub.save(path, {k: torch.tensor(v) for k, v in tensors().items()}, meta)
    return path


@pytest.fixture
def score(tmp_path: Path) -> SemanticScore:
    return SemanticScore.load(embed, saved(tmp_path / "care.safetensors"))


def test_it_finds_what_the_rules_do_not(score: SemanticScore) -> None:
    turns = ["He does the zorb zorb to me."]
    assert CareRules().screen_user(turns).level == "none"
    safety = CareRules(second_look=score.category).screen_user(turns)
    assert (safety.level, safety.category) == ("crisis", "abuse")
    assert safety.resources


def test_the_rules_come_first(score: SemanticScore) -> None:
    found = CareRules(second_look=score.category).screen_user(["Zorb zorb. I want to die."])
    assert found.category == "suicide"


def test_what_the_harmless_rules_know_needs_a_strong_alarm(score: SemanticScore) -> None:
    assert is_doubtful("In the movie he zorb and zorb.")
    assert score.category("He zorb.") == "abuse"
    assert score.category("In the movie he zorb.") is None
    assert score.category("In the movie he zorb, zorb and zorb.") == "abuse"


def test_an_alarm_is_believed_for_two_more_turns(score: SemanticScore) -> None:
    said = ["He does the zorb zorb to me.", "It rained.", "Yes.", "I like tea."]
    alarms = [find_in_dialogue(said[:n], score.category) is not None for n in range(1, 5)]
    assert alarms == [True, True, True, False]
    over = [said[0], "I was only joking."]
    assert find_in_dialogue(over, score.category) is None


def test_a_finding_of_the_rules_stands_on(score: SemanticScore) -> None:
    said = ["I want to kill myself.", "Zorb zorb.", "Hm.", "Hm.", "Hm."]
    found = find_in_dialogue(said, score.category)
    assert found is not None
    assert found.category == "suicide"


@given(st.text(max_size=600))
@settings(max_examples=80, deadline=None)
def test_deterministic_and_total(text: str) -> None:
    score = SemanticScore(embed, tensors(), {"threshold": 0.5, "strong": 0.9})
    first = score.probabilities(text)
    assert first == SemanticScore(
        embed, tensors(), {"threshold": 0.5, "strong": 0.9}
    ).probabilities(text)
    assert sum(first.values()) == pytest.approx(1, abs=1e-5)
    assert score.category(text) in (None, *CATEGORIES)


@given(st.lists(st.sampled_from(["a", "bb.", "c!", "\n", "d" * 30]), max_size=3000))
@settings(max_examples=60, deadline=None)
def test_pieces_are_short_and_few(words: list[str]) -> None:
    found = pieces(" ".join(words))
    assert len(found) <= MAX_PIECES
    assert all(0 < len(piece.split()) <= MAX_WORDS for piece in found)


def test_the_end_of_a_long_turn_is_read_and_it_is_quick(score: SemanticScore) -> None:
    text = "blah " * 20_000 + ". He does the zorb zorb to me."
    start = time.process_time()
    assert score.category(text) == "abuse"
    assert time.process_time() - start < 2


def test_a_turn_is_embedded_once(tmp_path: Path) -> None:
    seen: list[str] = []

    def counting(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return embed(texts)

    screen = CareRules(
        second_look=SemanticScore.load(counting, saved(tmp_path / "c.safetensors")).category
    )
    turns = [f"It rained {n} days." for n in range(5)]
    for n in range(1, 6):
        screen.screen_user(turns[:n])
    assert sorted(seen) == sorted([PROBE, *turns])


def test_weights_of_another_encoder_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "care.safetensors")
    with pytest.raises(WeightsError, match="another text encoder"):
        SemanticScore.load(lambda texts: -embed(texts), path)
    with pytest.raises(WeightsError, match="another text encoder"):
        SemanticScore.load(lambda texts: embed(texts)[:, :2], path)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weight file at"):
        SemanticScore.load(embed, tmp_path / "care.safetensors")
    with pytest.raises(WeightsError, match="holds no classifier"):
        SemanticScore.load(embed, saved(tmp_path / "x.safetensors", classes=["none", "x"]))


def test_the_shipped_file_is_small_and_whole() -> None:
    weights = hub.load(hub.shipped("care.safetensors"))
    assert tuple(weights.meta["classes"]) == CLASSES
    assert 0 < weights.meta["threshold"] < weights.meta["strong"] < 1
    assert hub.shipped("care.safetensors").stat().st_size < 1_000_000
    assert weights.tensors["weight"].shape == (6, len(weights.tensors["probe"]))
