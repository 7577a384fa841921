"""What a talking face hears: a window of sounds around each of 25 frames a second.

DreamTalk hears wav2vec2 (50 vectors a second, two a frame), StyleTalk the phoneme of each frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2Model

from empatheia.errors import InputError, TooLittleSpeechError
from empatheia.face.dreamtalk.phonemes import SILENT, numbers_at
from empatheia.media.audio import check_audio, resample
from empatheia.published.folders import open_folder
from empatheia.types import Speech

if TYPE_CHECKING:
    from jaxtyping import Float

FPS = 25
SAMPLE_RATE = 16_000
_TINY = {
    "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": (8, 8), "conv_kernel": (10, 8), "conv_stride": (80, 4),
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


class Ear(Protocol):
    """From a sound to what the content encoder takes."""

    def __call__(self, speech: Speech) -> Tensor:
        """(frames, window, feature) or phoneme numbers (frames, window). Raises InputError."""
        ...


class Wav2Vec2Ear:
    """The last states of wav2vec2, eleven around every other one."""

    def __init__(self, network: Wav2Vec2Model, window: int = 11) -> None:
        self._network, self._window = network.eval().requires_grad_(False), window

    @classmethod
    def load(cls, folder: Path, window: int = 11, device: str = "cpu") -> Wav2Vec2Ear:
        """The published folder of wav2vec2. Raises WeightsError."""
        return cls(open_folder(folder, Wav2Vec2Model).to(device), window)

    @classmethod
    def tiny(cls, window: int = 11) -> Wav2Vec2Ear:
        """Random weights of width 12."""
        return cls(Wav2Vec2Model(Wav2Vec2Config(**_TINY)), window)

    @torch.inference_mode()
    def __call__(self, speech: Speech) -> Float[Tensor, "frame window feature"]:
        audio = check_audio(speech.audio, speech.sample_rate)
        sound = torch.from_numpy(resample(audio, speech.sample_rate, SAMPLE_RATE))
        if len(sound) < SAMPLE_RATE // FPS * 2:
            raise TooLittleSpeechError(
                f"the sound lasts {speech.seconds:.3f} s: a face needs 0.08 s or more; leave it "
                "out, or give a longer one"
            )
        scaled = (sound - sound.mean()) / (sound.var(correction=0) + 1e-7).sqrt()
        found = self._network(scaled[None].to(self._network.device)).last_hidden_state[0]
        # of an odd number the last has no frame of its own, but the last frames see it
        return around(found, self._window, step=2)[: len(found) // 2]


class PhonemeEar:
    """The phoneme in the middle of each frame, from the times that a voice gives."""

    def __init__(self, window: int = 11) -> None:
        self._window = window

    def __call__(self, speech: Speech) -> Tensor:
        if not speech.phonemes:
            raise InputError(
                "StyleTalk hears phonemes, and this sound has no phoneme times: use a voice that "
                "gives them, or DreamTalk, which hears the sound itself"
            )
        frames = max(round(speech.seconds * FPS), 1)
        found = torch.tensor(numbers_at(speech.phonemes, frames, FPS))
        return around(found, self._window, step=1, outside=SILENT)


def around(values: Tensor, window: int, step: int, outside: int = 0) -> Tensor:
    """(time, ...) -> every ``step``-th place with its neighbours, (time / step, window, ...)."""
    reach = window // 2
    edge = values.new_full((reach, *values.shape[1:]), outside)
    padded = torch.cat((edge, values, edge))
    places = torch.arange(0, len(values), step, device=values.device)[:, None]
    return padded[places + torch.arange(window, device=values.device)]
