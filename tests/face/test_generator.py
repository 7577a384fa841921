"""DrawnFace keeps the contract: one frame a row, deterministic, the same motion at every size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, RACES, TONES
from empatheia.errors import InputError
from empatheia.face import DrawnFace
from empatheia.face.avatar import feeling, looks
from empatheia.face.avatar.controls import CONTROLS, INDEX, LOWER
from empatheia.face.avatar.motion import move
from empatheia.protocols import FaceGenerator
from empatheia.types import Avatar, Profile, Speech, Video


def test_it_is_a_face_generator(face: DrawnFace) -> None:
    assert isinstance(face, FaceGenerator)


def test_it_knows_the_words_of_the_data() -> None:
    assert looks.AGES == AGES
    assert looks.GENDERS == GENDERS
    assert looks.RACES == RACES
    assert feeling.EMOTIONS == EMOTIONS8
    assert feeling.TONES == TONES


def test_every_cell_resolves_and_stock_is_broad(face: DrawnFace) -> None:
    people = face.avatars()
    assert len(people) >= 16
    assert len({a.id for a in people}) == len(people)
    for field, values in (("age", AGES), ("gender", GENDERS), ("race", RACES)):
        assert {getattr(a.profile, field) for a in people} == set(values)
    for age, gender, race in itertools.product(AGES, GENDERS, RACES):
        for seed in (0, 5):
            a = face.avatar_for(Profile(age, gender, "mild", race), seed)
            assert (a.profile.age, a.profile.gender, a.profile.race) == (age, gender, race)
            assert face.avatar(a.id) == a


def test_frames_are_as_promised(face: DrawnFace, speech: Speech) -> None:
    a = face.avatars()[0]
    content = face.encode_content(speech)
    style = face.style_for("happy", 0.8, a.profile)
    frames = list(face.generate(a, content, style, seed=3))
    assert len(frames) == len(content)
    assert frames[0].image.shape == (128, 128, 3)
    assert frames[0].image.dtype == np.uint8
    assert [f.time for f in frames] == [i / 25 for i in range(len(frames))]
    again = list(face.generate(a, content, style, seed=3))
    assert all(np.array_equal(x.image, y.image) for x, y in zip(frames, again, strict=True))
    other = list(face.generate(a, content, style, seed=4))
    assert any(not np.array_equal(x.image, y.image) for x, y in zip(frames, other, strict=True))


def test_two_streams_at_once_do_not_mix(face: DrawnFace, speech: Speech) -> None:
    a = face.avatars()[1]
    content, style = face.encode_content(speech), face.style_for("sad", 1.0, a.profile)
    alone = [f.image for f in face.generate(a, content, style)]
    one, two = face.generate(a, content, style), face.generate(a, content, style)
    for x, y, z in zip(one, two, alone, strict=True):
        assert np.array_equal(x.image, z)
        assert np.array_equal(y.image, z)


def test_motion_does_not_know_the_size(face: DrawnFace, speech: Speech) -> None:
    content = face.encode_content(speech).numpy()
    expression = face.expression(face.style_for("angry", 1.0, Profile()))
    a, b = move(content, expression, 1, 25), move(content, expression, 1, 25)
    assert np.array_equal(a, b)
    assert (a >= LOWER).all()
    assert (a <= 1).all()
    assert a.shape == (len(content), len(CONTROLS))


def test_feeling_is_eased_in(face: DrawnFace) -> None:
    content = np.zeros((50, face.content_dim), np.float32)
    content[:, 0] = 1
    smile = move(content, feeling.expression("happy", 1.0), 0, 25)[:, INDEX["smile_left"]]
    assert smile[0] < 0.75 * smile[20]
    assert np.abs(np.diff(smile)).max() < 0.12


def test_blinks_come_at_a_human_rate() -> None:
    content = np.zeros((25 * 240, 20), np.float32)
    content[:, 0] = 1
    shut = move(content, feeling.expression("neutral", 1.0), 2, 25)[:, INDEX["blink_left"]] > 0.5
    blinks = int((np.diff(shut.astype(int)) == 1).sum()) / 4
    assert 8 <= blinks <= 26


def test_lips_still_close_in_every_feeling(face: DrawnFace, speech: Speech) -> None:
    content = face.encode_content(speech).numpy()
    at = int(0.65 * 25)  # inside M
    for emotion in EMOTIONS8:
        curve = move(content, feeling.expression(emotion, 1.0), 0, 25)
        assert curve[at, INDEX["press"]] > 0.9, emotion
        assert curve[at, INDEX["jaw"]] < 0.12, emotion


def test_sound_without_times_is_heard(face: DrawnFace, speech: Speech) -> None:
    heard = face.encode_content(Speech(speech.audio, speech.sample_rate))
    assert heard.shape == face.encode_content(speech).shape
    silent = face.encode_content(Speech(np.zeros(8000, np.float32), 16_000))
    assert float(silent[:, 0].min()) > 0.99


def test_style_of_a_clip(face: DrawnFace) -> None:
    frames = np.stack([face.still(face.avatars()[2], "happy") for _ in range(3)])
    style = face.encode_style(Video(frames, 25))
    assert style.shape == (face.style_dim,)
    assert torch.isfinite(style).all()


@pytest.mark.parametrize("size", [0, 100, 257])
def test_unknown_size(size: int) -> None:
    with pytest.raises(InputError, match="size"):
        DrawnFace.load(size)


def test_bad_input_gets_one_line(face: DrawnFace) -> None:
    a, p = face.avatars()[0], Profile()
    content, style = torch.zeros(5, face.content_dim), face.style_for("sad", 0.5, p)
    for call, words in (
        (lambda: face.avatar("mya"), "unknown avatar 'mya'. Did you mean 'mia'"),
        (lambda: face.style_for("glad", 1.0, p), "unknown emotion"),
        (lambda: face.style_for("happy", 1.5, p), "from 0 to 1"),
        (lambda: face.style_for("happy", float("nan"), p), "from 0 to 1"),
        (lambda: face.generate(a, content, style * float("nan")), "style has NaN"),
        (lambda: face.generate(a, content[:, :3], style), "content has shape"),
        (lambda: face.generate(a, content[:0], style), "content has shape"),
        (
            lambda: face.generate(Avatar("x", Profile(age="old")), content, style),
            "unknown avatar age",
        ),
        (lambda: face.avatar_for(Profile(race="martian")), "unknown race"),
        (lambda: face.avatar_for(p, -1), "avatar number is -1"),
        (lambda: face.avatar("child-male-indian-0"), "unknown avatar 'child-male-indian-0'"),
        (lambda: face.avatar("child-male-indian-07"), "unknown avatar"),
        (lambda: face.avatar("child-male-1"), "unknown avatar"),
        (lambda: face.encode_content(Speech(np.zeros((9, 2), np.float32), 16_000)), "one channel"),
        (lambda: face.encode_style(Video(np.zeros((0, 64, 64, 3), np.uint8), 25)), "at least one"),
        (lambda: face.encode_content(Speech(np.zeros(0, np.float32), 16_000)), "zero length"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
