"""Tiny folders in the layouts that others publish in: random weights, real file formats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    GlmConfig,
    GlmForCausalLM,
    HubertConfig,
    HubertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
)

_TEXTS = (
    "I lost my dog and I feel so sad about it.", "Oh no, I am sorry to hear that. What happened?",
    "We won the game today! That is great news, you must be proud.",
    "I am scared of the dark. Why do you think that is?", "speaker listener emotion event cause",
)  # fmt: skip
_SOUND: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [8, 8], "conv_kernel": [10, 8], "conv_stride": [80, 4], "conv_bias": True,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True,
}  # fmt: skip


def pieces(path: Path, kind: str) -> None:
    """A sentencepiece model: BPE with bytes (Llama, ChatGLM) or unigram (T5)."""
    out = io.BytesIO()
    more: dict[str, Any] = {"byte_fallback": True, "vocab_size": 320} if kind == "bpe" else {}
    more |= {} if kind == "bpe" else {"vocab_size": 60, "pad_id": 0, "eos_id": 1, "unk_id": 2}
    more |= {} if kind == "bpe" else {"bos_id": -1}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_TEXTS * 3), model_writer=out, model_type=kind, minloglevel=2,
        hard_vocab_limit=False, **more,
    )  # fmt: skip
    path.write_bytes(out.getvalue())


def llama(folder: Path, bins: bool = False) -> Path:
    """As Vicuna has it: tokenizer.model, and pickles in two parts where ``bins``."""
    folder.mkdir(parents=True)
    pieces(folder / "tokenizer.model", "bpe")
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=320, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=512,
        )
    )  # fmt: skip
    network.save_pretrained(folder)
    _tokenizer_config(folder, "LlamaTokenizer")
    if bins:
        (folder / "model.safetensors").unlink()
        state = network.state_dict()
        names = list(state)
        parts = [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
        half = len(names) // 2
        for part, keys in zip(parts, (names[:half], names[half:]), strict=True):
            torch.save({k: state[k] for k in keys}, folder / part)
        where = {k: parts[i >= half] for i, k in enumerate(names)}
        index = {"metadata": {}, "weight_map": where}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


def t5(folder: Path) -> Path:
    """As Flan-T5 has it: fewer tokens than rows, a head of its own."""
    folder.mkdir(parents=True)
    pieces(folder / "spiece.model", "unigram")
    network = T5ForConditionalGeneration(
        T5Config(
            vocab_size=192, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
        )
    )  # fmt: skip
    network.save_pretrained(folder)
    _tokenizer_config(folder, "T5Tokenizer")
    return folder


def chatglm3(folder: Path) -> Path:
    """As ChatGLM3 has it: its own config and names, one matrix for query, key and value."""
    folder.mkdir(parents=True)
    pieces(folder / "tokenizer.model", "bpe")
    config = {
        "model_type": "chatglm", "padded_vocab_size": 352, "hidden_size": 32,
        "ffn_hidden_size": 48, "num_layers": 2, "num_attention_heads": 4, "kv_channels": 8,
        "multi_query_group_num": 2, "add_qkv_bias": True, "add_bias_linear": False,
        "layernorm_epsilon": 1e-5, "rmsnorm": True, "seq_length": 512, "eos_token_id": 2,
        "multi_query_attention": True, "apply_residual_connection_post_layernorm": False,
        "post_layer_norm": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * 0.2

    state = {
        "transformer.embedding.word_embeddings.weight": drawn(352, 32),
        "transformer.rotary_pos_emb.inv_freq": drawn(2),
        "transformer.encoder.final_layernorm.weight": 1 + drawn(32),
        "transformer.output_layer.weight": drawn(352, 32),
    }
    for i in range(2):
        layer = f"transformer.encoder.layers.{i}."
        state |= {
            layer + "input_layernorm.weight": 1 + drawn(32),
            layer + "self_attention.query_key_value.weight": drawn(64, 32),
            layer + "self_attention.query_key_value.bias": drawn(64),
            layer + "self_attention.dense.weight": drawn(32, 32),
            layer + "post_attention_layernorm.weight": 1 + drawn(32),
            layer + "mlp.dense_h_to_4h.weight": drawn(96, 32),
            layer + "mlp.dense_4h_to_h.weight": drawn(32, 48),
        }
    torch.save(state, folder / "pytorch_model.bin")
    return folder


def glm4(folder: Path) -> Path:
    """As GLM-4-hf has it: tokenizer.json with byte-level pieces."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE

    folder.mkdir(parents=True)
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(_TEXTS, trainer)
    backend.add_special_tokens([AddedToken("[gMASK]"), AddedToken("<sop>")])
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(folder)
    GlmForCausalLM(
        GlmConfig(
            vocab_size=320, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8, pad_token_id=0,
            eos_token_id=0, attention_bias=True,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder


LANGUAGE_MODELS = {"vicuna": llama, "flan-t5": t5, "chatglm3": chatglm3, "glm4": glm4}


def hubert(folder: Path) -> Path:
    """As HuBERT-large has it: a pickle, weight norm as g and v, layer norm before attention."""
    network = HubertModel(HubertConfig(**_SOUND))
    network.save_pretrained(folder)
    _as_old_pickle(folder, network.state_dict())
    return folder


def wav2vec2(folder: Path) -> Path:
    """As the recogniser has it whose states DreamTalk hears: a head for letters on top."""
    Wav2Vec2ForCTC(Wav2Vec2Config(**(_SOUND | {"hidden_size": 12}))).save_pretrained(folder)
    return folder


def clip(folder: Path) -> Path:
    """As CLIP has it: pictures and texts in one file."""
    vision = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision |= {"intermediate_size": 32, "image_size": 32, "patch_size": 16}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 32, "vocab_size": 50}
    network = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    network.save_pretrained(folder)
    return folder


def _as_old_pickle(folder: Path, state: dict[str, torch.Tensor]) -> None:
    (folder / "model.safetensors").unlink()
    old = {}
    for name, value in state.items():
        for new, before in (("original0", "weight_g"), ("original1", "weight_v")):
            name = name.replace(f"parametrizations.weight.{new}", before)
        old[name] = value.clone()
    torch.save(old, folder / "pytorch_model.bin")


def _tokenizer_config(folder: Path, name: str) -> None:
    values = {"tokenizer_class": name, "legacy": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(values))
