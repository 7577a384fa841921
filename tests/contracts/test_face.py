"""What every FaceGenerator promises (protocols.py). New implementations join FACES."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product

import numpy as np
import pytest
import torch

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, RACES, check_profile
from empatheia.errors import InputError
from empatheia.protocols import FaceGenerator
from empatheia.types import Frame, Profile, Speech, TimedPhoneme, Video

WHO = Profile()


def drawn() -> FaceGenerator:
    from empatheia.face.avatar.generator import DrawnFace

    return DrawnFace.load(size=256)


def portrait(kind: str) -> FaceGenerator:
    from empatheia.face.dreamtalk.generator import TalkingPortrait

    return TalkingPortrait.tiny(kind)


FACES: dict[str, Callable[[], FaceGenerator]] = {
    "drawn": drawn,
    "dreamtalk": lambda: portrait("dreamtalk"),
    "styletalk": lambda: portrait("styletalk"),
}


@pytest.fixture(scope="module", params=FACES)
def face(request: pytest.FixtureRequest) -> FaceGenerator:
    return FACES[request.param]()


@pytest.fixture(scope="module")
def speech() -> Speech:
    """One second: silence, an open vowel, closed lips, silence."""
    symbols = (("SIL", 0.3, -1), ("AA1", 0.25, 0), ("M", 0.15, 0), ("SIL", 0.3, -1))
    start, timed = 0.0, []
    for symbol, seconds, word in symbols:
        timed.append(TimedPhoneme(symbol, start, start + seconds, word))
        start += seconds
    tone = np.sin(np.arange(24000) * 0.05).astype(np.float32) * 0.2
    tone[: int(0.3 * 24000)] = 0
    tone[int(0.7 * 24000) :] = 0
    return Speech(tone, 24000, tuple(timed), ("mom",))


def frames_of(
    face: FaceGenerator, speech: Speech, emotion: str = "happy", seed: int = 0
) -> list[Frame]:
    content = face.encode_content(speech)
    style = face.style_for(emotion, 0.8, WHO)
    return list(face.generate(face.avatar_for(WHO), content, style, seed))


@pytest.fixture(scope="module")
def frames(face: FaceGenerator, speech: Speech) -> list[Frame]:
    return frames_of(face, speech)


def test_is_a_face_generator(face: FaceGenerator) -> None:
    assert isinstance(face, FaceGenerator)
    assert face.fps >= 20
    assert face.size == 256
    assert face.content_dim > 0
    assert face.style_dim > 0


def test_people_are_known_by_id(face: FaceGenerator) -> None:
    people = face.avatars()
    assert people == face.avatars()
    assert len({person.id for person in people}) == len(people) >= 8
    for person in people:
        check_profile(person.profile)


def test_every_combination_is_somebody(face: FaceGenerator) -> None:
    for age, gender, race in product(AGES, GENDERS, RACES):
        wanted = Profile(age, gender, "mild", race)
        person = face.avatar_for(wanted, seed=3)
        assert person == face.avatar_for(wanted, seed=3)
        has = person.profile
        assert (has.age, has.gender, has.race) == (age, gender, race)


def test_everybody_is_found_by_id(face: FaceGenerator) -> None:
    for person in (*face.avatars(), face.avatar_for(Profile("child", "male", "mild", "indian"))):
        assert face.avatar(person.id) == person
    for wrong in ("", "nobody", "child-male-indian", "child-male-martian-0", "a\nb"):
        with pytest.raises(InputError):
            face.avatar(wrong)


def test_content_has_one_vector_a_frame(face: FaceGenerator, speech: Speech) -> None:
    content = face.encode_content(speech)
    assert content.ndim == 2
    assert abs(content.shape[0] - speech.seconds * face.fps) <= 1
    assert content.shape[1] == face.content_dim
    assert content.isfinite().all()
    assert torch.equal(content, face.encode_content(speech))


def test_styles_of_all_emotions_differ(face: FaceGenerator) -> None:
    styles = [face.style_for(emotion, 0.8, WHO) for emotion in EMOTIONS8]
    for i, style in enumerate(styles):
        assert style.shape == (face.style_dim,)
        assert style.isfinite().all()
        assert not any(torch.allclose(style, other) for other in styles[:i])


def test_one_picture_a_row(face: FaceGenerator, speech: Speech, frames: list[Frame]) -> None:
    assert len(frames) == len(face.encode_content(speech))
    for index, frame in enumerate(frames):
        assert frame.image.shape == (face.size, face.size, 3)
        assert frame.image.dtype == np.uint8
        assert frame.time == pytest.approx(index / face.fps, abs=1e-6)


def test_same_seed_same_pictures(face: FaceGenerator, speech: Speech, frames: list[Frame]) -> None:
    again = frames_of(face, speech)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, again, strict=True))


def test_emotion_is_seen(face: FaceGenerator, speech: Speech, frames: list[Frame]) -> None:
    sad = frames_of(face, speech, "sad")
    seen = 0.0
    for one, other in zip(frames, sad, strict=True):
        difference = np.abs(one.image.astype(int) - other.image.astype(int)).max(axis=2)
        seen = max(seen, float((difference > 30).mean()))
    assert seen > 0.001


def test_the_mouth_moves_with_the_sound(face: FaceGenerator, frames: list[Frame]) -> None:
    lower = [frame.image[face.size // 2 :].astype(int) for frame in frames]
    silent, vowel = lower[2], lower[round(0.45 * face.fps)]
    assert (np.abs(vowel - silent).max(axis=2) > 30).mean() > 0.001


def test_pictures_come_one_by_one(face: FaceGenerator, speech: Speech) -> None:
    content = face.encode_content(speech).repeat(1000, 1)
    style = face.style_for("sad", 0.5, WHO)
    made = face.generate(face.avatars()[0], content, style)
    assert len(list(islice(made, 3))) == 3


def test_style_is_seen_not_told(face: FaceGenerator, frames: list[Frame]) -> None:
    video = Video(np.stack([frame.image for frame in frames]), face.fps)
    style = face.encode_style(video)
    assert style.shape == (face.style_dim,)
    assert style.isfinite().all()


def test_wrong_shapes_and_nan_are_refused(face: FaceGenerator, speech: Speech) -> None:
    content = face.encode_content(speech)
    style = face.style_for("sad", 0.5, WHO)
    wrong = [
        (content[:, 1:], style),
        (content[None], style),
        (content, style[1:]),
        (content * torch.nan, style),
        (content, style * torch.nan),
    ]
    for bad_content, bad_style in wrong:
        with pytest.raises(InputError):
            list(face.generate(face.avatars()[0], bad_content, bad_style))
