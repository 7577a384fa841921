"""Linear layers in eight bits, for large batches on a CPU: twice the rate of bfloat16.

Weights are rounded by output, inputs by row, each in 127 steps of its own greatest value; the
products are summed exactly in int32. So a row's result does not depend on its batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float, Int8

ROWS = 256  # that are multiplied at once, so that what is made on the way stays in the cache


class Int8Linear(nn.Module):
    """What a linear layer does, nearly; the answer has the input's type. Not to be trained."""

    codes: Int8[Tensor, "input output"]
    scale: Float[Tensor, " output"]
    bias: Float[Tensor, " output"] | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach().float()
        scale = (weight.abs().amax(1) / 127).clamp(min=1e-12)
        self.register_buffer("codes", (weight / scale[:, None]).round().to(torch.int8).T)
        self.register_buffer("scale", scale)
        bias = None if layer.bias is None else layer.bias.detach().float()
        self.register_buffer("bias", bias)

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "... input"]) -> Float[Tensor, "... output"]:
        rows = x.reshape(-1, x.shape[-1])
        out = rows.new_empty(len(rows), len(self.scale))
        for part, place in zip(rows.split(ROWS), out.split(ROWS), strict=True):
            place.copy_(self._product(part))
        return out.unflatten(0, x.shape[:-1])

    def _product(self, rows: Float[Tensor, "row input"]) -> Float[Tensor, "row output"]:
        step = rows.abs().amax(-1, keepdim=True).float().clamp_(min=1e-12).div_(127)
        codes = rows.div(step).round_().to(torch.int8)
        summed = torch._int_mm(codes, self.codes).mul(step).mul_(self.scale)
        return summed if self.bias is None else summed.add_(self.bias)


def in_int8(module: nn.Module) -> None:
    """Replaces every linear layer under ``module``; what it says changes a little."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
        else:
            in_int8(child)
