"""The plan of emotions and profiles, and the table made from it."""

from __future__ import annotations

import itertools

import pytest
import torch

from empatheia.speech.world.styles import (
    EXPRESSIVE,
    LEVELS,
    StyleTable,
    actors,
    emotion_change,
    joined,
    plan,
    profiles,
    scaled,
)
from empatheia.speech.world.variation import Variation
from empatheia.types import Profile


def test_actors_were_measured() -> None:
    for emotion in ("happy", "sad", "angry", "fear", "surprised", "disgusted"):
        for level in ("normal", "strong"):
            assert set(actors()[emotion][level]) == {"pitch", "span", "rate", "energy", "tilt"}
    strong = {e: actors()[e]["strong"] for e in ("angry", "sad")}
    assert strong["angry"]["energy"][0] > strong["sad"]["energy"][0]


@pytest.mark.parametrize("emotion", EXPRESSIVE)
def test_full_intensity_changes_more_than_half(emotion: str) -> None:
    def size(change: Variation) -> float:
        return float((change.vector() ** 2).sum())

    half, full = (emotion_change(emotion, level) for level in LEVELS)
    assert size(full) > size(half) * 0.8 > 0


def test_every_pair_of_profiles_differs() -> None:
    plans = [plan("neutral", 0.0, p) for p in profiles()]
    assert len(plans) == 24
    for (a, x), (b, y) in itertools.combinations(plans, 2):
        assert a != b or float(abs(x.vector() - y.vector()).max()) > 0.1


def test_women_and_children_are_higher() -> None:
    def pitch(age: str, gender: str) -> float:
        speaker, change = plan("neutral", 0.0, Profile(age, gender))
        return speaker.pitch * change.pitch

    assert pitch("child", "female") > pitch("young", "female") > pitch("elderly", "female")
    assert pitch("young", "female") > pitch("young", "male")
    assert pitch("elderly", "male") > pitch("middle-aged", "male")


def test_changes_combine() -> None:
    change = Variation(1.2, 1.1, 0.9, 1.3, 2.0, 1.0, 0.2)
    assert joined(change, Variation()) == change
    assert scaled(change, 0.0) == Variation()
    assert scaled(change, 1.0) == change
    twice = joined(scaled(change, 0.5), scaled(change, 0.5))
    assert twice.pitch == pytest.approx(change.pitch)


def test_the_table_finds_what_was_put_in() -> None:
    table = StyleTable.random(8)
    again = StyleTable.from_tensors({f"styles.{k}": v for k, v in table.tensors().items()})
    seen = [
        again.find(emotion, level, profile)
        for profile in profiles()
        for emotion in EXPRESSIVE
        for level in LEVELS
    ]
    assert len({tuple(s.tolist()) for s in seen}) == 24 * 7 * 2
    assert all(abs(float(s.std(correction=0)) - 1) < 1e-3 for s in seen)
    neutral = [again.find("neutral", 0.0, p) for p in profiles()]
    assert torch.equal(neutral[0], again.find("happy", 0.0, profiles()[0]))
