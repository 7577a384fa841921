"""An encoder-decoder language model (Flan-T5's shape) with the project's tokenizer around it.

The encoder reads features and prompt, the decoder writes chain, reply and signal tokens. T5 counts
positions by place in the cache, so a row that waits for others would drift: several dialogues are
decoded one after another, the candidates of one side by side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import EncoderDecoderCache, T5Config, T5ForConditionalGeneration

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.cache import empty_cache
from empatheia.llm.tokenizer import DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, slots=True)
class Seq2SeqConfig:
    """A T5 1.1 shape; the defaults are Flan-T5-small's."""

    dim: int = 512
    layers: int = 8
    heads: int = 6
    head_dim: int = 64
    hidden: int = 1024
    dropout: float = 0.1


class Memory:
    """The decoder's cache with what the encoder said; ``mask`` covers the prompt."""

    def __init__(self, states: Tensor, mask: Tensor) -> None:
        self.states, self.mask = states, mask
        self.cache = EncoderDecoderCache(empty_cache(), empty_cache())

    def batch_select_indices(self, indices: Tensor) -> None:
        self.states, self.mask = self.states[indices], self.mask[indices]
        self.cache.batch_select_indices(indices)

    def crop(self, tokens: int) -> None:
        self.cache.self_attention_cache.crop(tokens)


class Seq2SeqLM(nn.Module):
    """Implements :class:`empatheia.llm.interface.LanguageModel`."""

    def __init__(self, config: Seq2SeqConfig, tokenizer: DialogueTokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.lm = T5ForConditionalGeneration(
            T5Config(
                vocab_size=len(tokenizer),
                d_model=config.dim,
                d_kv=config.head_dim,
                d_ff=config.hidden,
                num_layers=config.layers,
                num_heads=config.heads,
                dropout_rate=config.dropout,
                feed_forward_proj="gated-gelu",
                pad_token_id=0,
                decoder_start_token_id=0,
                eos_token_id=tokenizer.id("<end>"),
            )
        )

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token dim"]:
        return self.lm.get_input_embeddings()(ids)

    def logits(self, hidden: Float[Tensor, "... dim"]) -> Float[Tensor, "... vocabulary"]:
        if self.lm.config.scale_decoder_outputs:
            hidden = hidden * self.config.dim**-0.5
        return self.lm.lm_head(hidden)

    def _start(self, rows: int) -> Tensor:
        return self.embed(torch.zeros(rows, 1, dtype=torch.long))

    def _encode(self, prompt: Tensor, mask: Tensor) -> Tensor:
        return self._states(self.lm.encoder, prompt, attention_mask=mask.long())

    def begin(self, prompt: Tensor, mask: Tensor) -> tuple[Any, Tensor, Tensor]:
        memory = Memory(self._encode(prompt, mask), mask)
        return memory, self._start(len(prompt)), mask.new_ones(len(prompt), 1)

    def feed(self, cache: Memory, embeddings: Tensor, seen: Tensor) -> Tensor:
        return self._states(
            self.lm.decoder,
            embeddings,
            attention_mask=seen.long(),
            encoder_hidden_states=cache.states,
            encoder_attention_mask=cache.mask.long(),
            past_key_values=cache.cache,
            use_cache=True,
        )

    def read(
        self,
        prompt: Float[Tensor, "batch before dim"],
        prompt_mask: Bool[Tensor, "batch before"],
        target: Float[Tensor, "batch token dim"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch token+1 dim"]:
        begun = torch.cat([self._start(len(target)).to(target.dtype), target], 1)
        return self._states(
            self.lm.decoder,
            begun,
            attention_mask=torch.cat([mask.new_ones(len(mask), 1), mask], 1).long(),
            encoder_hidden_states=self._encode(prompt, prompt_mask),
            encoder_attention_mask=prompt_mask.long(),
            use_cache=False,
        )

    def _states(self, part: Any, embeddings: Tensor, **more: Any) -> Tensor:
        return part(inputs_embeds=embeddings, **more).last_hidden_state

    def meta(self) -> dict[str, Any]:
        return {"config": asdict(self.config), "tokenizer": self.tokenizer.to_str()}

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> Seq2SeqLM:
        tokenizer = DialogueTokenizer.from_str(meta["tokenizer"], EMOTIONS32, EMOTIONS8)
        return cls(Seq2SeqConfig(**meta["config"]), tokenizer)
