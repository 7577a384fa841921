"""What is drawn: hair inside the picture, a moustache that follows the lip, feelings that show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from empatheia.face.avatar.controls import bounded, neutral, pose
from empatheia.face.avatar.feeling import EMOTIONS, expression, face_controls
from empatheia.face.avatar.looks import COVERS_EARS, Look, look_for
from empatheia.face.avatar.moustache import WORN
from empatheia.face.avatar.people import stock
from empatheia.face.avatar.stage import Stage
from empatheia.face.avatar.styles import STYLES
from empatheia.types import Profile


def person(**changes: object) -> Look:
    return replace(look_for(Profile("elderly", "male", "mild", "latino"), 12), **changes)


def drawn(look: Look, **controls: float) -> np.ndarray:
    return Stage(look, 128).draw(bounded((neutral() + pose(**controls))[None])[0]).astype(int)


@pytest.mark.parametrize("beard", WORN)
def test_a_moustache_goes_up_with_the_lip(beard: str) -> None:
    """Its middle line is where a bearded picture differs from a shaved one above the mouth."""
    height = []
    for sneer in (0.0, 1.0):
        worn, shaved = (
            drawn(person(beard=b, glasses=""), sneer=sneer, smile_left=-0.4, smile_right=-0.4)
            for b in (beard, "")
        )
        changed = np.abs(worn - shaved).sum(2)[78:96, 60:68].sum(1)
        height.append(float((changed * np.arange(78, 96)).sum() / changed.sum()))
    assert height[1] < height[0] - 0.3


def test_a_moustache_does_not_cover_an_open_mouth() -> None:
    worn, shaved = (drawn(person(beard=b, glasses=""), jaw=1.0) for b in ("moustache", ""))
    assert np.abs(worn - shaved)[100:120].sum() == 0


@pytest.mark.parametrize("hair", sorted(STYLES))
def test_hair_stays_inside_the_picture(hair: str) -> None:
    look = look_for(Profile("young", "female", "mild", "asian"), 3)
    bald = replace(look, hair_colour=look.backdrop[0], hair=hair)
    picture, other = (drawn(person, pitch=-0.6) for person in (replace(look, hair=hair), bald))
    assert np.abs(picture - other)[0].sum() == 0


def test_ears_are_under_hair_that_covers_them() -> None:
    look = look_for(Profile("young", "female", "mild", "asian"), 3)
    for hair in COVERS_EARS:
        big, small = (drawn(replace(look, hair=hair, ears=size)) for size in (1.4, 0.8))
        assert np.array_equal(big, small), hair


def test_children_have_rounder_faces_and_lower_eyes() -> None:
    for gender in ("male", "female"):
        child, adult = (
            look_for(Profile(age, gender, "mild", "indian"), 4) for age in ("child", "young")
        )
        assert child.chin_width > adult.chin_width
        assert child.eye_y - 128 > adult.eye_y - 128
        assert child.eye_size / child.face_width > adult.eye_size / adult.face_width


def test_every_feeling_changes_the_face_more_than_a_person_at_rest_moves() -> None:
    a = stock()[0]
    stage = Stage(look_for(a.profile, a.seed), 128)
    shown = {
        e: stage.draw(bounded(face_controls(expression(e, 1.0))[None])[0]).astype(int)
        for e in EMOTIONS
    }
    for i, e in enumerate(EMOTIONS):
        for other in EMOTIONS[i + 1 :]:
            change = np.abs(shown[e] - shown[other]).sum(2)
            assert (change > 60).mean() > 0.01, (e, other)
