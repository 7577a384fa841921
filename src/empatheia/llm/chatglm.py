"""ChatGLM3 as transformers' GLM: the same arithmetic, its tensors under other names.

ChatGLM3 keeps query, key and value in one matrix; GLM keeps them apart. Both turn the first half of
each head, pairs of neighbours together, and both gate with SiLU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import GlmConfig

from empatheia.errors import WeightsError

MODEL_TYPE = "chatglm"
_LAYER = re.compile(r"transformer\.encoder\.layers\.(\d+)\.(.+)")
_INSIDE = {
    "input_layernorm.weight": "input_layernorm.weight",
    "post_attention_layernorm.weight": "post_attention_layernorm.weight",
    "self_attention.dense.weight": "self_attn.o_proj.weight",
    "mlp.dense_h_to_4h.weight": "mlp.gate_up_proj.weight",
    "mlp.dense_4h_to_h.weight": "mlp.down_proj.weight",
}
_OUTSIDE = {
    "transformer.embedding.word_embeddings.weight": "model.embed_tokens.weight",
    "transformer.encoder.final_layernorm.weight": "model.norm.weight",
    "transformer.output_layer.weight": "lm_head.weight",
}
_EXPECTED: Mapping[str, Any] = {
    "rmsnorm": True, "add_bias_linear": False, "multi_query_attention": True,
    "apply_residual_connection_post_layernorm": False, "post_layer_norm": True,
}  # fmt: skip


def glm_config(given: Mapping[str, Any]) -> GlmConfig:
    """``config.json`` of ChatGLM3 in GLM's words. Raises WeightsError where it is another model."""
    for name, value in _EXPECTED.items():
        if given.get(name, value) != value:
            raise WeightsError(
                f"config.json says {name}={given[name]}, which GLM has not: use GLM-4-hf instead"
            )
    try:
        head = int(given["kv_channels"])
        return GlmConfig(
            vocab_size=given["padded_vocab_size"],
            hidden_size=given["hidden_size"],
            intermediate_size=given["ffn_hidden_size"],
            num_hidden_layers=given["num_layers"],
            num_attention_heads=given["num_attention_heads"],
            num_key_value_heads=given["multi_query_group_num"],
            head_dim=head,
            attention_bias=bool(given.get("add_qkv_bias", True)),
            rms_norm_eps=float(given["layernorm_epsilon"]),
            max_position_embeddings=given["seq_length"],
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 10_000.0 * float(given.get("rope_ratio", 1)),
                "partial_rotary_factor": 0.5,
            },
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=given.get("eos_token_id", 2),
        )
    except KeyError as error:
        raise WeightsError(f"config.json lacks {error}: it is not ChatGLM3's") from error


def glm_tensors(state: Mapping[str, Tensor], config: GlmConfig) -> dict[str, Tensor]:
    """Tensors of ChatGLM3 under GLM's names. Raises WeightsError on a name that is in neither."""
    queries = config.num_attention_heads * config.head_dim
    groups = config.num_key_value_heads * config.head_dim
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith("rotary_pos_emb.inv_freq"):
            continue
        found = _LAYER.fullmatch(name)
        if found is None:
            if name not in _OUTSIDE:
                raise WeightsError(f"ChatGLM3 has no tensor {name}: it is another model's file")
            out[_OUTSIDE[name]] = value
            continue
        prefix, inner = f"model.layers.{found[1]}.", found[2]
        if inner.startswith("self_attention.query_key_value."):
            kind = inner.rpartition(".")[2]
            parts = value.split([queries, groups, groups])
            for which, part in zip("qkv", parts, strict=True):
                out[f"{prefix}self_attn.{which}_proj.{kind}"] = part.clone()
        elif inner in _INSIDE:
            out[prefix + _INSIDE[inner]] = value
        else:
            raise WeightsError(f"ChatGLM3 has no tensor {name}: it is another model's file")
    return out
