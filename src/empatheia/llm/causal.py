"""A decoder-only language model of transformers with the project's tokenizer around it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.tokenizer import DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, slots=True)
class CausalConfig:
    """A Llama shape. ``tiny()`` has dim 16, ``small()`` the defaults."""

    dim: int = 384
    layers: int = 6
    heads: int = 6
    hidden: int = 1024
    max_tokens: int = 512
    dropout: float = 0.1  # attention


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
                max_position_embeddings=config.max_tokens,
                tie_word_embeddings=True,
                pad_token_id=0,
                bos_token_id=None,
                eos_token_id=tokenizer.id("<end>"),
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
        return self.lm.model(
            inputs_embeds=embeddings,
            attention_mask=None if mask is None else mask.long(),
            use_cache=False,
        ).last_hidden_state

    def logits(self, hidden: Float[Tensor, "... dim"]) -> Float[Tensor, "... vocabulary"]:
        return self.lm.lm_head(hidden)

    def begin(self, prompt: Tensor, mask: Tensor) -> tuple[Any, Tensor, Tensor]:
        """An empty cache, and what is fed first: the whole prompt (see ``llm.interface``)."""
        return DynamicCache(), prompt, mask

    def feed(self, cache: Any, embeddings: Tensor, seen: Tensor) -> Tensor:
        """States at some more tokens; ``seen`` masks all that the cache then holds."""
        positions = (seen.long().cumsum(1) - 1).clamp(min=0)[:, -embeddings.shape[1] :]
        return self.lm.model(
            inputs_embeds=embeddings,
            attention_mask=seen.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state

    def read(self, prompt: Tensor, prompt_mask: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Without a cache: the state before the first token of ``target`` and at each of them."""
        seen = torch.cat([prompt_mask, mask], 1)
        hidden = self.lm.model(
            inputs_embeds=torch.cat([prompt, target], 1),
            attention_mask=seen.long(),
            position_ids=(seen.long().cumsum(1) - 1).clamp(min=0),
            use_cache=False,
        ).last_hidden_state
        return hidden[:, prompt.shape[1] - 1 :]

    def meta(self) -> dict[str, Any]:
        return {"config": asdict(self.config), "tokenizer": self.tokenizer.to_str()}

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> CausalLM:
        tokenizer = DialogueTokenizer.from_str(meta["tokenizer"], EMOTIONS32, EMOTIONS8)
        return cls(CausalConfig(**meta["config"]), tokenizer)


@torch.no_grad()
def warm_start_embeddings(
    model: CausalLM, pieces: Any, table: Float[Tensor, "piece dim"], scale: float = 0.02
) -> None:
    """Start each token's embedding from a text encoder's word pieces (mean over the token's text).

    ``pieces`` is the encoder's tokenizer, ``table`` its embeddings of the same width. Rows are
    brought to the standard deviation ``scale``; marks and labels keep their random start, except
    that a label starts from the pieces of its own name.
    """
    target = model.lm.get_input_embeddings().weight
    if table.shape[1] != target.shape[1]:
        return
    table = (table - table.mean(0)) / table.std() * scale
    for number in range(len(model.tokenizer)):
        text = model.tokenizer.backend.decode([number], skip_special_tokens=False)
        name = text.strip("<>").split(":")[-1].strip()
        ids = pieces.encode(name, add_special_tokens=False).ids if name else []
        if ids:
            target[number] = table[torch.tensor(ids)].mean(0) + 0.1 * scale * torch.randn(
                target.shape[1]
            )
