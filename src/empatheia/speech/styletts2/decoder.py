"""From aligned content, pitch, energy and style to samples, by one of two vocoders."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.nn.convolution import Conv1d, ConvTranspose1d, in_parts
from empatheia.speech.styletts2.blocks import AdaINBlock, SnakeBlock, snake
from empatheia.speech.styletts2.config import DecoderConfig, StyleTTS2Config
from empatheia.speech.styletts2.source import HarmonicSource

_SLOPE = 0.1


class Decoder(nn.Module):
    """Content (40 Hz), pitch and energy (80 Hz) and the acoustic style -> 24 kHz sound."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        numbers, style = config.decoder, config.style
        width, beside = numbers.width, numbers.content_channels + 2
        block = partial(AdaINBlock, style=style, halving=config.halving)
        self.encode = block(config.hidden + 2, width)
        self.decode = nn.ModuleList(block(width + beside, width) for _ in range(3))
        self.decode.append(block(width + beside, numbers.channels, upsample=True))
        self.F0_conv = Conv1d(1, 1, 3, stride=2, padding=1)
        self.N_conv = Conv1d(1, 1, 3, stride=2, padding=1)
        self.asr_res = Conv1d(config.hidden, numbers.content_channels, 1)
        kind = HifiGan if numbers.kind == "hifigan" else IstftNet
        self.generator = kind(numbers, style)

    def forward(
        self, content: Tensor, pitch: Tensor, energy: Tensor, style: Tensor, noise: Tensor
    ) -> Tensor:
        """(B, hidden, F), (B, 2 F), (B, 2 F), (B, style), noise of the source -> (B, samples)."""
        source = self.generator.excite(pitch, noise)
        low_pitch = self.F0_conv(pitch[:, None])
        low_energy = self.N_conv(energy[:, None])
        x = self.encode(torch.cat((content, low_pitch, low_energy), dim=1), style)
        beside = torch.cat((self.asr_res(content), low_pitch, low_energy), dim=1)
        for block in self.decode:
            x = block(torch.cat((x, beside), dim=1), style)
        out: Tensor = self.generator(x, style, source)
        return out


class _Vocoder(nn.Module):
    """What both vocoders share: the source, the stages and the mixing of each stage's blocks."""

    def __init__(self, config: DecoderConfig, style: int, source_channels: int) -> None:
        super().__init__()
        self.m_source = HarmonicSource(config.upsampling)
        self.noise_convs = nn.ModuleList()
        self.noise_res = nn.ModuleList()
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        self.kernels = len(config.residual_kernels)
        channels = config.channels
        for i, (rate, kernel) in enumerate(zip(config.rates, config.kernels, strict=True)):
            self.ups.append(self._up(channels, rate, kernel))
            channels //= 2
            left = math.prod(config.rates[i + 1 :])  # samples of the source a step of this stage
            last = i + 1 == len(config.rates)
            width, padding = (1, 0) if last else (2 * left, (left + 1) // 2)
            self.noise_convs.append(Conv1d(source_channels, channels, width, left, padding))
            self.noise_res.append(SnakeBlock(channels, 11 if last else 7, config.dilations, style))
            self.resblocks.extend(
                SnakeBlock(channels, k, config.dilations, style) for k in config.residual_kernels
            )
        self.last_channels = channels

    def _up(self, channels: int, rate: int, kernel: int) -> nn.Module:
        raise NotImplementedError

    def noise_shape(self, pitch: Tensor) -> tuple[int, int, int]:
        """Shape of the noise that the source of this vocoder takes."""
        return self.m_source.noise_shape(pitch)

    def excite(self, pitch: Tensor, noise: Tensor) -> Tensor:
        """(B, 2 F) in Hz and noise -> what the stages hear of the source (B, channels, T).

        Apart from :meth:`forward`, so that this can be compiled without it: phases of thousands of
        turns, and their angles, hang on the last bit.
        """
        return self._seen(self.m_source(pitch, noise))

    def _seen(self, source: Tensor) -> Tensor:
        raise NotImplementedError

    def _mix(self, stage: int, x: Tensor, style: Tensor) -> Tensor:
        blocks = self.resblocks[stage * self.kernels : (stage + 1) * self.kernels]
        total = blocks[0](x, style)
        for block in blocks[1:]:
            total.add_(block(x, style))
        return total.div_(self.kernels)


class HifiGan(_Vocoder):
    """Waves from convolutions alone (Kong et al., 2020), with Snake between the stages."""

    def __init__(self, config: DecoderConfig, style: int) -> None:
        super().__init__(config, style, 1)
        widths = [config.channels // 2**i for i in range(len(config.rates) + 1)]
        self.alphas = nn.ParameterList(torch.ones(1, width, 1) for width in widths)
        self.conv_post = Conv1d(self.last_channels, 1, 7, padding=3)

    def _up(self, channels: int, rate: int, kernel: int) -> nn.Module:
        odd = rate % 2
        return ConvTranspose1d(channels, channels // 2, kernel, rate, rate // 2 + odd, odd)

    def _seen(self, source: Tensor) -> Tensor:
        return source[:, None]

    def forward(self, x: Tensor, style: Tensor, source: Tensor) -> Tensor:
        """(B, C, 2 F), style, what :meth:`excite` gave -> (B, samples) within -1 and 1.

        ``x`` is spent.
        """
        for i, up in enumerate(self.ups):
            beside = self.noise_res[i](self.noise_convs[i](source), style)
            x = up(in_parts(partial(snake, alpha=self.alphas[i]), x)).add_(beside)
            x = self._mix(i, x, style)
        out: Tensor = self.conv_post(in_parts(partial(snake, alpha=self.alphas[-1]), x))
        return torch.tanh(out)[:, 0]


class IstftNet(_Vocoder):
    """Fewer stages and an inverse Fourier transform at the end (Kaneko et al., 2022)."""

    window: Tensor

    def __init__(self, config: DecoderConfig, style: int) -> None:
        super().__init__(config, style, config.n_fft + 2)
        self.n_fft, self.hop = config.n_fft, config.hop
        self.conv_post = Conv1d(self.last_channels, config.n_fft + 2, 7, padding=3)
        self.register_buffer("window", hann(config.n_fft, config.window), persistent=False)

    def _up(self, channels: int, rate: int, kernel: int) -> nn.Module:
        return ConvTranspose1d(channels, channels // 2, kernel, rate, (kernel - rate) // 2)

    def forward(self, x: Tensor, style: Tensor, source: Tensor) -> Tensor:
        """(B, C, 2 F), style, what :meth:`excite` gave -> (B, samples)."""
        last = len(self.ups) - 1
        for i, up in enumerate(self.ups):
            beside = self.noise_res[i](self.noise_convs[i](source), style)
            x = up(F.leaky_relu(x, _SLOPE))
            x = torch.cat((x.mT[:, 1:2], x.mT), dim=1).mT if i == last else x  # reflected
            x = self._mix(i, x + beside, style)
        x = self.conv_post(F.leaky_relu(x))
        size, angle = x.split(self.n_fft // 2 + 1, dim=1)
        spectrum = torch.polar(size.exp(), angle.sin())
        return torch.istft(spectrum, self.n_fft, self.hop, self.n_fft, self.window)

    def _seen(self, source: Tensor) -> Tensor:
        """(B, samples) -> magnitudes and angles (B, n_fft + 2, frames)."""
        out = torch.stft(source, self.n_fft, self.hop, self.n_fft, self.window, return_complex=True)
        return torch.cat((out.abs(), out.angle()), dim=1)


def hann(length: int, kind: Literal["scipy", "torch"]) -> Tensor:
    """The window bits of the code that the weights were trained with.

    A last bit decides on which side of pi the angle of a nearly real bin falls.
    """
    if kind == "torch":
        return torch.hann_window(length, device="cpu")
    from scipy.signal import get_window

    return torch.from_numpy(get_window("hann", length).astype("float32"))
