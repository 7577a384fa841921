"""Sampling a style for a text: Karras et al. (2022) with a small transformer.

The network sees the noisy style beside every position of PL-BERT's view of the text, and the style
of a reference recording where there is one.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.errors import InputError
from empatheia.speech.styletts2.blocks import AdaLayerNorm
from empatheia.speech.styletts2.config import DiffusionConfig, StyleTTS2Config

SIGMA_MIN, SIGMA_MAX, RHO = 1e-4, 3.0, 9.0


class _Attention(nn.Module):
    """Self-attention whose queries and keys are normed apart, (B, T, D) -> (B, T, D)."""

    def __init__(self, dim: int, config: DiffusionConfig, style: int) -> None:
        super().__init__()
        inner = config.heads * config.head_dim
        self.heads, self.by_style = config.heads, config.by_style
        self.norm = AdaLayerNorm(style, dim) if config.by_style else nn.LayerNorm(dim)
        self.norm_context = AdaLayerNorm(style, dim) if config.by_style else nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim)

    def forward(self, x: Tensor, style: Tensor | None) -> Tensor:
        given = (style,) if self.by_style else ()
        key, value = self.to_kv(self.norm_context(x, *given)).chunk(2, dim=-1)
        query = self.to_q(self.norm(x, *given))
        heads = [
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value)
        ]
        mixed: Tensor = self.to_out(
            F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        )
        return mixed


class _Block(nn.Module):
    def __init__(self, dim: int, config: DiffusionConfig, style: int) -> None:
        super().__init__()
        inner = dim * config.multiplier
        self.attention = _Attention(dim, config, style)
        self.feed_forward = nn.Sequential(nn.Linear(dim, inner), nn.GELU(), nn.Linear(inner, dim))

    def forward(self, x: Tensor, style: Tensor | None) -> Tensor:
        x = x + self.attention(x, style)
        out: Tensor = x + self.feed_forward(x)
        return out


class StyleSampler(nn.Module):
    """Noise -> a style (B, 2 S) that fits the text."""

    def __init__(self, config: StyleTTS2Config, numbers: DiffusionConfig) -> None:
        super().__init__()
        channels, text = 2 * config.style, config.bert.hidden
        dim = channels + text
        self.sigma_data, self.by_style = numbers.sigma_data, numbers.by_style
        self.blocks = nn.ModuleList(_Block(dim, numbers, channels) for _ in range(numbers.layers))
        self.to_out = nn.Linear(dim, channels)
        self.frequencies = nn.Parameter(torch.randn(channels // 2))
        self.to_time = nn.Linear(channels + 1, dim)
        self.to_features = nn.Linear(channels, dim) if numbers.by_style else None
        self.to_mapping = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim), nn.GELU()
        )
        self.no_text = nn.Embedding(config.bert.positions, text)

    def predict(self, x: Tensor, time: Tensor, text: Tensor, style: Tensor | None) -> Tensor:
        """One call of the network: (B, 2 S), (B,), (B, T, text), (B, 2 S) -> (B, 2 S)."""
        angles = time[:, None] * self.frequencies * 2 * math.pi
        mapping = F.gelu(self.to_time(torch.cat((time[:, None], angles.sin(), angles.cos()), 1)))
        if self.to_features is not None and style is not None:
            mapping = mapping + F.gelu(self.to_features(style))
        mapping = self.to_mapping(mapping)[:, None]
        h = torch.cat((x[:, None].expand(-1, text.shape[1], -1), text), dim=-1)
        for block in self.blocks:
            h = block(h + mapping, style)
        out: Tensor = self.to_out(h.mean(dim=1))
        return out

    def denoise(
        self, x: Tensor, sigma: float, text: Tensor, style: Tensor | None, scale: float = 1.0
    ) -> Tensor:
        """The clean style that a noisy one hides (Karras et al., 2022, table 1).

        ``scale`` other than 1 leans away from what fits no text at all.
        """
        data, both = self.sigma_data**2, sigma**2 + self.sigma_data**2
        time = x.new_full(x.shape[:1], sigma).log() * 0.25
        scaled = x / math.sqrt(both)
        if scale == 1.0:
            out = self.predict(scaled, time, text, style)
        else:
            nothing = self.no_text.weight[: text.shape[1]].expand_as(text)
            out = self.predict(
                scaled.repeat(2, 1), time.repeat(2), torch.cat((text, nothing)),
                None if style is None else style.repeat(2, 1),
            )  # fmt: skip
            told, untold = out.chunk(2)
            out = untold + (told - untold) * scale
        return x * (data / both) + out * (sigma * self.sigma_data / math.sqrt(both))

    def sample(
        self,
        text: Tensor,
        style: Tensor | None,
        noise: Tensor,
        step_noise: Tensor,
        scale: float = 1.0,
    ) -> Tensor:
        """Ancestral second-order steps (ADPM2): two calls of the network each.

        ``text`` (B, T, D) of PL-BERT, ``style`` (B, 2 S) of a reference or None, ``noise`` (B, 2 S)
        to start from, ``step_noise`` (steps - 1, B, 2 S) to add on the way. Raises InputError where
        there are fewer than two steps or the reference is missing.
        """
        if self.by_style and style is None:
            raise InputError("this checkpoint has many speakers: give a reference style")
        sigmas = schedule(len(step_noise) + 1)
        x = noise * sigmas[0]
        for now, after, fresh in zip(sigmas, sigmas[1:], step_noise, strict=False):
            up = math.sqrt(after**2 * (now**2 - after**2) / now**2)
            down = math.sqrt(after**2 - up**2)
            middle = (now + down) / 2
            slope = (x - self.denoise(x, now, text, style, scale)) / now
            halfway = x + slope * (middle - now)
            slope = (halfway - self.denoise(halfway, middle, text, style, scale)) / middle
            x = x + slope * (down - now) + fresh * up
        return x


def schedule(steps: int) -> list[float]:
    """Noise levels from SIGMA_MAX to SIGMA_MIN (Karras et al., 2022, eq. 5). At least two."""
    if steps < 2:
        raise InputError(f"{steps} diffusion steps are too few: give at least 2, usually 5")
    top, bottom = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return [float((top + i / (steps - 1) * (bottom - top)) ** RHO) for i in range(steps)]
