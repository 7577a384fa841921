"""Lengths are right, what a query may know is right, and the states are what decides."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empatheia.latents.content import ContentConfig, ContentSynchronizer, LinearContent, ReplyStates
from empatheia.latents.places import (
    Places,
    places_of_frames,
    places_of_phonemes,
    places_of_words,
    stack_places,
)
from empatheia.types import Phoneme, TimedPhoneme

CONFIG = ContentConfig(
    6, 5, 4, dim=16, heads=2, hidden=24, latent=4, layers=1, phonemes=30, frames=60
)
SOUNDS = [
    TimedPhoneme("HH", 0.0, 0.1, 0),
    TimedPhoneme("AY1", 0.1, 0.3, 0),
    TimedPhoneme(",", 0.3, 0.5, -1),
    TimedPhoneme("B", 0.5, 0.6, 1),
]


def test_places_count_within_words_and_pauses_stay_with_the_word_before() -> None:
    places = places_of_words([0, 0, -1, 1, 2, 2, 2])
    assert places.word.tolist() == [[0, 0, 0, 1, 2, 2, 2]]
    assert places.index.tolist() == [[0, 1, 0, 0, 0, 1, 2]]
    assert places.count.tolist() == [[2, 2, 1, 1, 3, 3, 3]]
    assert places.extra[0, :, 0].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_a_picture_belongs_to_the_sound_at_its_middle() -> None:
    places = places_of_frames(SOUNDS, 20, 25)
    assert places.word[0].tolist() == [0] * 12 + [1] * 8
    assert places.index[0, :8].tolist() == [0, 0, 1, 1, 1, 1, 1, 0]  # 0.3 s is in picture 7
    passed = places.extra[0, :, 1]
    assert float(passed[0]) == pytest.approx(0.2)
    assert float(passed[-1]) == 1.0  # after the last sound


@given(st.lists(st.sampled_from(["AA1", "B", "K", "S"]), min_size=4, max_size=4))
def test_places_know_nothing_of_identities(symbols: list[str]) -> None:
    words = (0, 0, 1, -1)
    other = [Phoneme(s, w) for s, w in zip(symbols, words, strict=True)]
    first = places_of_phonemes([Phoneme("T", w) for w in words])
    second = places_of_phonemes(other)
    for name in ("word", "index", "count", "extra"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def reply(*lengths: int) -> ReplyStates:
    rows = [places_of_words([i // 2 for i in range(n)]) for n in lengths]
    return ReplyStates(torch.randn(len(lengths), max(lengths), 12), stack_places(rows))


def cut(states: ReplyStates, row: int) -> ReplyStates:
    real = states.places.real[row]
    places = Places(*(getattr(states.places, n)[row : row + 1, real] for n in Places.__slots__))
    return ReplyStates(states.states[row : row + 1, real], places)


@pytest.mark.parametrize("kind", [ContentSynchronizer, LinearContent])
def test_a_batch_is_its_rows(kind: type[ContentSynchronizer]) -> None:
    torch.manual_seed(0)
    module = kind(CONFIG).eval()
    module.speech_units.fit(torch.randn(50, 5) * 3 + 1)
    states = reply(8, 4)
    phonemes = [places_of_words([0, 0, 1, 2, 3]), places_of_words([0, 1, -1])]
    frames = [places_of_frames(SOUNDS, 20, 25), places_of_frames(SOUNDS, 11, 25)]
    spoken = module.speech(states, stack_places(phonemes))
    shown = module.video(states, stack_places(frames))
    assert spoken.values.shape == (2, 5, 5)
    assert shown.values.shape == (2, 20, 4)
    alone = cut(states, 1)
    assert torch.allclose(
        module.speech(alone, phonemes[1]).values[0], spoken.values[1, :3], atol=1e-5
    )
    assert torch.allclose(module.video(alone, frames[1]).values[0], shown.values[1, :11], atol=1e-5)
    assert not spoken.values[1, 3:].any()


def test_the_states_decide_and_modalities_have_latents_of_their_own() -> None:
    torch.manual_seed(0)
    module = ContentSynchronizer(CONFIG).eval()
    phonemes = places_of_words([0, 0, 1, 1])
    first, second = (module.speech(reply(4), phonemes).values for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-3)
    video = {n for n, _ in module.named_parameters() if n.startswith(("video_", "frames."))}
    module.speech(reply(4), phonemes).values.sum().backward()
    assert not any(module.get_parameter(n).grad is not None for n in video)
