"""Networks with weights that depend on nothing but their names and places."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from empatheia.speech.styletts2.config import tiny
from empatheia.speech.styletts2.network import StyleTTS2


@torch.no_grad()
def fill(network: nn.Module) -> None:
    """Waves of the index instead of random numbers: the same in every version of torch."""
    for number, (name, value) in enumerate(sorted(network.named_parameters())):
        index = torch.arange(value.numel(), dtype=torch.float64)
        wave = torch.sin(index * 12.9898 + number * 78.233).reshape(value.shape)
        fan = max(1, value.numel() // max(1, value.shape[0]))
        if name.endswith(("alpha", "gamma")) or "alpha" in name:
            value.copy_(1 + 0.2 * wave)
        else:
            value.copy_(wave * (1.5 / fan) ** 0.5 if value.ndim > 1 else 0.1 * wave)
            value.mul_(0.1 if "conv_post" in name else 1.0)


@pytest.fixture(scope="session")
def networks() -> dict[str, StyleTTS2]:
    out = {}
    for kind in ("hifigan", "istftnet"):
        network = StyleTTS2(tiny(kind)).eval()  # type: ignore[arg-type]
        fill(network)
        with torch.no_grad():
            network.predictor.F0_proj.bias.fill_(140.0)
        out[kind] = network
    return out
