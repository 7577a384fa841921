"""Layers in eight bits say nearly the same, each row by itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from empatheia.nn.int8 import KEPT, ROWS, Int8Linear, in_int8
from empatheia.tiny import tiny_reasoner


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_it_is_nearly_the_layer(bias: bool, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(96, 40, bias=bias).requires_grad_(False)
    x = torch.randn(2, ROWS, 96).to(kind)
    found, wanted = Int8Linear(layer)(x), layer(x.float())
    assert found.dtype == kind
    assert found.shape == wanted.shape
    assert float((found.float() - wanted).norm() / wanted.norm()) < 0.02


def test_a_row_does_not_feel_its_neighbours() -> None:
    torch.manual_seed(0)
    layer = Int8Linear(nn.Linear(64, 32))
    x = torch.randn(ROWS + 9, 64) * torch.logspace(-3, 3, ROWS + 9)[:, None]
    whole = layer(x)
    for row in (0, 7, ROWS - 1, ROWS, ROWS + 8):
        assert torch.equal(layer(x[row, None])[0], whole[row])


def test_nothing_in_is_nothing_out() -> None:
    layer = Int8Linear(nn.Linear(8, 4, bias=False))
    assert torch.equal(layer(torch.zeros(3, 8)), torch.zeros(3, 4))
    assert layer(torch.zeros(0, 8)).shape == (0, 4)


def test_a_reasoner_is_lightened_as_far_as_the_cpu_goes() -> None:
    reasoner = tiny_reasoner()
    before = sum(isinstance(m, nn.Linear) for m in reasoner.lm.lm.model.modules())
    told = reasoner.lighten()
    replaced = sum(isinstance(m, Int8Linear) for m in reasoner.lm.lm.model.modules())
    assert told in ("int8", "bfloat16", "float32")
    assert replaced == (before if told == "int8" else 0)
    half = next(reasoner.lm.lm.parameters()).dtype == torch.bfloat16
    assert half == (told != "float32")


def test_every_layer_under_a_module_is_replaced() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.ModuleDict({"a": nn.Linear(8, 8, bias=False)}))
    in_int8(net)
    assert not any(isinstance(m, nn.Linear) for m in net.modules())


@pytest.mark.parametrize("rows", [3, KEPT + 1])
def test_layers_side_by_side_round_the_same_input_once(rows: int) -> None:
    torch.manual_seed(0)
    net = nn.ModuleDict({"a": nn.Linear(8, 4), "b": nn.Linear(8, 6), "c": nn.Linear(4, 4)})
    alone = {name: Int8Linear(layer) for name, layer in net.items()}
    in_int8(net)
    for x in (torch.randn(rows, 8), torch.randn(rows, 8)):
        for name in ("a", "b", "a"):
            assert torch.equal(net[name](x), alone[name](x))
        assert torch.equal(net["c"](net["a"](x)), alone["c"](alone["a"](x)))
