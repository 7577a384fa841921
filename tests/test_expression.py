"""A reply's states become content and style; a reply longer than the bank is done in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from empatheia.errors import WeightsError
from empatheia.expression import Expression
from empatheia.reasoner import Request
from empatheia.senses import Senses
from empatheia.tiny import tiny_expression, tiny_reasoner, tiny_senses
from empatheia.types import Phoneme, Profile, Speech, TimedPhoneme, Turn

TEXT = "I am sorry to hear that."


def expressed(expression: Expression):  # type: ignore[no-untyped-def]
    reasoner = tiny_reasoner()
    thinking = reasoner.think([Request((Turn("speaker", "My dog died."),), Profile())])
    return expression.express(reasoner.lm, thinking.state, TEXT)


@pytest.mark.parametrize("full", [True, False])
def test_shapes(full: bool) -> None:
    expression = tiny_expression((5, 6), (4, 7), full, full)
    found = expressed(expression)
    assert found.style.speech.shape == (1, 6)
    assert found.style.video.shape == (1, 7)
    sounds = [TimedPhoneme("AH0", 0.1 * i, 0.1 * (i + 1), i // 3) for i in range(18)]
    phonemes = [Phoneme(p.symbol, p.word) for p in sounds]
    assert expression.speech_content(found.reply, phonemes).shape == (18, 5)
    speech = Speech(np.zeros(28_800, np.float32), 16_000, tuple(sounds))
    assert expression.video_content(found.reply, speech, 45, 25).shape == (45, 4)
    many = [Phoneme("AH0", i // 3) for i in range(450)]  # the bank has 200
    assert expression.speech_content(found.reply, many).shape == (450, 5)


def test_words_belong_to_tokens_as_they_do_to_sounds() -> None:
    found = expressed(tiny_expression((5, 6), (4, 7)))
    assert int(found.reply.places.word.max()) == len(TEXT.split()) - 1


def test_saved_is_loaded_and_other_files_are_refused(tmp_path: Path) -> None:
    expression = tiny_expression((5, 6), (4, 7))
    path = tmp_path / "expression.safetensors"
    expression.save(path)
    loaded = Expression.load(path)
    assert torch.equal(expressed(loaded).style.speech, expressed(expression).style.speech)
    loaded.fits(16, (5, 6), (4, 7))
    with pytest.raises(WeightsError, match="another preset"):
        loaded.fits(32, (5, 6), (4, 7))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(WeightsError, match="not a complete"):
        Expression.load(path)


def test_senses_change_what_is_thought_and_rows_stay_rows(tmp_path: Path) -> None:
    from empatheia.media.audio import wav_bytes

    sound = tmp_path / "a.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32)
    sound.write_bytes(wav_bytes(Speech(noise, 16_000)))
    reasoner = tiny_reasoner()
    plain = Request((Turn("speaker", "My dog died."),), Profile())
    heard = Request((Turn("speaker", "My dog died.", audio=sound),), Profile())
    without = reasoner.think([plain]).state.logits
    reasoner.senses = tiny_senses()
    assert isinstance(reasoner.senses, Senses)
    both = reasoner.think([heard, plain])
    assert both.readings is not None
    assert both.readings[0][0].speech is not None
    assert both.readings[1][0].speech is None
    for row, request in enumerate((heard, plain)):
        alone = reasoner.think([request])
        assert torch.allclose(alone.state.logits[0], both.state.logits[row], atol=1e-4)
    assert not torch.allclose(both.state.logits[0], both.state.logits[1], atol=1e-4)
    assert torch.allclose(both.state.logits[1], without[0], atol=1e-4)  # only written: no tokens


def test_senses_are_built_again_from_their_meta() -> None:
    first = tiny_senses()
    second = Senses.from_meta(first.meta())
    second.load_state_dict(first.state_dict())
