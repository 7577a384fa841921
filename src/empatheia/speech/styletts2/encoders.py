"""What reads: the text encoder (C^s), PL-BERT and the two style encoders (S^s)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.speech.styletts2.blocks import SLOPE, ChannelNorm, DownBlock
from empatheia.speech.styletts2.config import BertConfig, StyleTTS2Config

MIN_FRAMES = 65  # of mel; fewer leave nothing for the last 5 x 5 convolution


def run_lstm(lstm: nn.LSTM, x: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, C) -> (B, T, 2 H); past each length (B,) the result is zero."""
    if lengths is None:
        out: Tensor = lstm(x)[0]
        return out
    packed = nn.utils.rnn.pack_padded_sequence(
        x, lengths.cpu(), batch_first=True, enforce_sorted=False
    )
    return nn.utils.rnn.pad_packed_sequence(
        lstm(packed)[0], batch_first=True, total_length=x.shape[1]
    )[0]


def kept(lengths: Tensor | None, like: Tensor) -> Tensor | None:
    """1 where (B, T, ...) holds something, 0 past each length; None where nothing is padded."""
    if lengths is None:
        return None
    steps = torch.arange(like.shape[1], device=like.device)
    return (steps < lengths.to(like.device)[:, None])[..., None].to(like.dtype)


class TextEncoder(nn.Module):
    """Phonemes -> what the decoder says, a vector a token: the teacher of C^s."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        dim, kernel = config.hidden, config.kernel
        self.embedding = nn.Embedding(config.tokens, dim)
        self.convs = nn.ModuleList(
            nn.Conv1d(dim, dim, kernel, padding=kernel // 2) for _ in range(config.layers)
        )
        self.norms = nn.ModuleList(ChannelNorm(dim) for _ in range(config.layers))
        self.lstm = nn.LSTM(dim, dim // 2, batch_first=True, bidirectional=True)

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T) -> (B, T, hidden). ``lengths`` (B,) where rows are padded."""
        x = self.embedding(ids)
        keep = kept(lengths, x)
        x = x if keep is None else x * keep
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x.mT)), SLOPE).mT
            x = x if keep is None else x * keep
        return run_lstm(self.lstm, x, lengths)


class StyleEncoder(nn.Module):
    """A mel picture -> one vector: how it sounds (acoustic) or how it moves (prosodic)."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        width, widest = config.encoder_width, config.hidden
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1)]
        for _ in range(4):
            layers.append(DownBlock(width, min(2 * width, widest)))
            width = min(2 * width, widest)
        layers += [nn.LeakyReLU(SLOPE), nn.Conv2d(width, width, 5)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.LeakyReLU(SLOPE)]
        self.shared = nn.Sequential(*layers)
        self.unshared = nn.Linear(width, config.style)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, mels, frames), at least MIN_FRAMES -> (B, style)."""
        out: Tensor = self.unshared(self.shared(mel[:, None]).flatten(1))
        return out


def albert(config: BertConfig, tokens: int) -> nn.Module:
    """The network of PL-BERT, as transformers has it."""
    from transformers import AlbertConfig, AlbertModel

    settings = AlbertConfig(
        vocab_size=tokens,
        hidden_size=config.hidden,
        num_attention_heads=config.heads,
        intermediate_size=config.inner,
        num_hidden_layers=config.layers,
        embedding_size=config.embedding,
        max_position_embeddings=config.positions,
    )
    model = AlbertModel(settings)
    # Counters that no file holds: real also where the network is built without memory.
    counters = {
        "position_ids": torch.arange(config.positions, device="cpu")[None],
        "token_type_ids": torch.zeros(1, config.positions, dtype=torch.long, device="cpu"),
    }
    for name, value in counters.items():
        model.embeddings.register_buffer(name, value, persistent=False)
    out: nn.Module = model
    return out
