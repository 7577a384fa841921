"""Convolutions and adaptive norms for waves and pictures, laid out for the CPU that computes them.

Letters: B batch, C channels, T time, H W picture.

A convolution multiplies all channels of a moment; where these lie beside each other in memory
("channels last"), nothing has to be laid out anew before and after it. Shapes stay those of torch,
(B, C, T): only strides differ, and what works number by number keeps them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPSILON = 1e-5
CACHED = 1 << 16  # numbers of a part: a few of them fit into the second cache of a core
# Number by number. Where no gradient is wanted it may overwrite its argument and return that.
Activation = Callable[[Tensor], Tensor]


class _Order:
    published = False


@contextlib.contextmanager
def published_order() -> Iterator[None]:
    """Inside it sums are added up in the order of torch's own layers, as published code does.

    Slower, and no more exact: only for laying numbers beside those of such code.
    """
    _Order.published = True
    try:
        yield
    finally:
        _Order.published = False


def in_published_order() -> bool:
    """Whether a :func:`published_order` is open."""
    return _Order.published


class Conv1d(nn.Conv1d):
    """``torch.nn.Conv1d`` whose result is laid out channels last, (B, C, T) -> (B, C', T').

    Loaded weights are laid out so, too: else they would be copied at each call.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.register_load_state_dict_post_hook(_lay_out)

    def forward(self, x: Tensor) -> Tensor:
        if _Order.published:
            return self._conv_forward(x.contiguous(), self.weight.contiguous(), self.bias)
        assert not isinstance(self.padding, str)
        made = F.conv2d(
            _flat(x), self.weight[:, :, None], self.bias, (1, *self.stride), (0, *self.padding),
            (1, *self.dilation), self.groups,
        )  # fmt: skip
        return made[:, :, 0]


def _lay_out(module: nn.Module, _keys: object) -> None:
    weight = module.get_parameter("weight")
    weight.data = weight.data.mT.contiguous().mT


class ConvTranspose1d(nn.ConvTranspose1d):
    """``torch.nn.ConvTranspose1d`` laid out channels last, (B, C, T) -> (B, C', T')."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if _Order.published:
            return super().forward(x.contiguous(), output_size)
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
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    activation: Activation,
    whole: bool = False,
    spent: bool = False,
) -> Tensor:
    """Instance norm, each row scaled and shifted as asked (Huang and Belongie, 2017), activated.

    ``x`` is (B, C, T) or (B, C, H, W), contiguous or channels last, which the result keeps;
    ``scale`` and ``shift`` are (B, C). ``whole`` takes mean and spread of all channels of a row
    together (a layer norm). ``spent`` says that nobody needs ``x`` any more: the result may lie in
    its memory.
    """
    if _Order.published and not whole:
        wide = (..., *(None for _ in x.shape[2:]))
        return activation(scale[wide] * F.instance_norm(x) + shift[wide])
    flat = _rows(x)
    over = (1, 2) if whole else (2,)
    mean = flat.mean(over, keepdim=True)
    squares = [(part - mean).square_().sum(over, keepdim=True) for part in _parts(flat)]
    spread = torch.stack(squares).sum(0) / (flat[0].numel() if whole else flat.shape[2])
    factor = scale[..., None].to(x.dtype) * torch.rsqrt(spread + _EPSILON)
    offset = shift[..., None].to(x.dtype) - mean * factor
    if not _parted(x):
        wide = (..., *(None for _ in x.shape[3:]))
        return activation(torch.addcmul(offset[wide], x, factor[wide]))
    made = x if spent else torch.empty_like(x)
    for part, place in zip(_parts(flat), _parts(_rows(made)), strict=True):
        place.copy_(activation(torch.addcmul(offset, part, factor, out=place)))
    return made


def in_parts(activation: Activation, x: Tensor) -> Tensor:
    """``activation`` of a spent (B, C, T) or (B, C, H, W), a part in the cache at a time."""
    if not _parted(x):
        return activation(x)
    for part in _parts(_rows(x)):
        part.copy_(activation(part))
    return x


def _rows(x: Tensor) -> Tensor:
    """(B, C, ...) as (B, C, N) in the same memory.

    What is given on keeps its own strides: those of a view with one row need not say how it lies.
    """
    return x.view(*x.shape[:2], -1)


def _parted(x: Tensor) -> bool:
    """Whether parts are a gain (on a CPU) and a choice (no gradient, and no compiler, which sees to
    it itself)."""
    free = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return x.device.type == "cpu" and free


def _parts(flat: Tensor) -> tuple[Tensor, ...]:
    """(B, C, N) along N: what fits into the cache of a CPU core, or the whole."""
    if not _parted(flat):
        return (flat,)
    return flat.split(max(1, CACHED // (flat.shape[0] * flat.shape[1])), dim=-1)
