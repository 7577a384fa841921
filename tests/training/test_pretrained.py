"""A GGUF file gives back the network that was written into it; a cut start fits our model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.errors import InputError, WeightsError
from empatheia.llm.causal import CausalConfig, CausalLM
from empatheia.llm.tokenizer import DialogueTokenizer
from empatheia.training.pretrained import read_gguf, start_from

gguf = pytest.importorskip("gguf")
HEADS, KV, DIM, HIDDEN, LAYERS = 4, 2, 32, 48, 3
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def interleaved(value: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a head as llama.cpp stores them: the two halves alternate."""
    return value.reshape(heads, 2, -1, value.shape[1]).swapaxes(1, 2).reshape(value.shape)


@pytest.fixture
def network() -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300,
            hidden_size=DIM,
            intermediate_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KV,
            rope_theta=100_000.0,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
        )
    )
    return model.eval()


@pytest.fixture
def file(network: LlamaForCausalLM, tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_rope_freq_base(100_000.0)
    writer.add_eos_token_id(0)
    alphabet = DialogueTokenizer.train(["a"], 320, EMOTIONS32, EMOTIONS8).backend
    letters = [t for t in alphabet.get_vocab() if len(t) == 1]
    writer.add_token_list(["<end>", *letters, "ab"] + [f"x{i}" for i in range(298 - len(letters))])
    writer.add_token_merges(["a b"])
    for name, value in network.model.state_dict().items():
        matrix = value.numpy()
        parts = name.removesuffix(".weight").split(".", 2)
        if parts[0] == "layers":
            if parts[2] == "self_attn.q_proj":
                matrix = interleaved(matrix, HEADS)
            if parts[2] == "self_attn.k_proj":
                matrix = interleaved(matrix, KV)
            to = f"blk.{parts[1]}.{NAMES[parts[2]]}.weight"
        else:
            to = {"embed_tokens": "token_embd.weight", "norm": "output_norm.weight"}[parts[0]]
        writer.add_tensor(to, np.ascontiguousarray(matrix))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_read_back(file: Path, network: LlamaForCausalLM) -> None:
    source = read_gguf(file)
    expected = network.model.state_dict()
    assert set(source.tensors) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(source.tensors[name], value)
    assert source.config == CausalConfig(DIM, LAYERS, HEADS, KV, HIDDEN)


def test_start_takes_the_chosen_layers_and_spells_the_tokens(file: Path) -> None:
    source = read_gguf(file)
    words = DialogueTokenizer.train(["ab cab"] * 3, 340, EMOTIONS32, EMOTIONS8)
    model = CausalLM(CausalConfig(DIM, 2, HEADS, KV, HIDDEN), words)
    start_from(model, source, (0, 2))
    state = model.lm.model.state_dict()
    name = "mlp.up_proj.weight"
    assert torch.equal(state[f"layers.1.{name}"], source.tensors[f"layers.2.{name}"])
    table, rows = source.tensors["embed_tokens.weight"], state["embed_tokens.weight"]
    assert torch.equal(rows[words.id("ab")], table[source.tokenizer.token_to_id("ab")])
    spelled = [source.tokenizer.token_to_id(t) for t in ("Ġ", "ab")]
    torch.testing.assert_close(rows[words.id("Ġab")], table[spelled].mean(0))


def test_wrong_choice_of_layers(file: Path) -> None:
    source = read_gguf(file)
    words = DialogueTokenizer.train(["ab"], 330, EMOTIONS32, EMOTIONS8)
    model = CausalLM(CausalConfig(DIM, 2, HEADS, KV, HIDDEN), words)
    for layers in ((0,), (0, 7)):
        with pytest.raises(InputError, match="layers were chosen"):
            start_from(model, source, layers)
    other = CausalLM(CausalConfig(DIM, 2, HEADS, KV, 2 * HIDDEN), words)
    with pytest.raises(InputError, match="set the shape"):
        start_from(other, source, (0, 1))


def test_truncated_file(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="not a complete GGUF"):
        read_gguf(file)
