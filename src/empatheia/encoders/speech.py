"""The speech encoder: HuBERT of ``transformers`` at any size, frozen (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

from empatheia.encoders.heads import EmotionHead, MediaFeatures
from empatheia.errors import MediaError
from empatheia.media.audio import check_audio, resample
from empatheia.types import AudioArray, Speech

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SAMPLE_RATE = 16_000
LEAST, MOST = 0.2, 30.0  # seconds that are heard; of longer sound the last ones
SILENCE = 1e-4
SMALL: Mapping[str, Any] = {
    "hidden_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "intermediate_size": 768,
    "conv_dim": (128,) * 7,
    "num_conv_pos_embeddings": 64,
    "num_conv_pos_embedding_groups": 12,
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
    if len(audio) < LEAST * SAMPLE_RATE:
        raise MediaError(
            f"the recording lasts {speech.seconds:.2f} s: give at least {LEAST} s of speech"
        )
    if float(np.abs(audio).max()) < SILENCE:
        raise MediaError("the recording is silent: give a recording with speech in it")
    centred = audio - audio.mean()
    scaled: AudioArray = (centred / (centred.std() + 1e-7)).astype(np.float32)
    return scaled


class SpeechEncoder(nn.Module):
    """Sounds of different lengths in, states and the eight keys out. HuBERT itself never trains."""

    def __init__(self, settings: Mapping[str, Any] = SMALL) -> None:
        super().__init__()
        self.settings = dict(settings)
        self.hubert = HubertModel(
            HubertConfig(**{**self.settings, "layerdrop": 0.0, "apply_spec_augment": False})
        )
        config = self.hubert.config
        self.dim = int(config.hidden_size)
        self.head = EmotionHead(config.num_hidden_layers + 1, self.dim)
        self.hubert.requires_grad_(False)

    def train(self, mode: bool = True) -> SpeechEncoder:
        super().train(mode)
        self.hubert.eval()
        return self

    @torch.no_grad()
    def layers(
        self, sounds: Sequence[Float[Tensor, " sample"]]
    ) -> tuple[tuple[Tensor, ...], Bool[Tensor, "batch time"]]:
        """States of every layer, padded on the right.

        The convolutions run row by row: HuBERT's group norm looks over the whole time, so padding
        would change what it hears. The transformer runs once, with a mask.
        """
        rows = [
            self.hubert.feature_projection(
                self.hubert.feature_extractor(sound[None]).transpose(1, 2)
            )[0]
            for sound in sounds
        ]
        mask = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.bool)
        states = rows[0].new_zeros(*mask.shape, self.dim)
        for i, row in enumerate(rows):
            states[i, : len(row)], mask[i, : len(row)] = row, True
        return self._through(states, mask), mask

    def _through(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
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

    def meta(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> SpeechEncoder:
        return cls(meta["settings"])
