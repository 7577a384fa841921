"""The networks of DreamTalk and StyleTalk under their published names.

Both hear a window of 11 sounds around each frame and see a style in 64 expression coefficients.
DreamTalk denoises (DDIM) from wav2vec2 features; StyleTalk answers at once from phonemes, with
weights that the style mixes. Letters: B batch, L frames, W window, D dim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.errors import InputError

LOWER_FACE = (*range(6), 7, *range(9, 15))
TRAINED_STEPS = 1000


@dataclass(frozen=True, slots=True)
class FaceConfig:
    """The defaults are the published weights."""

    kind: Literal["dreamtalk", "styletalk"] = "dreamtalk"
    dim: int = 256
    heads: int = 8
    inner: int = 1024
    layers: int = 3
    window: int = 11
    expression: int = 64
    style_frames: int = 256
    heard: int = 1024  # of wav2vec2
    phonemes: int = 41
    phoneme_dim: int = 128
    mixed: int = 8  # weights that a style mixes (StyleTalk)
    mixing_ratio: int = 4
    temperature: float = 30.0


class Positions(nn.Module):
    """Sine and cosine of the place, a buffer that the files hold."""

    pos_table: Tensor

    def __init__(self, dim: int, length: int) -> None:
        super().__init__()
        place = torch.arange(length, dtype=torch.float64)[:, None]
        rate = 10000 ** (2 * (torch.arange(dim) // 2).double() / dim)
        angle = place / rate
        table = torch.where(torch.arange(dim) % 2 == 0, angle.sin(), angle.cos())
        self.register_buffer("pos_table", table.float()[None])


class _Encoder(nn.Module):
    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.dim, config.heads, config.inner, dropout=0.1, batch_first=True
            )
            for _ in range(config.layers)
        )

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        return x


class ContentEncoder(nn.Module):
    """What is heard around each frame: the teacher of C^v."""

    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        self.encoder = _Encoder(config)
        self.pos_embed = Positions(config.dim, config.window)
        spoken = config.kind == "styletalk"
        self.ph_embedding = nn.Embedding(config.phonemes, config.phoneme_dim) if spoken else None
        self.increase_embed_dim = nn.Linear(
            config.phoneme_dim if spoken else config.heard, config.dim
        )

    def forward(self, sounds: Tensor) -> Tensor:
        """(L, W, heard) or phoneme numbers (L, W) -> (L, W, D)."""
        x = self.ph_embedding(sounds) if self.ph_embedding is not None else sounds
        return self.encoder(self.increase_embed_dim(x) + self.pos_embed.pos_table)


class _Pooling(nn.Module):
    """A mean over time with learned weights (Safari et al., 2020)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.W = nn.Sequential(nn.Linear(dim, dim), nn.Mish(), nn.Linear(dim, 1))

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        logits = self.W(x)[..., 0] + padding * -1e5
        return (x * logits.softmax(-1)[..., None]).sum(1)


class StyleEncoder(nn.Module):
    """How somebody moves the face: the teacher of S^v."""

    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        self.encoder = _Encoder(config)
        self.pos_embed = Positions(config.dim, config.style_frames)
        self.increase_embed_dim = nn.Linear(config.expression, config.dim)
        self.aggregate_method = _Pooling(config.dim)

    def forward(self, clip: Tensor, padding: Tensor) -> Tensor:
        """(B, 256, 64) and True where padded -> (B, D)."""
        x = self.increase_embed_dim(clip) + self.pos_embed.pos_table[:, : clip.shape[1]]
        out: Tensor = self.aggregate_method(self.encoder(x, padding), padding)
        return out


class MixedLinear(nn.Module):
    """A linear layer whose weights a style mixes from eight (Chen et al., 2020)."""

    def __init__(self, inputs: int, outputs: int, config: FaceConfig) -> None:
        super().__init__()
        hidden = config.dim // config.mixing_ratio
        self.temperature = config.temperature
        self.choose = nn.ModuleList(
            (
                nn.Linear(config.dim, hidden, bias=False),
                nn.Linear(hidden, config.mixed, bias=False),
            )
        )
        self.weight = nn.Parameter(torch.randn(config.mixed, outputs, inputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(config.mixed, outputs))

    def mix(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """(D,) -> the weight and the bias for this style."""
        share = (self.choose[1](F.relu(self.choose[0](style))) / self.temperature).softmax(-1)
        return torch.einsum("k,koi->oi", share, self.weight), share @ self.bias

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return F.linear(x, *self.mix(style))


class _DecoderLayer(nn.Module):
    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        dim = config.dim
        self.self_attn = nn.MultiheadAttention(dim, config.heads, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(dim, config.heads, batch_first=True)
        mixed = config.kind == "styletalk"
        self.linear1 = (
            MixedLinear(dim, config.inner, config) if mixed else nn.Linear(dim, config.inner)
        )
        self.linear2 = nn.Linear(config.inner, dim)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))

    def attend(self, x: Tensor, rows: Tensor) -> Tensor:
        """``rows`` of ``x`` look at all of ``x``."""
        out: Tensor = self.norm1(rows + self.self_attn(rows, x, x, need_weights=False)[0])
        return out

    def answer(self, x: Tensor, content: Tensor, style: Tensor) -> Tensor:
        """Rows that looked at each other look at the content and are transformed."""
        x = self.norm2(x + self.multihead_attn(x, content, content, need_weights=False)[0])
        mixed = isinstance(self.linear1, MixedLinear)
        inner = self.linear1(x, style) if mixed else self.linear1(x)
        out: Tensor = self.norm3(x + self.linear2(F.relu(inner)))
        return out


class _HalfDecoder(nn.Module):
    """The upper or the lower face. Queries start from place and style, alike at every frame."""

    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_DecoderLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, content: Tensor, start: Tensor, style: Tensor) -> Tensor:
        """(L, W, D), (1, W, D), (D,) -> what the middle of each window becomes (L, D).

        The first look of the queries at each other is the same for every frame and is taken once;
        of the last layer only the middle row is needed.
        """
        middle = slice(start.shape[1] // 2, start.shape[1] // 2 + 1)
        last = len(self.layers) - 1
        x = start
        for i, layer in enumerate(self.layers):
            x = layer.attend(x, x[:, middle] if i == last else x)  # type: ignore[operator]
            x = x.expand(len(content), -1, -1) if i == 0 else x
            x = layer.answer(x, content, style)  # type: ignore[operator]
        out: Tensor = self.norm(x)[:, 0]
        return out


class FaceDecoder(nn.Module):
    """Content and style -> 64 expression coefficients, the two halves of the face apart."""

    def __init__(self, config: FaceConfig) -> None:
        super().__init__()
        self.lower = [i for i in LOWER_FACE if i < config.expression]
        self.upper = [i for i in range(config.expression) if i not in self.lower]
        self.upper_decoder, self.lower_decoder = _HalfDecoder(config), _HalfDecoder(config)
        self.pos_embed = Positions(config.dim, config.window)
        self.upper_tail_fc = _tail(config.dim, len(self.upper))
        self.lower_tail_fc = _tail(config.dim, len(self.lower))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """(L, W, D) and (D,) -> (L, 64)."""
        start = self.pos_embed.pos_table + style
        out = content.new_empty(len(content), len(self.lower) + len(self.upper))
        out[:, self.upper] = self.upper_tail_fc(self.upper_decoder(content, start, style))
        out[:, self.lower] = self.lower_tail_fc(self.lower_decoder(content, start, style))
        return out


def _tail(dim: int, outputs: int) -> nn.Sequential:
    half = dim // 2
    return nn.Sequential(
        nn.Linear(dim, half), nn.ReLU(), nn.Linear(half, half), nn.ReLU(), nn.Linear(half, outputs)
    )


class TalkingFace(nn.Module):
    """DreamTalk or StyleTalk, whichever the configuration says."""

    def __init__(self, config: FaceConfig | None = None) -> None:
        super().__init__()
        self.config = config or FaceConfig()
        dim = self.config.dim
        self.content_encoder = ContentEncoder(self.config)
        self.style_encoder = StyleEncoder(self.config)
        self.decoder = FaceDecoder(self.config)
        if self.config.kind == "dreamtalk":
            self.content_xt_to_decoder_input_wo_time = nn.Sequential(
                nn.Linear(dim + self.config.expression, dim), nn.ReLU(),
                nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim),
            )  # fmt: skip
            self.time_embed_net = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def encode_style(self, expression: Tensor) -> Tensor:
        """Expression coefficients of a clip (frames, 64) -> (D,); 256 frames are looked at."""
        if expression.ndim != 2 or expression.shape[1] != self.config.expression:
            raise InputError(
                f"coefficients have shape {tuple(expression.shape)}: give (frames, "
                f"{self.config.expression}), columns 80 to 143 of a coefficient file"
            )
        most = self.config.style_frames
        clip = expression[:most]
        padding = torch.arange(most, device=clip.device) >= len(clip)
        clip = F.pad(clip, (0, 0, 0, most - len(clip)))
        out: Tensor = self.style_encoder(clip[None], padding[None])[0]
        return out

    def no_style(self) -> Tensor:
        """The style of a face that does nothing, from which guidance leans away."""
        weight = self.style_encoder.increase_embed_dim.weight
        return self.encode_style(weight.new_zeros(self.config.style_frames, self.config.expression))

    def predict(self, content: Tensor, x: Tensor, step: int, style: Tensor) -> Tensor:
        """The clean coefficients (L, 64) behind noisy ones (DreamTalk)."""
        beside = x[:, None].expand(-1, content.shape[1], -1)
        hidden = self.content_xt_to_decoder_input_wo_time(torch.cat((content, beside), -1))
        time = self.time_embed_net(wave_of(float(step), self.config.dim).to(x))
        out: Tensor = self.decoder(hidden + time, style)
        return out

    def animate(
        self,
        content: Tensor,
        style: Tensor,
        noise: Tensor | None = None,
        steps: int = 10,
        guidance: float = 1.0,
    ) -> Tensor:
        """C^v (L, W, D) and S^v (D,) -> expression (L, 64).

        ``noise`` (L, 64) is what DreamTalk starts from. ``guidance`` of 1 is no guidance: the
        second half of the work is skipped. Frames do not see each other, so a long sound can be
        animated piece by piece with the same result.
        """
        if self.config.kind == "styletalk":
            out: Tensor = self.decoder(content, style)
            return out
        if not 1 <= steps <= TRAINED_STEPS or TRAINED_STEPS % steps:
            raise InputError(f"{steps} steps do not divide {TRAINED_STEPS}: give 10, 20 or 50")
        x = torch.randn(len(content), self.config.expression) if noise is None else noise
        bars = signal_shares().to(x)
        untold = self.no_style() if guidance != 1.0 else None
        times = [1 + i * (TRAINED_STEPS // steps) for i in range(steps)]
        for now, before in zip(reversed(times), [*reversed(times[:-1]), 0], strict=True):
            clean = self.predict(content, x, now, style)
            if untold is not None:
                nothing = self.predict(content, x, now, untold)
                clean = nothing + guidance * (clean - nothing)
            dirt = (x - bars[now].sqrt() * clean) / (1 - bars[now]).sqrt()
            x = bars[before].sqrt() * clean + (1 - bars[before]).sqrt() * dirt
        return x


def signal_shares() -> Tensor:
    """How much of the signal is left after each of the 1000 steps, (1001,), the first 1."""
    betas = torch.cat((torch.zeros(1), torch.linspace(1e-4, 0.02, TRAINED_STEPS)))
    return torch.cumsum(torch.log(1 - betas), 0).exp()


def wave_of(step: float, dim: int) -> Tensor:
    """The number of a step as cosines, then sines (dim,)."""
    half = dim // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = step * rates
    return torch.cat((angles.cos(), angles.sin()))
