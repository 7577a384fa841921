"""The teacher of C^v: lips meet on P, B, M, open on vowels, rest; bad times are refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia.errors import InputError
from empatheia.face.avatar.articulation import articulate
from empatheia.face.avatar.controls import INDEX
from empatheia.face.visemes import CHANNELS, CONTENT_DIM, VISEMES, content_from_times, plain
from empatheia.types import Speech, TimedPhoneme

FPS = 25


def test_one_row_for_each_picture(speech: Speech) -> None:
    rows = content_from_times(speech, FPS)
    assert rows.shape == (math.ceil(speech.seconds * FPS), CONTENT_DIM)
    assert rows.min() >= 0
    assert rows.max() <= 1
    np.testing.assert_allclose(rows[:, : len(VISEMES)].sum(1), 1, atol=1e-4)


def test_lips_close_on_m_and_open_on_vowels(speech: Speech) -> None:
    curve = articulate(content_from_times(speech, FPS))
    shut, open_ = curve[:, INDEX["press"]], curve[:, INDEX["jaw"]]
    for p in speech.phonemes:
        middle = int((p.start + p.end) / 2 * FPS)
        if p.symbol in ("M", "P"):
            assert shut[middle] > 0.9
            assert open_[middle] < 0.06
        if p.symbol == "AA1":
            assert open_[middle] > 0.4
            assert shut[middle] < 0.3


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 0.8), st.floats(0.015, 0.2))
def test_a_bilabial_of_any_length_closes_the_lips(start: float, length: float) -> None:
    p = (
        TimedPhoneme("AA1", 0.0, start, 0),
        TimedPhoneme("B", start, start + length, 0),
        TimedPhoneme("AA1", start + length, 1.2, 0),
    )
    curve = articulate(content_from_times(Speech(np.full(12_000, 0.2, np.float32), 10_000, p), FPS))
    near = slice(int(start * FPS) - 1, int((start + length) * FPS) + 2)
    assert curve[near, INDEX["press"]].max() > 0.85
    assert curve[near, INDEX["jaw"]].min() < 0.15


def test_silence_is_closed(speech: Speech) -> None:
    still = Speech(np.zeros(16_000, np.float32), 16_000, (TimedPhoneme("pau", 0.0, 1.0),))
    curve = articulate(content_from_times(still, FPS))
    assert curve[:, INDEX["jaw"]].max() < 0.01
    assert content_from_times(still, FPS)[:, CHANNELS.index("energy")].max() < 1e-3
    del speech


def test_lips_move_smoothly(speech: Speech) -> None:
    jaw = articulate(content_from_times(speech, FPS))[:, INDEX["jaw"]]
    assert np.abs(np.diff(jaw)).max() < 0.75


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((TimedPhoneme("AA1", 0.5, 0.6), TimedPhoneme("B", 0.1, 0.2)), "order of time"),
        ((TimedPhoneme("AA1", 0.5, 0.4),), "start <= end"),
        ((TimedPhoneme("AA1", float("nan"), 0.4),), "start <= end"),
        ((TimedPhoneme("QQ", 0.0, 0.4),), "unknown phoneme"),
        ((TimedPhoneme("AA1", 0.0, 9.0),), "lasts"),
    ],
)
def test_bad_times_get_one_line(
    speech: Speech, bad: tuple[TimedPhoneme, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        content_from_times(replace(speech, phonemes=bad), FPS)
    assert "\n" not in str(caught.value)


def test_sound_of_zero_length_is_refused() -> None:
    with pytest.raises(InputError, match="zero length"):
        content_from_times(Speech(np.zeros(0, np.float32), 16_000), FPS)


def test_symbols_with_and_without_stress() -> None:
    assert plain("AH0") == plain("AH") == "AH"
    assert plain(",") == ","
