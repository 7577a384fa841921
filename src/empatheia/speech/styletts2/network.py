"""The whole of StyleTTS2 for inference, and the points where vectors of others enter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from empatheia.errors import InputError
from empatheia.speech.styletts2.config import MAX_TOKENS, SAMPLE_RATE, StyleTTS2Config
from empatheia.speech.styletts2.decoder import Decoder
from empatheia.speech.styletts2.diffusion import StyleSampler
from empatheia.speech.styletts2.encoders import StyleEncoder, TextEncoder, albert
from empatheia.speech.styletts2.prosody import ProsodyPredictor

FRAME_SAMPLES = 600  # of one frame of durations
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Utterance:
    """What :meth:`StyleTTS2.synthesize` made."""

    wave: Tensor  # (samples,)
    frames: Tensor  # (T,) frames of 25 ms of each token
    pitch: Tensor  # (2 F,) Hz
    energy: Tensor  # (2 F,)


class StyleTTS2(nn.Module):
    """All networks under their published names. T tokens, S half a style, F frames."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TextEncoder(config)
        self.bert = albert(config.bert, config.tokens)
        self.bert_encoder = nn.Linear(config.bert.hidden, config.hidden)
        self.predictor = ProsodyPredictor(config)
        self.decoder = Decoder(config)
        self.style_encoder = StyleEncoder(config) if config.style_encoders else None
        self.predictor_encoder = StyleEncoder(config) if config.style_encoders else None
        self.diffusion = StyleSampler(config, config.diffusion) if config.diffusion else None

    def read(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        """What PL-BERT sees in the phonemes: (B, T) -> (B, T, text)."""
        if ids.shape[1] > self.config.bert.positions:
            raise InputError(
                f"{ids.shape[1]} phonemes are too many to say at once: give at most "
                f"{MAX_TOKENS - 2}, a sentence at a time"
            )
        mask = torch.ones_like(ids)
        if lengths is not None:
            steps = torch.arange(ids.shape[1], device=ids.device)
            mask = (steps < lengths.to(ids.device)[:, None]).to(ids.dtype)
        out: Tensor = self.bert(ids, attention_mask=mask).last_hidden_state
        return out

    def hear(self, mel: Tensor) -> Tensor:
        """A mel picture (B, mels, frames) -> acoustic and prosodic style (B, 2 S)."""
        if self.style_encoder is None or self.predictor_encoder is None:
            raise InputError(
                "these weights have no style encoder: give 'empatheia weights styles voice' their "
                "voice packs (voices/*.pt) instead of recordings"
            )
        return torch.cat((self.style_encoder(mel), self.predictor_encoder(mel)), dim=1)

    def vary(
        self,
        text: Tensor,
        style: Tensor | None,
        noise: Tensor,
        step_noise: Tensor,
        alpha: float = 0.3,
        beta: float = 0.7,
        scale: float = 1.0,
    ) -> Tensor:
        """A style (B, 2 S) between a reference and what the sampler finds fitting for the text.

        ``alpha`` and ``beta`` are the sampler's share of the acoustic and the prosodic half;
        ``text`` comes from :meth:`read`, the noises are those of :meth:`StyleSampler.sample`.
        """
        if self.diffusion is None:
            raise InputError("these weights have no style sampler: give the style itself")
        found = self.diffusion.sample(text, style, noise, step_noise, scale)
        if style is None:
            return found
        half = self.config.style
        share = found.new_tensor([alpha] * half + [beta] * half)
        return share * found + (1 - share) * style

    def predict_frames(self, encoded: Tensor) -> Tensor:
        """Whole frames (T,) of each token from the duration encoder's (1, T, hidden + S)."""
        frames = self.predictor.durations(encoded)[0].round().clamp(min=1).long()
        frames[-1] += self.config.tail
        return frames

    def synthesize(
        self,
        ids: Tensor,
        style: Tensor,
        content: Tensor | None = None,
        frames: Tensor | None = None,
        noise: Tensor | None = None,
        text: Tensor | None = None,
    ) -> Utterance:
        """Say one sentence.

        ``ids`` (T,) are its tokens, pads included; ``style`` (2 S,) replaces what a reference
        recording would give (S^s); ``content`` (T, hidden) replaces the text encoder's output
        (C^s), the only thing that the sound hears of the text; ``frames`` (T,) replaces the
        durations; ``noise`` is the source's, (1, samples, 9), drawn where None; ``text`` is the
        result of :meth:`read` where that is at hand. Durations, pitch and energy come from
        PL-BERT's view of ``ids``.
        """
        half = self.config.style
        acoustic, prosodic = style[None, :half], style[None, half:]
        text = self.read(ids[None]) if text is None else text
        encoded = self.predictor.text_encoder(self.bert_encoder(text), prosodic)
        frames = self.predict_frames(encoded) if frames is None else frames
        content = self.text_encoder(ids[None])[0] if content is None else content
        pitch, energy = self.predictor.curves(self._spread(encoded[0], frames), prosodic)
        if noise is None:
            noise = torch.randn(self.decoder.generator.noise_shape(pitch), device=pitch.device)
        said = self._spread(content, frames).mT
        wave = self.decoder(said, pitch, energy, acoustic, noise)[0]
        wave = wave[: len(wave) - self.config.cut]
        return Utterance(wave, frames, pitch[0], energy[0])

    def _spread(self, rows: Tensor, frames: Tensor) -> Tensor:
        """(T, C) -> (1, F, C): each row for its frames, one late where the decoder wants it."""
        out = rows.repeat_interleave(frames, dim=0)
        if self.config.shift:
            out = torch.cat((out[:1], out[:-1]))
        return out[None]
