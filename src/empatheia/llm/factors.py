"""Low-rank factors in a file of their own, beside matrices of few bits (LoRA, Hu et al. 2022).

What is learned after a model was rounded to four bits is finer than one step of them. It stays in
two thin matrices for each layer's matrix W, and W + up @ down is what computes. In a file the thin
ones of all layers stand on top of each other, a pair for each kind of matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def add_factors(model: nn.Module, factors: Mapping[str, Tensor]) -> None:
    """Add ``up @ down`` to the layers' matrices, in place.

    ``KIND.down`` is (layer * rank, columns), ``KIND.up`` (layer * rank, rows), KIND the name of a
    matrix within a layer.
    """
    for kind in sorted({name.rpartition(".")[0] for name in factors}):
        places = _places(model, kind)
        down, up = (factors[f"{kind}.{side}"].chunk(len(places)) for side in ("down", "up"))
        for matrix, a, b in zip(places, down, up, strict=True):
            with torch.no_grad():
                matrix += (b.float().T @ a.float()).to(matrix.dtype)


def taken_out(model: nn.Module) -> dict[str, Tensor]:
    """Undo LoRA in ``model``: the factors it has learned, and plain layers as they were before."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for name, layer in without_lora(model):
        down = layer.lora_A["default"].weight.detach()
        up = layer.lora_B["default"].weight.detach() * layer.scaling["default"]
        found.setdefault(_kind(name), []).append((down, up.T))
    return {
        f"{kind}.{side}": torch.cat([pair[i] for pair in pairs]).contiguous()
        for kind, pairs in found.items()
        for i, side in enumerate(("down", "up"))
    }


def without_lora(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Each LoRA layer by name; once it was looked at, the plain one it holds takes its place."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            yield name, module
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, module.get_base_layer())


def _kind(name: str) -> str:
    """``model.layers.3.mlp.up_proj`` → ``mlp.up_proj``."""
    return name.partition(".layers.")[2].partition(".")[2]


def _places(model: nn.Module, kind: str) -> list[Tensor]:
    return [
        module.weight
        for name, module in model.named_modules()
        if _kind(name) == kind and isinstance(module.weight, Tensor)
    ]
