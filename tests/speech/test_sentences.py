"""Cutting a reply in sentences and joining spoken ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.errors import InputError
from empatheia.speech.loudness import loudness
from empatheia.speech.sentences import LONGEST, join, sayable, speak, split
from empatheia.speech.world.generator import WorldVoice
from empatheia.types import Profile, Speech


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I'm sorry. That must hurt! Do you want to talk?", 3),
        ("I saw Dr. Smith at 3 p.m. yesterday.", 1),
        ("We paid $3.50 for it. Really...", 2),
        ("Oh no :( !!!", 1),
        ("Line one\nline two", 2),
        ('He said "stop." Then he left.', 2),
        ("", 0),
    ],
)
def test_split(text: str, count: int) -> None:
    assert len(split(text)) == count


@given(st.text(alphabet="ab .,?!'\n\"D", max_size=600))
def test_no_word_is_lost_and_none_is_long(text: str) -> None:
    pieces = split(text)
    assert " ".join(" ".join(pieces).split()).replace(" ", "") == "".join(text.split())
    assert all(len(p.split(" ")) == 1 or len(p) <= LONGEST + 12 for p in pieces)


def test_a_reply_streams_at_one_loudness_without_clicks() -> None:
    voice = WorldVoice.tiny()
    parts = list(speak(voice, "Hello. I'm here! Hello, hello?", "happy", 0.7, Profile()))
    assert len(parts) == 3
    for part in parts:
        assert loudness(part.audio, part.sample_rate) == pytest.approx(-23.0, abs=1.0)
        assert np.abs(part.audio).max() < 1.0
        assert part.audio[0] == 0.0
        assert not part.audio[-100:].any()
    whole = join(parts)
    assert whole.seconds == pytest.approx(sum(p.seconds for p in parts))
    assert [p.word for p in whole.phonemes if p.word >= 0][-1] == len(whole.words) - 1
    assert whole.words == ("Hello.", "I'm", "here!", "Hello,", "hello?")
    ends = [p.end for p in whole.phonemes]
    assert ends == sorted(ends)


def test_what_cannot_be_said_is_left_out_or_told() -> None:
    voice = WorldVoice.tiny()
    assert sayable(voice, "Hello. привет. ...") == ["Hello."]
    for text in ("", "...", "привет как дела", "<speak></speak>", "\x00\x01"):
        with pytest.raises(InputError):
            sayable(voice, text)


def test_join_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError):
        join([])
    with pytest.raises(InputError):
        join([Speech(np.zeros(10, np.float32), r) for r in (16000, 24000)])
