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
)

from empatheia.errors import WeightsError
from empatheia.llm import chatglm
from empatheia.paper.folder import Models
from empatheia.published.folders import settings

GB = 1e9
CACHED = 1024  # tokens that the plan counts a cache for
SAFE = 0.9  # of the free memory that may be filled


def parameters(folder: Path, kind: Any = None) -> int:
    """How many numbers the model of a folder has, from its ``config.json`` alone.

    ``kind`` is the class where the folder holds more than is used. Raises WeightsError.
    """
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
    return sum(p.numel() for p in network.parameters())


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
    return float(sum(torch.cuda.mem_get_info(i)[0] for i in chosen))


def memory_plan(models: Models, device: str, replies: int = 8) -> list[str]:
    """Lines that say what is going to be loaded where. Raises WeightsError where it cannot fit."""
    weights = 2 * parameters(models.llm)
    cache = replies * cache_bytes(models.llm)
    senses = 4 * (parameters(models.hubert, HubertModel) + parameters(models.clip, CLIPVisionModel))
    lines = [
        f"memory: {models.backbone} {weights / GB:.1f} GB (bfloat16) and {cache / GB:.1f} GB of "
        f"cache ({replies} candidates of {CACHED} tokens) on {device}; "
        f"ear and eye {senses / GB:.1f} GB on cpu"
    ]
    free = free_memory(device)
    if free is not None and weights + cache > SAFE * free:
        raise WeightsError(
            f"{models.backbone} needs {(weights + cache) / GB:.1f} GB and {device} has "
            f"{free / GB:.1f} GB free: set EMPATHEIA_DEVICE=auto to spread it over several GPUs, "
            "EMPATHEIA_DEVICE=cpu, or take a smaller model (--preset paper-chatglm3)"
        )
    return lines
