"""One utterance in voice and face, from any two generators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from empatheia.media.audio import wav_bytes
from empatheia.media.tags import Tags
from empatheia.media.video import encode_mp4
from empatheia.protocols import FaceGenerator
from empatheia.types import Profile, Speech

Say = Callable[[str, str, float, Profile], Speech]  # text, emotion (of eight), intensity, who


@dataclass(frozen=True, slots=True)
class Take:
    """What is to be said: everything that decides about the bytes of a clip."""

    text: str
    emotion: str  # one of eight
    intensity: float  # in [0, 1]
    profile: Profile
    look: int  # seed of the person's look
    seed: int  # of small movements


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A finished take: the sound with its phoneme times, and both files' bytes."""

    speech: Speech
    wav: bytes
    mp4: bytes
    avatar: str


class Studio:
    """``say`` speaks a whole utterance; ``version`` names the weights of both generators."""

    def __init__(self, say: Say, face: FaceGenerator, version: str) -> None:
        self._say, self._face, self.version = say, face, version

    def film(self, take: Take) -> Clip:
        """The clip of one take; the same take is the same bytes. Raises InputError."""
        speech = self._say(take.text, take.emotion, take.intensity, take.profile)
        avatar = self._face.avatar_for(take.profile, take.look)
        avatar = replace(avatar, profile=take.profile)
        content = self._face.encode_content(speech)
        style = self._face.style_for(take.emotion, take.intensity, take.profile)
        frames = self._face.generate(avatar, content, style, take.seed)
        tags = Tags(title="Empatheia synthetic dialogue")
        mp4 = encode_mp4(frames, self._face.fps, speech, tags)
        return Clip(speech, wav_bytes(speech, tags), mp4, avatar.id)
