"""The one block that the voice's networks are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Mixing(nn.Module):
    """Residual block over time: a row sees itself and the rows ``dilation`` before and after.

    Written as one matrix product of three shifted copies, which is faster on a CPU than a
    convolution. ``style`` scales and shifts the normalised input (FiLM).
    """

    def __init__(self, dim: int, dilation: int, style_dim: int = 0) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(dim)
        self.mix = nn.Linear(3 * dim, dim)
        self.out = nn.Linear(dim, dim)
        self.film = nn.Linear(style_dim, 2 * dim) if style_dim else None

    def forward(self, x: Tensor, keep: Tensor, style: Tensor | None = None) -> Tensor:
        """x (B, T, C), keep (B, T, 1) is 1 on real rows and 0 on padding."""
        h = self.norm(x)
        if self.film is not None and style is not None:
            scale, shift = self.film(style)[:, None].chunk(2, dim=-1)
            h = h * (1 + scale) + shift
        h = h * keep  # padding must look like silence to its neighbours
        d, T = self.dilation, h.shape[1]
        padded = F.pad(h, (0, 0, d, d))
        near = torch.cat([padded[:, :T], h, padded[:, 2 * d : 2 * d + T]], dim=-1)
        return x + self.out(F.gelu(self.mix(near)))
