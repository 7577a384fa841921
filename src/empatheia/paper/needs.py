"""What the paper's system needs: memory and work, counted on networks without memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    CLIPVisionModel,
    GlmForCausalLM,
    HubertModel,
    T5ForConditionalGeneration,
    Wav2Vec2Model,
)

from empatheia.errors import WeightsError
from empatheia.llm import chatglm
from empatheia.paper.estimates import expression_numbers, lora_numbers
from empatheia.paper.folder import Models
from empatheia.paper.reasoner import preset_of
from empatheia.published.folders import settings

GB = 1e9
CACHED = 1024  # tokens that the plan counts a cache for
SAFE = 0.9  # of the free memory that may be filled


def parameters(folder: Path, kind: Any = None) -> int:
    """How many numbers the model of a folder has, from its ``config.json`` alone.

    ``kind`` is the class where the folder holds more than is used. Raises WeightsError.
    """
    return sum(p.numel() for p in network_of(folder, kind).parameters())


def network_of(folder: Path, kind: Any = None) -> Any:
    """The model of a folder without memory. Raises WeightsError."""
    told = settings(folder)
    try:
        with torch.device("meta"):
            if told.get("model_type") == chatglm.MODEL_TYPE:
                network: Any = GlmForCausalLM(chatglm.glm_config(told))
            else:
                config = AutoConfig.from_pretrained(folder, local_files_only=True)
                kind = kind or (T5ForConditionalGeneration if config.is_encoder_decoder else None)
                config = getattr(config, "vision_config", config)
                network = kind(config) if kind else AutoModelForCausalLM.from_config(config)
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder}/config.json cannot be used: {error}") from error
    return network


def cache_bytes(folder: Path, tokens: int = CACHED) -> int:
    """Keys and values of one dialogue in bfloat16."""
    told = settings(folder)
    layers = told.get("num_hidden_layers") or told.get("num_layers") or 0
    heads = told.get("num_attention_heads") or told.get("num_heads") or 1
    width = told.get("hidden_size") or told.get("d_model") or 0
    size = told.get("head_dim") or told.get("kv_channels") or told.get("d_kv") or width // heads
    groups = told.get("num_key_value_heads") or told.get("multi_query_group_num") or heads
    return int(2 * 2 * layers * groups * size * tokens)


def free_memory(device: str) -> float | None:
    """Free bytes of the GPUs that ``device`` names; None for a CPU."""
    if device == "cpu" or not torch.cuda.is_available():
        return None
    every = range(torch.cuda.device_count())
    chosen = every if device == "auto" else [torch.device(device).index or 0]
    kept = (torch.cuda.memory_reserved(i) - torch.cuda.memory_allocated(i) for i in chosen)
    return float(sum(torch.cuda.mem_get_info(i)[0] for i in chosen) + sum(kept))


def generator_bytes(models: Models) -> float:
    """Voice, face and renderer in float32 as their files have them, and what the face hears with.

    What is not there yet counts nothing.
    """
    files = (models.file(name) for name in ("voice", "face", "renderer"))
    size = sum(path.stat().st_size for path in files if path.is_file())
    hears = models.hears and models.wav2vec2.is_dir()
    return size + (4 * parameters(models.wav2vec2, Wav2Vec2Model) if hears else 0)


def _senses_bytes(models: Models) -> float:
    return 4 * (parameters(models.hubert, HubertModel) + parameters(models.clip, CLIPVisionModel))


def memory_plan(models: Models, device: str, replies: int = 8) -> list[str]:
    """Lines that say what is going to be loaded where. Raises WeightsError where it cannot fit."""
    weights = 2 * parameters(models.llm)
    cache = replies * cache_bytes(models.llm)
    others = generator_bytes(models)
    _check(models, device, weights + cache + others, "EMPATHEIA_DEVICE=auto to spread it over ")
    return [
        f"memory: {models.backbone} {weights / GB:.1f} GB (bfloat16) and {cache / GB:.1f} GB of "
        f"cache ({replies} candidates of {CACHED} tokens) on {device}; voice and face "
        f"{others / GB:.1f} GB beside it; ear and eye {_senses_bytes(models) / GB:.1f} GB on cpu"
    ]


def training_plan(models: Models, device: str, rank: int) -> list[str]:
    """The same for a stage with LoRA of ``rank``; states of a batch come on top.

    Raises WeightsError.
    """
    network = network_of(models.llm)
    dim = int(getattr(network.config, "hidden_size", None) or network.config.d_model)
    weights = 2 * sum(p.numel() for p in network.parameters())
    trained = 16 * (lora_numbers(network, rank) + expression_numbers(dim))
    others = generator_bytes(models) + _senses_bytes(models)
    _check(models, device, weights + trained + others, "EMPATHEIA_DEVICE to one of ")
    return [
        f"memory: {models.backbone} {weights / GB:.1f} GB (bfloat16), what trains with gradients "
        f"and AdamW {trained / GB:.1f} GB, ear, eye, voice and face {others / GB:.1f} GB, all on "
        f"{device}; a batch comes on top ('empatheia weights plan')"
    ]


def _check(models: Models, device: str, needed: float, gpus: str) -> None:
    free = free_memory(device)
    if free is not None and needed > SAFE * free:
        raise WeightsError(
            f"preset {preset_of(models.backbone)} needs {needed / GB:.1f} GB and {device} has "
            f"{free / GB:.1f} GB free: set {gpus}several GPUs, EMPATHEIA_DEVICE=cpu, or take a "
            "smaller model (--preset paper-chatglm3)"
        )
