"""Convolutions and adaptive norms for waves and pictures, laid out for the CPU that computes them.

Letters: B batch, C channels, T time, H W picture.

A convolution multiplies all channels of a moment; where these lie beside each other in memory
("channels last"), nothing has to be laid out anew before and after it. Shapes stay those of torch,
(B, C, T): only strides differ, and what works number by number keeps them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPSILON = 1e-5
_CACHED = 1 << 16  # numbers of a part: a few of them fit into the second cache of a core
Activation = Callable[[Tensor], Tensor]


class Conv1d(nn.Conv1d):
    """``torch.nn.Conv1d`` whose result is laid out channels last, (B, C, T) -> (B, C', T')."""

    def forward(self, x: Tensor) -> Tensor:
        assert not isinstance(self.padding, str)
        made = F.conv2d(
            _flat(x), self.weight[:, :, None], self.bias, (1, *self.stride), (0, *self.padding),
            (1, *self.dilation), self.groups,
        )  # fmt: skip
        return made[:, :, 0]


class ConvTranspose1d(nn.ConvTranspose1d):
    """``torch.nn.ConvTranspose1d`` laid out channels last, (B, C, T) -> (B, C', T')."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        assert output_size is None
        assert not isinstance(self.padding, str)
        made = F.conv_transpose2d(
            _flat(x), self.weight[:, :, None], self.bias, (1, *self.stride), (0, *self.padding),
            (0, *self.output_padding), self.groups, (1, *self.dilation),
        )  # fmt: skip
        return made[:, :, 0]


def _flat(x: Tensor) -> Tensor:
    """(B, C, T) as a picture of one row, channels last."""
    return x[:, :, None].contiguous(memory_format=torch.channels_last)


def adaptive_norm(
    x: Tensor, scale: Tensor, shift: Tensor, activation: Activation, whole: bool = False
) -> Tensor:
    """Instance norm, each row scaled and shifted as asked (Huang and Belongie, 2017), activated.

    ``x`` is (B, C, T) or (B, C, H, W) in any layout, which the result keeps; ``scale`` and
    ``shift`` are (B, C); ``activation`` works number by number and may overwrite its argument.
    ``whole`` takes mean and spread of all channels of a row together (a layer norm).
    """
    flat = x.flatten(2)
    over = (1, 2) if whole else (2,)
    mean = flat.mean(over, keepdim=True)
    squares = [(part - mean).square_().sum(over, keepdim=True) for part in _parts(flat)]
    spread = torch.stack(squares).sum(0) / (flat[0].numel() if whole else flat.shape[2])
    factor = scale[..., None].to(x.dtype) * torch.rsqrt(spread + _EPSILON)
    offset = shift[..., None].to(x.dtype) - mean * factor
    return in_parts(lambda part: activation(torch.addcmul(offset, part, factor)), x)


def in_parts(change: Activation, x: Tensor) -> Tensor:
    """``change`` (number by number) of (B, C, T) or (B, C, H, W), a part in the cache at a time."""
    flat = x.flatten(2)
    parts = _parts(flat)
    if len(parts) == 1:
        return change(flat).unflatten(2, x.shape[2:]) if x.ndim > 3 else change(x)
    made = torch.empty_like(x)
    for part, place in zip(parts, _parts(made.flatten(2)), strict=True):
        place.copy_(change(part))
    return made


def _parts(flat: Tensor) -> tuple[Tensor, ...]:
    """(B, C, N) along N: what fits into the cache of a CPU core; the whole where that is no gain
    (another device) or no choice (a gradient, a compiler that sees to it itself)."""
    if flat.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return (flat,)
    return flat.split(max(1, _CACHED // (flat.shape[0] * flat.shape[1])), dim=-1)
