"""How a written reply is voiced and shown: the three systems behind ``--system``.

``direct``     content from the teachers, style looked up for the planned feeling and the profile,
               the same for voice and face.
``pipeline``   the paper's baseline (Table 3): the voice takes its feeling from the words it reads,
               the face takes its own from the finished sound. No chain, no tone of the profile.
``empatheia``  content predicted by the synchronizer (or exact, by option), style predicted by the
               disentangler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from empatheia.data.labels import EMOTIONS8
from empatheia.encoders.text import TextEncoder
from empatheia.errors import TooLittleSpeechError
from empatheia.expression import Expressed, Expression
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.speech.sentences import level, sayable
from empatheia.types import Phoneme, Profile, Speech

SYSTEMS = ("direct", "pipeline", "empatheia")
CONTENTS = ("predicted", "exact")
_LEAST = 0.82  # seconds of speech that StyleTTS2's style encoder needs
_LEVEL = 0.7  # intensity of the pipeline's generators, which know of none


@dataclass(frozen=True, slots=True)
class Manner:
    """What is said, and with which feeling, by whom."""

    text: str
    emotion: str
    intensity: float
    profile: Profile


class Delivery(Protocol):
    """Styles and content for the two generators, one reply long."""

    def voice(self) -> Tensor:
        """S^s."""
        ...

    def sounds(self, sentences: Sequence[Sequence[Phoneme]]) -> list[Tensor]:
        """C^s of each sentence; words are counted through the whole reply."""
        ...

    def face(self, speech: Speech) -> tuple[Tensor, Tensor]:
        """C^v and S^v for the spoken reply."""
        ...


class Direct:
    """See the module's docstring."""

    def __init__(self, speech: SpeechGenerator, face: FaceGenerator, manner: Manner) -> None:
        self._speech, self._face, self._manner = speech, face, manner

    def voice(self) -> Tensor:
        m = self._manner
        return self._speech.style_for(m.emotion, m.intensity, m.profile)

    def sounds(self, sentences: Sequence[Sequence[Phoneme]]) -> list[Tensor]:
        return [self._speech.encode_content(s) for s in sentences]

    def face(self, speech: Speech) -> tuple[Tensor, Tensor]:
        m = self._manner
        style = self._face.style_for(m.emotion, m.intensity, m.profile)
        return self._face.encode_content(speech), style


class Pipeline(Direct):
    """See the module's docstring. ``reader`` tells the feeling of a text."""

    def __init__(
        self,
        speech: SpeechGenerator,
        face: FaceGenerator,
        manner: Manner,
        reader: TextEncoder,
    ) -> None:
        plain = replace(manner, profile=replace(manner.profile, tone="mild"), intensity=_LEVEL)
        super().__init__(speech, face, replace(plain, emotion=_read(reader, manner.text)))

    def face(self, speech: Speech) -> tuple[Tensor, Tensor]:
        heard = self._heard(speech)
        style = self._face.style_for(heard, _LEVEL, self._manner.profile)
        return self._face.encode_content(speech), style

    def _heard(self, speech: Speech) -> str:
        """The key whose usual voice is nearest to what is heard.

        A reply in which too little is said is heard several times over, a silent one as what its
        words say.
        """
        try:
            style = self._speech.encode_style(speech)
        except TooLittleSpeechError:
            try:
                style = self._speech.encode_style(_repeated(speech))
            except TooLittleSpeechError:
                return self._manner.emotion
        usual = torch.stack(
            [self._speech.style_for(key, _LEVEL, self._manner.profile) for key in EMOTIONS8]
        )
        return EMOTIONS8[int(cosine_similarity(usual, style[None]).argmax())]


class Predicted(Direct):
    """See the module's docstring. ``exact`` takes the content from the teachers."""

    def __init__(
        self,
        speech: SpeechGenerator,
        face: FaceGenerator,
        manner: Manner,
        expression: Expression,
        found: Expressed,
        exact: bool,
    ) -> None:
        super().__init__(speech, face, manner)
        self._expression, self._found, self._exact = expression, found, exact

    def voice(self) -> Tensor:
        return self._found.style.speech[0]

    def sounds(self, sentences: Sequence[Sequence[Phoneme]]) -> list[Tensor]:
        if self._exact:
            return super().sounds(sentences)
        whole = [phoneme for sentence in sentences for phoneme in sentence]
        content = self._expression.speech_content(self._found.reply, whole)
        return list(content.split([len(s) for s in sentences]))

    def face(self, speech: Speech) -> tuple[Tensor, Tensor]:
        content = self._face.encode_content(speech)
        if not self._exact:
            content = self._expression.video_content(
                self._found.reply, speech, len(content), self._face.fps
            )
        return content, self._found.style.video[0]


def _repeated(speech: Speech) -> Speech:
    """A sound so often that ``_LEAST`` is left when the silence at both ends is cut."""
    times = 1 + math.ceil(_LEAST / max(speech.seconds, 0.01))
    return Speech(np.tile(speech.audio, times), speech.sample_rate)


@torch.inference_mode()
def _read(reader: TextEncoder, text: str) -> str:
    pooled = reader(reader.collate([reader.pieces_of_response(text)])).pooled
    return EMOTIONS8[int(reader.utterance_emotion(pooled)[0].argmax())]


def deliver(generator: SpeechGenerator, text: str, delivery: Delivery) -> Iterator[Speech]:
    """Speak a reply sentence by sentence, as ``speech.sentences.speak`` does, in any manner.

    Raises InputError where nothing can be spoken.
    """
    sentences = sayable(generator, text)
    phonemes = [generator.phonemize(sentence) for sentence in sentences]
    shifted: list[list[Phoneme]] = []
    words = 0
    for sentence, part in zip(sentences, phonemes, strict=True):
        shifted.append([replace(p, word=p.word + words if p.word >= 0 else -1) for p in part])
        words += len(sentence.split())
    style, contents = delivery.voice(), delivery.sounds(shifted)
    first = 0
    for sentence, part, content in zip(sentences, phonemes, contents, strict=True):
        yield level(generator.generate(part, content, style), sentence, first)
        first += len(sentence.split())
