"""A decoder-only language model of transformers with the project's tokenizer around it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.attention import SHARING
from empatheia.llm.cache import empty_cache
from empatheia.llm.tokenizer import DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, slots=True)
class CausalConfig:
    """A Llama shape. ``tiny()`` has dim 16, ``small()`` the defaults."""

    dim: int = 576
    layers: int = 14
    heads: int = 9
    kv_heads: int = 3
    hidden: int = 1536
    max_tokens: int = 512
    rope_theta: float = 100_000.0


class CausalLM(nn.Module):
    """Llama weights, tied embeddings, and the tokenizer they were trained with."""

    def __init__(self, config: CausalConfig, tokenizer: DialogueTokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.lm = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=config.dim,
                intermediate_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                num_key_value_heads=config.kv_heads,
                rope_theta=config.rope_theta,
                rms_norm_eps=1e-5,
                max_position_embeddings=config.max_tokens,
                tie_word_embeddings=True,
                pad_token_id=0,
                bos_token_id=None,
                eos_token_id=tokenizer.id("<end>"),
                attn_implementation=SHARING,
            )
        )

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token dim"]:
        return self.lm.get_input_embeddings()(ids)

    def hidden(
        self,
        embeddings: Float[Tensor, "batch token dim"],
        mask: Bool[Tensor, "batch token"] | None = None,
    ) -> Float[Tensor, "batch token dim"]:
        """Last-layer states without a cache (training). Padding stands on the right."""
        seen = None if mask is None else mask.long()
        return self._states(embeddings, attention_mask=seen, use_cache=False)

    def logits(self, hidden: Float[Tensor, "... dim"]) -> Float[Tensor, "... vocabulary"]:
        return self.lm.lm_head(hidden)

    def begin(self, prompt: Tensor, mask: Tensor) -> tuple[Any, Tensor, Tensor]:
        """An empty cache, and what is fed first: the whole prompt (see ``llm.interface``)."""
        return empty_cache(self.lm.config._attn_implementation == SHARING), prompt, mask

    def feed(self, cache: Any, embeddings: Tensor, seen: Tensor) -> Tensor:
        """States at some more tokens; ``seen`` masks all that the cache then holds."""
        return self._states(
            embeddings,
            attention_mask=seen.long(),
            position_ids=places_of(seen)[:, -embeddings.shape[1] :],
            past_key_values=cache,
            use_cache=True,
        )

    def read(self, prompt: Tensor, prompt_mask: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Without a cache: the state before the first token of ``target`` and at each of them."""
        seen = torch.cat([prompt_mask, mask], 1)
        hidden = self._states(
            torch.cat([prompt, target], 1),
            attention_mask=seen.long(),
            position_ids=places_of(seen),
            use_cache=False,
        )
        return hidden[:, prompt.shape[1] - 1 :]

    def _states(self, embeddings: Tensor, **more: Any) -> Tensor:
        return self.lm.model(inputs_embeds=embeddings, **more).last_hidden_state

    def meta(self) -> dict[str, Any]:
        return {"config": asdict(self.config), "tokenizer": self.tokenizer.to_str()}

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> CausalLM:
        tokenizer = DialogueTokenizer.from_str(meta["tokenizer"], EMOTIONS32, EMOTIONS8)
        return cls(CausalConfig(**meta["config"]), tokenizer)


def places_of(seen: Bool[Tensor, "batch token"]) -> Int[Tensor, "batch token"]:
    """Positions of tokens, padding not counted."""
    return (seen.long().cumsum(1) - 1).clamp(min=0)
