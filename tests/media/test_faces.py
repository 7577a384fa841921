"""Faces in view: each counted once, and only what stays for a while."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.media import faces
from empatheia.media.faces import Box, FaceFinder
from empatheia.types import ImageArray

needs_detector = pytest.mark.skipif(not FaceFinder.available(), reason="no scikit-image")


def test_a_face_that_is_found_twice_is_one() -> None:
    near, far = (20, 20, 80, 80), (20, 160, 60, 60)
    assert faces._one_each([(30, 30, 60, 60), far, near]) == [near, far]


@pytest.mark.parametrize(("seen", "count"), [(1, 1), (2, 2), (12, 2)])
def test_a_glimpse_is_no_face(seen: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one: Box = (0, 0, 40, 40)
    other: Box = (0, 60, 40, 40)
    looked = iter([[one, other]] * seen + [[one]] * 12)
    monkeypatch.setattr(FaceFinder, "_in", lambda self, picture: next(looked))
    assert FaceFinder().count(np.zeros((30, 64, 128, 3), np.uint8)) == count


@needs_detector
def test_a_real_face_two_and_none() -> None:
    from skimage import data

    face: ImageArray = data.astronaut()[:256, 100:356]
    wall: ImageArray = data.astronaut()[:64, 330:394]
    for picture, count in ((face, 1), (np.concatenate([face, face], 1), 2), (wall, 0)):
        assert FaceFinder().count(picture[None].repeat(2, 0)) == count
