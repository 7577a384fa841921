"""Linear layers in eight bits, for large batches on a CPU: twice the rate of bfloat16.

Weights are rounded by output, inputs by row, each in 127 steps of its own greatest value; the
products are summed exactly in int32. So a row's result does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float, Int8

ROWS = 256  # that are multiplied at once, so that what is made on the way stays in the cache
KEPT = 4 * ROWS  # rows whose codes are kept for the next layer; more are made anew as fast


class Rounded:
    """What was read last, in eight bits: layers that read the same tensor round it once."""

    def __init__(self) -> None:
        self._read: Tensor | None = None
        self._parts: list[tuple[Tensor, Tensor]] = []

    def parts(self, x: Float[Tensor, "... input"]) -> Iterable[tuple[Tensor, Tensor]]:
        """Codes (row, input) and the size of their step (row, 1), of :data:`ROWS` rows a part.

        The tensor must not be written to between two layers that read it.
        """
        if x is self._read:
            return self._parts
        rows = x.reshape(-1, x.shape[-1])
        fresh = map(_rounded, rows.split(ROWS))
        if len(rows) > KEPT:
            return fresh
        self._read, self._parts = x, list(fresh)
        return self._parts


def _rounded(rows: Float[Tensor, "row input"]) -> tuple[Tensor, Tensor]:
    step = rows.abs().amax(-1, keepdim=True).float().clamp_(min=1e-12).div_(127)
    return rows.div(step).round_().to(torch.int8), step


class Int8Linear(nn.Module):
    """What a linear layer does, nearly; the answer has the input's type. Not to be trained."""

    codes: Int8[Tensor, "input output"]
    scale: Float[Tensor, " output"]
    bias: Float[Tensor, " output"] | None

    def __init__(self, layer: nn.Linear, rounded: Rounded | None = None) -> None:
        super().__init__()
        self._rounded = rounded or Rounded()
        weight = layer.weight.detach().float()
        scale = (weight.abs().amax(1) / 127).clamp(min=1e-12)
        self.register_buffer("codes", (weight / scale[:, None]).round().to(torch.int8).T)
        self.register_buffer("scale", scale)
        bias = None if layer.bias is None else layer.bias.detach().float()
        self.register_buffer("bias", bias)

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "... input"]) -> Float[Tensor, "... output"]:
        out = x.new_empty(x.shape[:-1].numel(), len(self.scale))
        for (codes, step), place in zip(self._rounded.parts(x), out.split(ROWS), strict=True):
            summed = torch._int_mm(codes, self.codes).mul(step).mul_(self.scale)
            place.copy_(summed if self.bias is None else summed.add_(self.bias))
        return out.unflatten(0, x.shape[:-1])


def in_int8(module: nn.Module) -> None:
    """Replaces every linear layer under ``module``; what it says changes a little."""
    read: dict[int, Rounded] = {}  # by width, for layers side by side
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            rounded = read.setdefault(child.in_features, Rounded())
            setattr(module, name, Int8Linear(child, rounded))
        else:
            in_int8(child)
