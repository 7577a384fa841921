"""What one utterance feels like by its own words: one of the eight keys, and a fine label under it.

The key comes from the text encoder's own head. The fine label is the likeliest, for a linear head
on the encoder's mean state (``empatheia train feelings`` fits it), of those that fold to that key.
Two keys have no fine label here: none of the 32 is *neutral*, and the only one that folds to
*contempt* is jealous, which is not what scornful words are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from empatheia import hub
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32, Feeling
from empatheia.errors import WeightsError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from empatheia.encoders.text import TextEncoder

WEIGHTS = "feelings.safetensors"
NO_FINE = frozenset({"neutral", "contempt"})
PROBE = "I can see why that would be hard."  # its vector tells one encoder from another
SAME_ENCODER = 0.99  # cosine of the probe's vector with the one that was seen in training
BATCH = 64
LONGEST = 64  # word pieces that are read of one utterance


class UtteranceFeelings:
    """Names feelings of single utterances. Deterministic for one encoder and one head."""

    def __init__(
        self,
        encoder: TextEncoder,
        weight: Float[Tensor, "emotion dim"],
        bias: Float[Tensor, " emotion"],
        probe: Float[Tensor, " dim"],
        version: str = "",
    ) -> None:
        """``version`` names the head. Raises WeightsError where it is another encoder's."""
        self.encoder = encoder
        self.weight, self.bias, self.version = weight, bias, version
        seen = mean_states(encoder, [PROBE])[0]
        if seen.shape != probe.shape or F.cosine_similarity(seen, probe, 0) < SAME_ENCODER:
            raise WeightsError(
                f"{WEIGHTS} was fitted on another text encoder: run `empatheia train feelings`"
            )

    @classmethod
    def load(cls, encoder: TextEncoder, path: Path | None = None) -> UtteranceFeelings:
        """Read ``path``, else the file that is shipped. Raises WeightsError."""
        weights = hub.load(path if path is not None else hub.shipped(WEIGHTS))
        names = ("weight", "bias", "probe")
        if tuple(weights.meta.get("labels", ())) != EMOTIONS32 or set(weights.tensors) != {*names}:
            raise WeightsError(f"{path or WEIGHTS} holds no head of the 32 emotions")
        weight, bias, probe = (weights.tensors[name].float() for name in names)
        return cls(encoder, weight, bias, probe, weights.digest)

    def read(self, texts: Sequence[str]) -> list[Feeling]:
        """The feeling of each text."""
        states = mean_states(self.encoder, texts)
        with torch.inference_mode():
            keys = self.encoder.utterance_emotion(states).argmax(-1)
            fine = (states @ self.weight.T + self.bias).masked_fill(~_FOLDS[keys], -torch.inf)
        return [
            Feeling(EMOTIONS8[key], None if EMOTIONS8[key] in NO_FINE else EMOTIONS32[label])
            for key, label in zip(keys.tolist(), fine.argmax(-1).tolist(), strict=True)
        ]


@torch.inference_mode()
def mean_states(encoder: TextEncoder, texts: Sequence[str]) -> Float[Tensor, "text dim"]:
    """The encoder's mean state of each text as a listener's; like lengths are read together."""
    rows = [encoder.pieces_of_response(text) for text in texts]
    rows = [(ids[:LONGEST], roles[:LONGEST]) for ids, roles in rows]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    out = torch.zeros(len(rows), encoder.config.dim)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        out[chosen] = encoder(encoder.collate([rows[i] for i in chosen])).pooled.float()
    return out


# row: one of the eight keys; column: whether this one of the 32 labels folds to it
_FOLDS = torch.tensor([[AVAMERG_32_TO_7[fine] == key for fine in EMOTIONS32] for key in EMOTIONS8])
