"""A sentence longer than PL-BERT has positions is said in parts, cut where a word ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from empatheia.speech.styletts2 import generator
from empatheia.speech.styletts2.config import StyleTTS2Config, tiny
from empatheia.speech.styletts2.generator import StyleTTS2Voice
from empatheia.speech.styletts2.network import StyleTTS2
from empatheia.types import Profile

TEXT = "seven dogs and eleven cats are here"


def voice(positions: int, end_token: bool, monkeypatch: pytest.MonkeyPatch) -> StyleTTS2Voice:
    numbers = tiny("hifigan")
    numbers = replace(numbers, bert=replace(numbers.bert, positions=positions), end_token=end_token)

    def config(kind: str) -> StyleTTS2Config:
        return numbers

    monkeypatch.setattr(generator.configs, "tiny", config)
    return StyleTTS2Voice.tiny()


@pytest.mark.parametrize("end_token", [False, True])
def test_parts_follow_each_other(end_token: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = voice(20, end_token, monkeypatch)
    seen: list[torch.Tensor] = []
    read = StyleTTS2.read
    monkeypatch.setattr(
        StyleTTS2, "read", lambda net, ids, *more: (seen.append(ids[0]), read(net, ids, *more))[1]
    )
    phonemes = made.phonemize(TEXT)
    style = made.style_for("sad", 0.5, Profile())
    said = made.generate(phonemes, made.encode_content(phonemes), style)
    assert len(seen) > 1
    assert all(len(ids) <= 20 for ids in seen)
    assert all(ids[0] == 0 for ids in seen)
    assert all(ids[-1] == 0 for ids in seen if end_token)
    space = generator.numbers()[" "]
    assert all(ids[-2 if end_token else -1] == space for ids in seen[:-1])
    assert [p.symbol for p in said.phonemes] == [p.symbol for p in phonemes]
    times = [0.0, *(t for p in said.phonemes for t in (p.start, p.end))]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(said.seconds, abs=0.03)


def test_what_fits_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = voice(512, False, monkeypatch)
    phonemes = wide.phonemize(TEXT)
    exact = voice(len(phonemes), False, monkeypatch)
    assert [*exact._breaths(phonemes)] == [(0, len(phonemes))]
    short = voice(len(phonemes) - 1, False, monkeypatch)
    assert len([*short._breaths(phonemes)]) == 2


def test_without_a_space_it_is_cut_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    made = voice(10, True, monkeypatch)
    parts = [*made._breaths(made.phonemize("supercalifragilistic"))]
    assert [a for a, _ in parts[1:]] == [b for _, b in parts[:-1]]
    assert all(0 < b - a <= 9 for a, b in parts)
