"""Feed-forward layers a few rows at a time, for large batches on a CPU.

Between their two products they are four times as wide as what goes in: of a whole batch that is
more than any cache holds, and fresh memory at every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from empatheia.nn.int8 import ROWS

if TYPE_CHECKING:
    from jaxtyping import Float


class ByRows(nn.Module):
    """A module that treats each row alone and keeps its width, given :data:`ROWS` at a time.

    The answer is the same. Without gradients.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "... dim"], *_: Any) -> Float[Tensor, "... dim"]:
        rows = x.reshape(-1, x.shape[-1])
        out = torch.empty_like(rows)
        for part, place in zip(rows.split(ROWS), out.split(ROWS), strict=True):
            place.copy_(self.inner(part))
        return out.view(x.shape)


class _Inner(nn.Module):
    """The two halves of a feed-forward layer of BERT, the way round included."""

    def __init__(self, widen: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.widen, self.back = widen, back

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.back(self.widen(x), x)
        return out


def llama_by_rows(layers: Iterable[Any]) -> None:
    """Feed-forward parts of decoder layers of transformers' Llama, in place."""
    for layer in layers:
        layer.mlp = ByRows(layer.mlp)


def bert_by_rows(layers: Iterable[Any]) -> None:
    """The same of transformers' BERT layers: ``output`` is called with what went in twice."""
    for layer in layers:
        layer.output = ByRows(_Inner(layer.intermediate, layer.output))
        layer.intermediate = nn.Identity()
