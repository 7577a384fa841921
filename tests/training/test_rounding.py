"""Four bits a number: what training computes with is what the file gives back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from empatheia import hub
from empatheia.training.rounding import keep_rounded, round_in_use


def is_matrix(name: str) -> bool:
    return name.endswith("weight")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_file_gives_back_what_training_used(tmp_path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 96), nn.Tanh(), nn.Linear(96, 32))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    round_in_use(model, is_matrix)
    data = torch.randn(8, 64)
    used = model(data)
    keep_rounded(model)
    path = tmp_path / "w.safetensors"
    hub.save(path, model.state_dict(), {}, int4=is_matrix)
    again = nn.Sequential(nn.Linear(64, 96), nn.Tanh(), nn.Linear(96, 32))
    again.load_state_dict(dict(hub.load(path).tensors))
    assert torch.equal(again(data), used)
    assert not torch.equal(again[0].weight, start["0.weight"])
    assert path.stat().st_size < 0.6 * (64 * 96 + 96 * 32) + 4 * 128 + 1500


def test_rounding_errs_by_less_than_a_step() -> None:
    weight = torch.randn(7, 128) * torch.logspace(-3, 2, 7)[:, None]
    weight[3] = 0
    rounded = hub.rounded4(weight)
    step = weight.reshape(7, -1, hub.GROUP).abs().amax(-1) / 8
    off = (rounded - weight).abs().reshape(7, -1, hub.GROUP).amax(-1)
    assert (off <= 1.01 * step + 1e-7).all()
    assert torch.equal(hub.rounded4(rounded), rounded)


def test_the_gradient_passes_as_if_nothing_were_rounded() -> None:
    layer = nn.Sequential(nn.Linear(32, 4))
    data = torch.randn(5, 32)
    layer(data).sum().backward()
    assert layer[0].weight.grad is not None
    plain = layer[0].weight.grad.clone()
    round_in_use(layer, is_matrix)
    layer(data).sum().backward()
    got = layer[0].parametrizations.weight.original.grad
    assert torch.allclose(got - plain, plain, atol=1e-5) or torch.allclose(got, plain, atol=1e-5)
