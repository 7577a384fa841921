"""Layers that StyleTTS2 is made of. Norms of weights are folded, so convolutions are plain.

Letters: B batch, C channels, T time, S style.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.nn.convolution import (
    Activation,
    Conv1d,
    ConvTranspose1d,
    adaptive_norm,
    in_published_order,
)
from empatheia.nn.winograd import WinogradConv1d
from empatheia.speech.styletts2.config import Halving

SLOPE = 0.2
_INVERSE_ROOT = float(torch.tensor(2.0).rsqrt())  # of two, rounded to float32


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.mT, self.gamma.shape, self.gamma, self.beta).mT


class StyleAffine(nn.Module):
    """The scale and shift that a style asks of each channel, (B, S) -> two of (B, C)."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * channels)

    def scale_and_shift(self, style: Tensor) -> tuple[Tensor, Tensor]:
        gamma, beta = self.fc(style).chunk(2, dim=1)
        return 1 + gamma, beta


class AdaIN(StyleAffine):
    """Adaptive instance norm of (B, C, T), and what bends it."""

    def forward(
        self, x: Tensor, style: Tensor, activation: Activation, spent: bool = False
    ) -> Tensor:
        return adaptive_norm(x, *self.scale_and_shift(style), activation, spent=spent)


class AdaLayerNorm(StyleAffine):
    """Layer norm over the last axis of (B, T, C), scaled and shifted by the style."""

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift(style)
        return torch.addcmul(shift[:, None], scale[:, None], F.layer_norm(x, x.shape[-1:]))


class AdaINBlock(nn.Module):
    """Two convolutions with adaptive norms and a residual, (B, C, T) -> (B, C', T or 2 T).

    ``halving`` says how the published code brings the sum of two back to the size of one.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style: int,
        upsample: bool = False,
        halving: Halving = "divide",
    ) -> None:
        super().__init__()
        self.upsample, self.halving = upsample, halving
        self.conv1 = Conv1d(inputs, outputs, 3, padding=1)
        self.conv2 = Conv1d(outputs, outputs, 3, padding=1)
        self.norm1 = AdaIN(style, inputs)
        self.norm2 = AdaIN(style, outputs)
        self.conv1x1 = Conv1d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.pool = (
            ConvTranspose1d(inputs, inputs, 3, 2, padding=1, output_padding=1, groups=inputs)
            if upsample
            else None
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.norm1(x, style, _leaky)
        y = self.pool(y) if self.pool is not None else y
        y = self.norm2(self.conv1(y), style, _leaky, spent=True)
        # A convolution of width 1 and a repetition of samples can change places: half the work.
        short = self.conv1x1(x) if self.conv1x1 is not None else x
        short = short.repeat_interleave(2, dim=-1) if self.upsample else short
        total = self.conv2(y) + short
        return total / math.sqrt(2) if self.halving == "divide" else total * _INVERSE_ROOT


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


class DownBlock(nn.Module):
    """Two convolutions over a picture, halving both sides, (B, C, H, W) -> (B, C', H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv1x1 = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.down = nn.Conv2d(inputs, inputs, 3, 2, padding=1, groups=inputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.leaky_relu(x, SLOPE))
        y = self.conv2(F.leaky_relu(self.down(y), SLOPE))
        if x.shape[-1] % 2:  # the learned path rounds up, so an odd last column counts twice
            x = torch.cat((x, x[..., -1:]), dim=-1)
        short = F.avg_pool2d(x, 2)
        short = self.conv1x1(short) if self.conv1x1 is not None else short
        return (y + short) / math.sqrt(2)


def snake(x: Tensor, alpha: Tensor) -> Tensor:
    """x + sin(alpha x)^2 / alpha (Ziyin et al., 2020), over x itself where no gradient is wanted.

    ``alpha`` is (1, C, 1).
    """
    if in_published_order():
        return x + 1 / alpha * (alpha * x).sin().square()
    fresh = torch.is_grad_enabled() or torch.compiler.is_compiling()
    over = None if fresh else x
    return torch.addcmul(x, (alpha * x).sin_().square_(), 1 / alpha, out=over)


class SnakeBlock(nn.Module):
    """Three pairs of dilated convolutions with adaptive norms and Snake, (B, C, T) -> same."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], style: int) -> None:
        super().__init__()
        count = len(dilations)
        self.convs1 = nn.ModuleList(
            WinogradConv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            WinogradConv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )
        self.adain1 = nn.ModuleList(AdaIN(style, channels) for _ in dilations)
        self.adain2 = nn.ModuleList(AdaIN(style, channels) for _ in dilations)
        self.alpha1 = nn.ParameterList(torch.ones(1, channels, 1) for _ in range(count))
        self.alpha2 = nn.ParameterList(torch.ones(1, channels, 1) for _ in range(count))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        for i, (first, second) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            y = first(self.adain1[i](x, style, partial(snake, alpha=self.alpha1[i])))
            bend = partial(snake, alpha=self.alpha2[i])
            x = second(self.adain2[i](y, style, bend, spent=True)).add_(x)
        return x
