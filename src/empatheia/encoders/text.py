"""The text encoder: the dialogue so far as one vector a word piece, and one for the whole.

A BERT shape of ``transformers`` (``small()`` starts from all-MiniLM-L6-v2, its vocabulary pruned
to the pieces that dialogue uses). It was fine-tuned to tell the 32 emotions from the dialogue
before a response, to tell a fitting response from another dialogue's, and to tell the emotion
of one utterance. The language model hears its vectors as extra tokens, as it does speech and video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

HISTORY = 5  # utterances that are read; more did not help (docs/experiments.md)


@dataclass(frozen=True, slots=True)
class TextEncoderConfig:
    vocabulary: int = 30522
    dim: int = 384
    layers: int = 6
    heads: int = 12
    hidden: int = 1536
    max_pieces: int = 160
    match_dim: int = 128


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """What the encoder hands on; padding is False in ``mask``."""

    states: Float[Tensor, "batch piece dim"]
    mask: Bool[Tensor, "batch piece"]
    pooled: Float[Tensor, "batch dim"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Padded word pieces; ``roles`` is 0 for the speaker's words and 1 for the listener's."""

    ids: Int[Tensor, "batch piece"]
    roles: Int[Tensor, "batch piece"]
    mask: Bool[Tensor, "batch piece"]


class TextEncoder(nn.Module):
    """History in, vectors out; see the module's docstring for what its heads mean."""

    def __init__(self, config: TextEncoderConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.bert = BertModel(
            BertConfig(
                vocab_size=config.vocabulary,
                hidden_size=config.dim,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.hidden,
                max_position_embeddings=512,
                attention_probs_dropout_prob=0.0,  # keeps the fused attention kernel in training
            ),
            add_pooling_layer=False,
        )
        self.emotion = nn.Linear(config.dim, len(EMOTIONS32))  # of the speaker, from the history
        self.utterance_emotion = nn.Linear(config.dim, len(EMOTIONS8))  # of whoever says it
        self.match_context = nn.Linear(config.dim, config.match_dim)
        self.match_response = nn.Linear(config.dim, config.match_dim)

    def pieces_of_history(self, turns: Sequence[Turn]) -> tuple[list[int], list[int]]:
        """Ids and roles of the last ``HISTORY`` utterances, the oldest words dropped first."""
        ids, roles = [], []
        for turn in turns[-HISTORY:]:
            encoded = self.tokenizer.encode(turn.text, add_special_tokens=False).ids
            ids += [*encoded, self._special("[SEP]")]
            roles += [int(turn.role == "listener")] * (len(encoded) + 1)
        keep = self.config.max_pieces - 1
        return [self._special("[CLS]"), *ids[-keep:]], [0, *roles[-keep:]]

    def pieces_of_response(self, text: str) -> tuple[list[int], list[int]]:
        return self.pieces_of_history([Turn("listener", text)])

    def _special(self, name: str) -> int:
        number = self.tokenizer.token_to_id(name)
        assert number is not None, f"tokenizer has no {name}"
        return int(number)

    def collate(self, rows: Sequence[tuple[list[int], list[int]]], multiple: int = 8) -> Pieces:
        """Pad rows to a common length; ``multiple`` keeps the number of different ones small."""
        width = -(-max(len(ids) for ids, _ in rows) // multiple) * multiple
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        roles = torch.zeros_like(ids)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for row, (row_ids, row_roles) in enumerate(rows):
            ids[row, : len(row_ids)] = torch.tensor(row_ids)
            roles[row, : len(row_roles)] = torch.tensor(row_roles)
            mask[row, : len(row_ids)] = True
        return Pieces(ids, roles, mask)

    def forward(self, pieces: Pieces) -> TextFeatures:
        states = self.bert(
            input_ids=pieces.ids,
            token_type_ids=pieces.roles,
            attention_mask=pieces.mask.long(),
        ).last_hidden_state
        weight = pieces.mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weight).sum(1) / weight.sum(1)
        return TextFeatures(states, pieces.mask, pooled)

    @torch.inference_mode()
    def meanings(self, texts: Sequence[str]) -> Float[Tensor, "text dim3"]:
        """Mean states of three layers, concatenated, of texts that stand alone.

        The lower layers still say what a text is about where the last one, tuned for emotion and
        fit, says how it feels.
        """
        rows = self.collate([self.pieces_of_history([Turn("speaker", t)]) for t in texts])
        states = self.bert(
            input_ids=rows.ids,
            token_type_ids=rows.roles,
            attention_mask=rows.mask.long(),
            output_hidden_states=True,
        ).hidden_states
        weight = rows.mask.unsqueeze(-1).to(states[0].dtype)
        layers = self.config.layers
        chosen = [states[-(-layers * third // 3)] for third in (1, 2, 3)]
        return torch.cat([(s * weight).sum(1) / weight.sum(1) for s in chosen], -1).float()

    def match(
        self, contexts: Float[Tensor, "n dim"], responses: Float[Tensor, "m dim"]
    ) -> Float[Tensor, "n m"]:
        """Cosine of every context with every response: how well the response fits."""
        left = F.normalize(self.match_context(contexts).float(), dim=-1)
        right = F.normalize(self.match_response(responses).float(), dim=-1)
        return left @ right.T

    def meta(self) -> dict[str, Any]:
        """What a weight file needs to build this encoder again."""
        return {"config": asdict(self.config), "tokenizer": self.tokenizer.to_str()}

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> TextEncoder:
        return cls(TextEncoderConfig(**meta["config"]), Tokenizer.from_str(meta["tokenizer"]))
