"""The drawn face: content and style in, pictures out."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from empatheia import hub
from empatheia.errors import InputError, WeightsError, unknown
from empatheia.face.avatar import people
from empatheia.face.avatar.feeling import EMOTIONS, TONES
from empatheia.face.avatar.looks import AGES, GENDERS, RACES, look_for
from empatheia.face.avatar.motion import move
from empatheia.face.avatar.stage import Stage
from empatheia.face.avatar.style import (
    STYLE_DIM,
    FaceStyleNet,
    StyleBook,
    check_frames,
    seen_pictures,
)
from empatheia.face.hearing import HearingNet, content_from_sound
from empatheia.face.visemes import CONTENT_DIM, content_from_times
from empatheia.types import Avatar, Frame, ImageArray, Profile, Speech, Video

STYLE_FILE = "face-style.safetensors"
HEARING_FILE = "face-hearing.safetensors"
SIZES = (128, 256, 384, 512)
MAX_STAGES = 12


class DrawnFace:
    """A FaceGenerator whose people are drawn (see ``empatheia.protocols``)."""

    fps = 25
    content_dim = CONTENT_DIM
    style_dim = STYLE_DIM

    def __init__(
        self,
        size: int,
        style: FaceStyleNet,
        book: StyleBook,
        hearing: HearingNet,
        version: str = "",
    ) -> None:
        if size not in SIZES:
            raise InputError(unknown("picture size", size, map(str, SIZES)))
        self.size, self.version = size, version
        self._style, self._book, self._hearing = style.eval(), book, hearing.eval()
        self._stages: OrderedDict[tuple[str, int], Stage] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, size: int = 256) -> DrawnFace:
        """With the weights that come with the package."""
        style_file, hearing_file = (hub.load(hub.shipped(n)) for n in (STYLE_FILE, HEARING_FILE))
        style, hearing = FaceStyleNet(), HearingNet()
        try:
            style.load_state_dict(
                {k: v for k, v in style_file.tensors.items() if not k.startswith("book.")}
            )
            hearing.load_state_dict(dict(hearing_file.tensors))
            meta = style_file.meta
            book = StyleBook(style_file.tensors, meta["emotions"], meta["levels"], meta["tones"])
        except (KeyError, RuntimeError) as error:
            raise WeightsError(
                f"{STYLE_FILE} or {HEARING_FILE} does not fit this version: {error}"
            ) from error
        return cls(size, style, book, hearing, f"{style_file.digest}-{hearing_file.digest}")

    def avatars(self) -> tuple[Avatar, ...]:
        return people.stock()

    def avatar_for(self, profile: Profile, seed: int = 0) -> Avatar:
        return people.resolve(profile, seed)

    def avatar(self, name: str) -> Avatar:
        """The avatar with this id; raises InputError with the nearest names."""
        return people.find(name)

    def encode_content(self, speech: Speech) -> Tensor:
        if speech.phonemes:
            return torch.from_numpy(content_from_times(speech, self.fps))
        return torch.from_numpy(content_from_sound(self._hearing, speech, self.fps))

    @torch.inference_mode()
    def encode_style(self, video: Video) -> Tensor:
        check_frames(video.frames)
        return self._style.encode(seen_pictures(video.frames)[None])[0].clone()

    def style_for(self, emotion: str, intensity: float, profile: Profile) -> Tensor:
        if emotion not in EMOTIONS:
            raise InputError(unknown("emotion", emotion, EMOTIONS))
        if profile.tone not in TONES:
            raise InputError(unknown("tone", profile.tone, TONES))
        if not (math.isfinite(intensity) and 0.0 <= intensity <= 1.0):
            raise InputError(f"intensity is {intensity}: give a number from 0 to 1")
        return self._book.look_up(emotion, intensity, profile.tone).clone()

    @torch.inference_mode()
    def expression(self, style: Tensor) -> np.ndarray:
        """What a style means: the face it makes, by the names in ``feeling.EXPRESSION``."""
        return self.expressions(style[None].float())[0].clamp(-1.2, 1.2).numpy()

    def expressions(self, styles: Tensor) -> Tensor:
        """The same for (clip, style), unbounded and with a gradient."""
        return self._style.decode(styles)

    def prepare(self, avatar: Avatar) -> None:
        """Paints the still layers of ``avatar`` now, so that the first picture comes at once."""
        self._stage(avatar)

    def generate(
        self, avatar: Avatar, content: Tensor, style: Tensor, seed: int = 0
    ) -> Iterator[Frame]:
        self._check("content", content, ("frames", self.content_dim))
        self._check("style", style, (self.style_dim,))
        self._check_avatar(avatar)
        rows = content.detach().float().clamp(0, 1).numpy()
        curve = move(rows, self.expression(style.detach()), seed, self.fps)
        return self._draw(avatar, curve)

    def still(self, avatar: Avatar, emotion: str = "neutral", intensity: float = 1.0) -> ImageArray:
        """One portrait, eyes open, mouth at rest."""
        from empatheia.face.avatar.controls import bounded
        from empatheia.face.avatar.feeling import face_controls

        self._check_avatar(avatar)
        face = self.expression(self.style_for(emotion, intensity, avatar.profile))
        return self._stage(avatar).draw(bounded(face_controls(face)[None])[0])

    def _draw(self, avatar: Avatar, curve: np.ndarray) -> Iterator[Frame]:
        stage = self._stage(avatar).copy()
        for index, controls in enumerate(curve):
            yield Frame(stage.draw(controls), index / self.fps)

    def _stage(self, avatar: Avatar) -> Stage:
        p = avatar.profile
        key = ("-".join((p.age, p.gender, p.race)), avatar.seed)
        with self._lock:
            if key not in self._stages:
                self._stages[key] = Stage(look_for(p, avatar.seed), self.size)
                while len(self._stages) > MAX_STAGES:
                    self._stages.popitem(last=False)
            self._stages.move_to_end(key)
            return self._stages[key]

    def _check(self, name: str, value: Tensor, shape: tuple[str | int, ...]) -> None:
        fits = value.ndim == len(shape) and value.shape[-1] == shape[-1] and len(value) > 0
        if not fits:
            raise InputError(f"{name} has shape {tuple(value.shape)}: give {shape}")
        if not torch.isfinite(value).all():
            raise InputError(f"{name} has NaN or infinite numbers: give finite ones")

    @staticmethod
    def _check_avatar(avatar: Avatar) -> None:
        p = avatar.profile
        for field, allowed in (("age", AGES), ("gender", GENDERS), ("race", RACES)):
            if getattr(p, field) not in allowed:
                raise InputError(unknown(f"avatar {field}", getattr(p, field), allowed))
