"""How long each phoneme lasts, and how pitch and energy run over it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from empatheia.speech.styletts2.blocks import AdaINBlock, AdaLayerNorm
from empatheia.speech.styletts2.config import Halving, StyleTTS2Config
from empatheia.speech.styletts2.encoders import kept, run_lstm


class DurationEncoder(nn.Module):
    """PL-BERT's view of the text, coloured by the prosodic style layer after layer."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        dim, style = config.hidden, config.style
        self.lstms = nn.ModuleList()
        for _ in range(config.layers):
            self.lstms.append(nn.LSTM(dim + style, dim // 2, batch_first=True, bidirectional=True))
            self.lstms.append(AdaLayerNorm(style, dim))

    def forward(self, x: Tensor, style: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, hidden) and (B, style) -> (B, T, hidden + style)."""
        beside = style[:, None].expand(-1, x.shape[1], -1)
        keep = kept(lengths, x)
        x = torch.cat((x, beside), dim=-1)
        for i in range(0, len(self.lstms), 2):
            x = x if keep is None else x * keep
            x = run_lstm(self.lstms[i], x, lengths)  # type: ignore[arg-type]
            x = torch.cat((self.lstms[i + 1](x, style), beside), dim=-1)
        return x if keep is None else x * keep


class ProsodyPredictor(nn.Module):
    """Durations at 40 Hz, pitch and energy at 80 Hz."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        dim, style, half = config.hidden, config.style, config.hidden // 2
        self.text_encoder = DurationEncoder(config)
        self.lstm = nn.LSTM(dim + style, half, batch_first=True, bidirectional=True)
        self.duration_proj = nn.Linear(dim, config.max_duration)
        self.shared = nn.LSTM(dim + style, half, batch_first=True, bidirectional=True)
        self.F0 = _curve(dim, half, style, config.halving)
        self.N = _curve(dim, half, style, config.halving)
        self.F0_proj = nn.Conv1d(half, 1, 1)
        self.N_proj = nn.Conv1d(half, 1, 1)

    def durations(self, encoded: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, hidden + style) of the duration encoder -> expected frames (B, T)."""
        x = run_lstm(self.lstm, encoded, lengths)
        logits: Tensor = self.duration_proj(x)
        return logits.sigmoid().sum(-1)

    def curves(self, frames: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, hidden + style) -> pitch in Hz and log energy, each (B, 2 F)."""
        x = self.shared(frames)[0].mT
        pitch, energy = x, x
        for i in range(len(self.F0)):
            pitch, energy = self.F0[i](pitch, style), self.N[i](energy, style)
        return self.F0_proj(pitch)[:, 0], self.N_proj(energy)[:, 0]


def _curve(dim: int, half: int, style: int, halving: Halving) -> nn.ModuleList:
    return nn.ModuleList(
        (
            AdaINBlock(dim, dim, style, halving=halving),
            AdaINBlock(dim, half, style, upsample=True, halving=halving),
            AdaINBlock(half, half, style, halving=halving),
        )
    )
