"""Long convolutions over time with half the products (Winograd, 1980; Lavin and Gray, 2016).

Four neighbouring results of a kernel of four taps take seven products instead of sixteen. The seven
numbers x of the signal that they see become values of a polynomial at seven points (:func:`_seen`),
each is multiplied with the kernel's value there, and the results are read from the products
(:func:`_read`). A kernel of eleven taps is three kernels of four; the products of all three are
added before they are read: 21 instead of 44.

In float32 the rounding error is about twice that of the plain sum. Letters: B batch, C channels,
T time, D dilation, K blocks of four moments, Q kernels of four taps.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.nn.convolution import CACHED, Conv1d, in_published_order

_TAPS = 4
_LEAST_TAPS, _LEAST_CHANNELS = 7, 128  # below them the transformations cost what they save
_POINTS = 7  # 0, 1, -1, 2, -2, 1/2 and infinity
# The kernel's values: powers of the point, over what makes the sums of _seen whole numbers.
_KERNEL = (
    (1 / 4, 0, 0, 0),
    (1 / 6, 1 / 6, 1 / 6, 1 / 6),
    (-1 / 18, 1 / 18, -1 / 18, 1 / 18),
    (-1 / 72, -2 / 72, -4 / 72, -8 / 72),
    (1 / 120, -2 / 120, 4 / 120, -8 / 120),
    (32 / 45, 16 / 45, 8 / 45, 4 / 45),
    (0, 0, 0, -1 / 2),
)


class WinogradConv1d(Conv1d):
    """A convolution that keeps the length, (B, C, T) -> (B, C', T); quicker where it may be.

    That is without gradients, on a CPU, in full precision, where the kernel is long and channels
    are many; elsewhere it is :class:`Conv1d`. The first call keeps the kernel's values at the
    points, twice the memory of its weight.
    """

    values: Tensor | None  # of the kernel at the points, (7, C', C, 1, Q), channels last

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.register_buffer("values", None, persistent=False)
        self._of: tuple[object, ...] = ()
        self.register_load_state_dict_post_hook(_forget)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T)."""
        if not self._suits(x):
            return super().forward(x)
        kernel, dilation = self.kernel_size[0], self.dilation[0]
        if not torch.compiler.is_compiling():
            self._keep_values()
        out: Tensor = _convolved(x, self.values, self.bias, kernel, dilation)
        return out

    def _suits(self, x: Tensor) -> bool:
        kernel, dilation = self.kernel_size[0], self.dilation[0]
        long = kernel >= _LEAST_TAPS and min(self.in_channels, self.out_channels)
        same = self.stride == (1,) and self.padding == (dilation * (kernel - 1) // 2,)
        exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
        free = not torch.is_grad_enabled() and not in_published_order()
        free &= self.values is not None or not torch.compiler.is_compiling()
        plain = self.groups == 1 and kernel % 2 == 1 and x.device.type == "cpu"
        return long >= _LEAST_CHANNELS and same and exact and free and plain

    def _keep_values(self) -> None:
        """Made once a weight. A compiled network has those of the last call before."""
        weight = self.weight
        version = None if weight.is_inference() else weight._version
        state = weight.data_ptr(), weight.dtype, version
        if self._of == state:
            return
        kernel = weight.shape[2]
        short = -(-kernel // _TAPS)
        taps = F.pad(weight.double(), (0, _TAPS * short - kernel)).unflatten(2, (short, _TAPS))
        powers = torch.tensor(_KERNEL, dtype=torch.float64)
        made = torch.einsum("pj,oiqj->poqi", powers, taps).to(weight.dtype)
        self.values, self._of = made.permute(0, 1, 3, 2)[:, :, :, None], state


def _forget(module: nn.Module, _keys: object) -> None:
    """Loaded weights may lie where others lay."""
    assert isinstance(module, WinogradConv1d)
    module._of = ()


@torch.library.custom_op(  # nothing for a compiler inside
    "empatheia::winograd",
    mutates_args=(),
    schema="(Tensor x, Tensor values, Tensor? bias, int kernel, int dilation) -> Tensor",
)
def _convolved(
    x: Tensor, values: Tensor, bias: Tensor | None, kernel: int, dilation: int
) -> Tensor:
    """(B, C, T) and a kernel's values (7, C', C, 1, Q) -> (B, C', T), channels last."""
    seen = _seen(_padded(x, kernel, dilation))
    biases = (None, bias, *[None] * 5)  # all results hold the product at 1 once
    made = [
        F.conv2d(plane.permute(0, 3, 1, 2), value, one).permute(0, 2, 3, 1)
        for plane, value, one in zip(seen, values, biases, strict=True)
    ]
    return _read(made).flatten(1, 3)[:, : x.shape[2]].mT


@_convolved.register_fake
def _(x: Tensor, values: Tensor, bias: Tensor | None, kernel: int, dilation: int) -> Tensor:
    del bias, kernel  # the shape does not hang on them
    block = _TAPS * dilation
    count = (x.shape[2] + block - 1) // block
    return x.new_empty(x.shape[0], count * block, values.shape[1])[:, : x.shape[2]].mT


def _padded(x: Tensor, kernel: int, dilation: int) -> Tensor:
    """(B, C, T) -> (B, K + Q, 4, D, C): zeros around it, blocks of four moments of each phase."""
    batch, channels, time = x.shape
    block = _TAPS * dilation
    count = -(-time // block) + -(-kernel // _TAPS)
    before = dilation * (kernel - 1) // 2
    out = x.new_empty(batch, count * block, channels)
    out[:, :before] = 0
    out[:, before : before + time] = x.mT
    out[:, before + time :] = 0
    return out.view(batch, count, _TAPS, dilation, channels)


def _seen(signal: Tensor) -> Tensor:
    """Values at the points, (7, B, D, K + Q - 1, C), of a signal (B, K + Q, 4, D, C).

    All but the sixth are sums of h = x - 2 x', x' being the moment after x.
    """
    phases = signal.permute(2, 0, 3, 1, 4)  # (4, B, D, K + Q, C)
    steps = torch.empty_like(phases, memory_format=torch.contiguous_format)
    torch.sub(phases[:3], phases[1:], alpha=2, out=steps[:3])
    torch.sub(phases[3, :, :, :-1], phases[0, :, :, 1:], alpha=2, out=steps[3, :, :, :-1])
    count = phases.shape[3] - 1
    out = steps.new_empty(_POINTS, *phases.shape[1:3], count, phases.shape[4])
    for part in _parts(count, out[0]):
        behind = slice(part.start + 1, part.stop + 1)
        h0, h1, h2, h3 = steps[:, :, :, part]
        h4, h5 = steps[:2, :, :, behind]
        p0, p1, p2, p3, p4, p5, p6 = out[:, :, :, part]
        a, b = h3 - h1, h4 - h2
        torch.add(b, a, alpha=2, out=p3)
        torch.sub(b, a, alpha=2, out=p4)
        torch.sub(h3, h1, alpha=4, out=a)
        torch.sub(h4, h2, alpha=4, out=b)
        torch.add(a, b, out=p1)
        torch.sub(b, a, out=p2)
        torch.add(b.sub_(h2), h0, alpha=4, out=p0)
        torch.sub(h5, a, out=a)
        torch.sub(a, h3, alpha=4, out=p6)
        torch.sub(phases[1, :, :, behind], phases[3, :, :, part], alpha=5, out=a)
        torch.add(a, phases[1, :, :, part], alpha=4, out=p5)
    return out


def _read(made: list[Tensor]) -> Tensor:
    """Products (B, D, K, C) at the points -> results (B, K, 4, D, C). They are spent."""
    batch, dilation, count, channels = made[0].shape
    out = made[0].new_empty(batch, count, _TAPS, dilation, channels)
    places = out.permute(2, 0, 3, 1, 4)  # (4, B, D, K, C)
    for part in _parts(count, made[0]):
        p0, p1, p2, p3, p4, p5, p6 = (plane[:, :, part] for plane in made)
        y0, y1, y2, y3 = places[:, :, :, part]
        even, odd, even2, odd2 = p1 + p2, p1 - p2, p3 + p4, p3 - p4
        torch.add(p0.add_(even2).add_(p5), even, out=y0)
        torch.add(odd.add(p5, alpha=0.5), odd2, alpha=2, out=y1)
        torch.add(even.add_(p5, alpha=0.25), even2, alpha=4, out=y2)
        torch.add(odd.add_(p5, alpha=0.125).add_(p6), odd2, alpha=8, out=y3)
    return out


def _parts(count: int, plane: Tensor) -> list[slice]:
    """Blocks (B, D, K, C) whose numbers fit into the cache of a CPU core."""
    step = max(1, CACHED * count // plane.numel())
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]
