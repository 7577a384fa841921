"""The speech encoder: HuBERT of ``transformers`` at any size, frozen (paper, section 4.1).

``small()`` has its transformer over mel bands and pitch (``encoders.mel``), ``paper()`` all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

from empatheia.data.labels import AGES, GENDERS, TONES
from empatheia.encoders.heads import EmotionHead, Layers, MediaFeatures, ProfileHead
from empatheia.encoders.mel import STACKED, MelFront
from empatheia.errors import InputError, unknown
from empatheia.media.audio import check_audio, check_heard, resample
from empatheia.types import AudioArray, Speech

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SAMPLE_RATE = 16_000
MOST = 30.0  # seconds that are heard: of longer sound the last ones
FRONTS = ("waves", "mel")
VOICE_CLASSES = {"age": AGES, "gender": GENDERS, "tone": TONES}
SMALL: Mapping[str, Any] = {
    "front": "mel",
    "hidden_size": 144,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 432,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 8,
    "hidden_dropout": 0.1,
    "activation_dropout": 0.2,
    "feat_proj_dropout": 0.1,
}
TINY: Mapping[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8),
    "conv_kernel": (10, 8),
    "conv_stride": (80, 4),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}


def heard(speech: Speech) -> AudioArray:
    """16 kHz, without mean and of unit variance, at most ``MOST`` seconds.

    Raises MediaError where there is too little to hear, InputError where it is no sound.
    """
    audio = resample(check_audio(speech.audio, speech.sample_rate), speech.sample_rate, SAMPLE_RATE)
    audio = audio[-round(MOST * SAMPLE_RATE) :]
    check_heard(Speech(audio, SAMPLE_RATE))
    centred = audio - audio.mean()
    scaled: AudioArray = (centred / (centred.std() + 1e-7)).astype(np.float32)
    return scaled


class SpeechEncoder(nn.Module):
    """Sounds of different lengths in, states and the eight keys out. HuBERT itself never trains."""

    def __init__(self, settings: Mapping[str, Any] = SMALL) -> None:
        """``settings`` are those of ``HubertConfig``, and ``front``: "waves" (its own) or "mel"."""
        super().__init__()
        self.settings = dict(settings)
        shape = {**settings, "layerdrop": 0.0, "apply_spec_augment": False}
        front = shape.pop("front", "waves")
        if front not in FRONTS:
            raise InputError(unknown("front", front, FRONTS))
        if front == "mel":
            shape |= {"conv_dim": (STACKED,) * 7, "feat_proj_layer_norm": False}
        self.hubert = HubertModel(HubertConfig(**shape))
        if front == "mel":
            self.hubert.feature_extractor = MelFront()
        config = self.hubert.config
        self.dim = int(config.hidden_size)
        self.head = EmotionHead(config.num_hidden_layers + 1, self.dim)
        self.profile = ProfileHead(config.num_hidden_layers + 1, self.dim, VOICE_CLASSES)
        self.hubert.requires_grad_(False)

    def train(self, mode: bool = True) -> SpeechEncoder:
        super().train(mode)
        self.hubert.eval()
        return self

    @torch.no_grad()
    def layers(
        self, sounds: Sequence[Float[Tensor, " sample"]]
    ) -> tuple[Layers, Bool[Tensor, "batch time"]]:
        """States of every layer, padded on the right.

        The front runs row by row: HuBERT's group norm looks over the whole time, so padding would
        change what it hears. The transformer runs once, with a mask.
        """
        front = self.hubert.feature_extractor
        return self.over([front(sound[None]).transpose(1, 2)[0] for sound in sounds])

    def over(
        self, fronts: Sequence[Float[Tensor, "time channel"]]
    ) -> tuple[Layers, Bool[Tensor, "batch time"]]:
        """The same from what the front gave; here gradients flow where they are asked for."""
        rows = nn.utils.rnn.pad_sequence(list(fronts), batch_first=True)
        mask = torch.arange(rows.shape[1]) < torch.tensor([len(r) for r in fronts])[:, None]
        states = self.hubert.feature_projection(rows) * mask[..., None]
        return self._through(states, mask), mask

    def _through(self, states: Tensor, mask: Tensor) -> Layers:
        """What goes into each layer of the transformer, and what comes out of the last."""
        entering: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, given: entering.append(given[0].clone()))
            for layer in self.hubert.encoder.layers
        ]
        try:
            last = self.hubert.encoder(states, attention_mask=mask).last_hidden_state
        finally:
            for hook in hooks:
                hook.remove()
        return (*entering, last)

    def forward(self, sounds: Sequence[Float[Tensor, " sample"]]) -> MediaFeatures:
        """``sounds`` as :func:`heard` makes them."""
        return self.head(*self.layers(sounds))

    def hear(self, speeches: Sequence[Speech]) -> MediaFeatures:
        return self(tuple(torch.from_numpy(heard(speech)) for speech in speeches))

    def who(self, speeches: Sequence[Speech]) -> dict[str, Tensor]:
        """Logits of the speakers' age, gender and tone, (speech, labels) each."""
        found = self.layers([torch.from_numpy(heard(speech)) for speech in speeches])
        return dict(self.profile(*found))

    def meta(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> SpeechEncoder:
        return cls(meta["settings"])
