"""Fewer products, the same convolution."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from empatheia.nn import winograd
from empatheia.nn.winograd import WinogradConv1d


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (7, 1), (7, 3), (9, 2), (11, 5)])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 64), (2, 97)])
def test_it_is_the_convolution_of_torch(
    kernel: int, dilation: int, batch: int, time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "_LEAST_TAPS", 3)
    monkeypatch.setattr(winograd, "_LEAST_CHANNELS", 1)
    monkeypatch.setattr(winograd, "CACHED", 100)
    torch.manual_seed(0)
    padding = dilation * (kernel - 1) // 2
    ours = WinogradConv1d(5, 6, kernel, dilation=dilation, padding=padding)
    theirs = nn.Conv1d(5, 6, kernel, dilation=dilation, padding=padding)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(batch, 5, time)
    with torch.inference_mode():
        made = ours(x)
        assert torch.allclose(made, theirs(x), atol=5e-6)
        assert torch.allclose(ours.double()(x.double()), theirs.double()(x.double()), atol=1e-13)
    assert made.shape == (batch, 6, time)
    assert made.stride()[1] == 1


def test_another_weight_is_seen_and_gradients_pass() -> None:
    layer = WinogradConv1d(128, 128, 7, padding=3)
    x = torch.randn(1, 128, 20)
    with torch.inference_mode():
        before = layer(x)
    plain = nn.Conv1d(128, 128, 7, padding=3)
    layer.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        after = layer(x)
    assert torch.allclose(after, plain(x), atol=1e-5)
    assert not torch.allclose(after, before, atol=1e-2)
    with torch.no_grad():
        layer.weight.mul_(2.0)
        layer.bias.zero_()
        assert torch.allclose(layer(x), 2 * (plain(x) - plain.bias[:, None]), atol=2e-5)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
