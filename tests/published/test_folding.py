"""Folded norms give the weight that the normed layer computes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from empatheia.published.folding import fold
from empatheia.published.strict import KeyMismatchError, load

LAYERS = {
    "conv": lambda: nn.Conv1d(3, 5, 3),
    "transposed": lambda: nn.ConvTranspose1d(4, 2, 3),
    "picture": lambda: nn.Conv2d(2, 6, 3),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("prefix", ["", "block.0."])
def test_weight_norm_is_folded_in_both_spellings(kind: str, prefix: str) -> None:
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.weight_norm(LAYERS[kind]())
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(1.7)
    new = {prefix + k: v for k, v in layer.state_dict().items()}
    old = {
        k.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): v
        for k, v in new.items()
    }
    for state in (new, old):
        folded = fold(state)
        assert set(folded) == {prefix + "weight", prefix + "bias"}
        assert torch.equal(folded[prefix + "weight"], layer.weight)


@pytest.mark.parametrize("kind", ["conv", "picture"])
def test_spectral_norm_is_folded(kind: str) -> None:
    torch.manual_seed(0)
    layer = nn.utils.spectral_norm(LAYERS[kind]())
    x = torch.randn(2, layer.in_channels, *(9,) * (layer.weight.ndim - 2))
    layer.train()(x)
    layer.eval()
    expected = layer(x)
    folded = fold(layer.state_dict())
    assert set(folded) == {"weight", "bias"}
    plain = LAYERS[kind]()
    load(plain, folded, "layer")
    assert torch.allclose(plain(x), expected, atol=1e-6)


def test_other_tensors_pass_unchanged() -> None:
    state = {
        "a.weight": torch.ones(2),
        "embeddings.weight_gain": torch.ones(1),
        "weight_v": torch.ones(3),
    }
    assert {k: v.tolist() for k, v in fold(state).items()} == {
        k: v.tolist() for k, v in state.items()
    }


def test_shapes_alone_are_folded_too() -> None:
    meta: dict[str, Tensor] = {
        "c.weight_g": torch.empty(5, 1, 1, device="meta"),
        "c.weight_v": torch.empty(5, 3, 3, device="meta"),
    }
    assert fold(meta)["c.weight"].shape == (5, 3, 3)


def test_every_key_that_does_not_fit_is_named() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    state = dict(network.state_dict())
    state["1.weight"] = torch.zeros(1, 4)
    del state["0.bias"]
    state["2.extra"] = torch.zeros(1)
    with pytest.raises(KeyMismatchError) as caught:
        load(network, state, "a file")
    error = caught.value
    assert error.missing == ("0.bias",)
    assert error.unexpected == ("2.extra",)
    assert error.misshapen == ("1.weight [1, 4] instead of [1, 3]",)
    assert all(name in str(error) for name in ("0.bias", "2.extra", "1.weight"))
