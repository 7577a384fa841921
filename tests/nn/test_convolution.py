"""Convolutions and norms laid out channels last compute what torch's own do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.nn import convolution
from empatheia.nn.convolution import (
    Conv1d,
    ConvTranspose1d,
    adaptive_norm,
    in_parts,
    published_order,
)


def test_convolutions_are_those_of_torch() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 41)
    for ours, theirs in (
        (Conv1d(6, 4, 5, 2, padding=3, dilation=2), nn.Conv1d(6, 4, 5, 2, padding=3, dilation=2)),
        (Conv1d(6, 6, 3, groups=6, bias=False), nn.Conv1d(6, 6, 3, groups=6, bias=False)),
        (ConvTranspose1d(6, 3, 4, 3, 1, 1), nn.ConvTranspose1d(6, 3, 4, 3, 1, 1)),
    ):
        ours.load_state_dict(theirs.state_dict())
        assert torch.equal(ours.weight, theirs.weight)
        assert ours.weight.mT.is_contiguous() or isinstance(ours, ConvTranspose1d)
        made = ours(x)
        assert torch.allclose(made, theirs(x), atol=1e-5)
        assert made.mT.is_contiguous()
        with published_order():
            assert torch.equal(ours(x), theirs(x))
        assert torch.allclose(ours(x.mT.contiguous().mT), made, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 50), (1, 3, 50), (1, 3, 6, 9), (2, 3, 6, 9)])
@pytest.mark.parametrize("cached", [1, 64, 1 << 20])
def test_norms_are_those_of_torch_in_any_parts(
    shape: tuple[int, ...], cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "CACHED", cached)
    torch.manual_seed(0)
    x, scale, shift = torch.randn(shape) + 3, torch.randn(shape[:2]), torch.randn(shape[:2])
    wide = (..., *(None for _ in shape[2:]))
    laid = x.movedim(1, -1).contiguous().movedim(-1, 1)  # channels last
    for whole, normed in ((False, F.instance_norm(x)), (True, F.layer_norm(x, shape[1:]))):
        wanted = F.relu(scale[wide] * normed + shift[wide])
        for given in (x, laid):
            with torch.inference_mode():
                made = adaptive_norm(given, scale, shift, F.relu, whole)
            assert torch.allclose(made, wanted, atol=1e-5)
            assert made.stride() == given.stride()
            assert torch.equal(given, x)
            with published_order():
                again = adaptive_norm(x, scale, shift, F.relu, whole)
            assert torch.allclose(again, wanted, atol=1e-5)
            assert whole or torch.equal(again, wanted)
            with torch.inference_mode():
                again = adaptive_norm(given.clone(), scale, shift, F.relu, whole, spent=True)
            assert torch.equal(again, made)
            assert again.stride() == given.stride()


@pytest.mark.parametrize("cached", [1, 1 << 20])
def test_what_is_spent_is_bent_in_any_parts(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "CACHED", cached)
    x = torch.randn(2, 3, 4, 5)
    for activation in (torch.sin, torch.sin_):
        with torch.inference_mode():
            assert torch.equal(in_parts(activation, x.clone()), x.sin())


def test_gradients_pass() -> None:
    def bend(x: Tensor) -> Tensor:
        return x * x.sin()

    x = torch.randn(1, 2, 30, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: in_parts(bend, value), x)
    scale = torch.rand(1, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda value: adaptive_norm(value, scale, scale, bend), x)
