"""Counting words: what is compared with what, on errors that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from empatheia.data.labels import EMOTIONS8
from empatheia.evaluation import voice_words
from empatheia.evaluation.recogniser import WordErrors
from empatheia.evaluation.voice_words import Cell, Heard, least_understood, word_errors
from empatheia.speech.world.generator import WorldVoice
from empatheia.speech.world.styles import profiles
from empatheia.types import Profile, Speech

SENTENCES = [f"{'hello ' * (3 + i)}a" for i in range(6)]


class Ear:
    """Counts what it hears; says that a voice which is asked to be sad is misheard."""

    def __init__(self) -> None:
        self.calls = 0

    def errors(self, speech: Speech, text: str) -> WordErrors:
        self.calls += 1
        return WordErrors(1, len(text.split()))


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    made = Ear()
    monkeypatch.setattr(voice_words, "Recogniser", lambda: made)
    return made


def test_what_was_heard_is_not_heard_again(tmp_path: Path, ear: Ear) -> None:
    speech = Speech(np.ones(100, np.float32), 24000)
    other = Speech(np.zeros(100, np.float32), 24000)
    first = Heard(tmp_path / "heard.jsonl")
    assert first.errors(speech, "a b") == WordErrors(1, 2)
    again = Heard(tmp_path / "heard.jsonl")
    assert again.errors(speech, "a b") == WordErrors(1, 2)
    assert ear.calls == 1
    again.errors(speech, "a c")
    again.errors(other, "a b")
    assert ear.calls == 3


def test_a_cell_is_suspected_by_its_profile_and_emotion_too() -> None:
    """The cell that was lucky itself, among unlucky ones, comes before a lucky one elsewhere."""
    bad = Profile("child", "female", "mild")
    counts = {
        Cell(p, e): {0: WordErrors(4 if p == bad or e == "sad" else 1, 10)}
        for p in profiles()
        for e in EMOTIONS8
    }
    counts[Cell(bad, "sad")] = {0: WordErrors(1, 10)}
    order = least_understood(counts)
    plain = Cell(Profile("young", "male", "mild"), "happy")
    assert order.index(Cell(bad, "sad")) < order.index(plain)
    counts[Cell(bad, "sad")] = {0: WordErrors(9, 10)}
    assert least_understood(counts)[0] == Cell(bad, "sad")


def test_words_of_all_cells_against_the_teachers(
    tmp_path: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = "child male gentle fear"

    def say(voice, text, emotion, intensity, profile) -> Speech:
        name = f"{profile.age} {profile.gender} {profile.tone} {emotion}"
        audio = np.array([len(text), len(name), *name.encode()], np.float32)
        return Speech(audio, 24000 if name != hard else 16000)

    def errors(speech: Speech, text: str) -> WordErrors:
        words = len(text.split())
        return WordErrors(words if speech.sample_rate == 16000 else 1, words)

    monkeypatch.setattr(voice_words, "say", say)
    monkeypatch.setattr(ear, "errors", errors)
    lengths = [len(s.split()) for s in SENTENCES]
    teachers = {"one": [WordErrors(0, n) for n in lengths]}
    found = word_errors(
        WorldVoice.tiny(), SENTENCES, 2, 3, Heard(tmp_path / "h.jsonl"), teachers, lambda _: None
    )
    assert found["sentences"] == 2 * 192
    assert list(found["worst_cell"]) == [hard]
    worst = found["worst_cell"][hard]
    assert worst["above_teachers"]["value"] == pytest.approx(100)
    assert worst["words"] == sum(lengths)
    assert worst["above_teachers"]["n"] == len(SENTENCES)
    assert len(found["least_understood"]) == 3
    assert found["teachers_same_sentences"] == 0
    assert found["points_above_teachers"]["value"] == pytest.approx(found["mean"], abs=0.01)
    assert found["by_emotion"]["fear"] > found["by_emotion"]["sad"]
