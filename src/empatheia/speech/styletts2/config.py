"""Every number of a StyleTTS2 network, and the three published sets of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, get_type_hints

from empatheia.errors import ConfigError

SAMPLE_RATE = 24_000
MAX_TOKENS = 512  # positions that the published PL-BERT has
Halving = Literal["divide", "multiply"]  # by the root of two, or with its rounded inverse
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class BertConfig:
    """PL-BERT (Li et al., 2023): an ALBERT over phonemes, its twelve layers sharing weights."""

    hidden: int = 768
    heads: int = 12
    inner: int = 2048
    layers: int = 12
    embedding: int = 128
    positions: int = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """The sampler of styles. ``sigma_data`` is not in the weights but in their config.yml."""

    layers: int = 3
    heads: int = 8
    head_dim: int = 64
    multiplier: int = 2
    by_style: bool = True  # conditioned on a reference style (several speakers) or on nothing
    sigma_data: float = 0.2


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """From aligned content, pitch and energy to samples. The rates multiply to 300 (per 80 Hz)."""

    kind: Literal["hifigan", "istftnet"] = "hifigan"
    rates: tuple[int, ...] = (10, 5, 3, 2)
    kernels: tuple[int, ...] = (20, 10, 6, 4)
    residual_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    width: int = 1024
    channels: int = 512  # of the first stage of the vocoder, halved at each further one
    content_channels: int = 64
    n_fft: int = 20  # istftnet only
    hop: int = 5  # istftnet only
    window: Literal["scipy", "torch"] = "scipy"  # the two Hann windows differ by 1e-7

    @property
    def upsampling(self) -> int:
        """Samples of one frame of pitch."""
        out = self.hop if self.kind == "istftnet" else 1
        for rate in self.rates:
            out *= rate
        return out


@dataclass(frozen=True, slots=True)
class StyleTTS2Config:
    """A network and how its authors run it. The defaults are the LibriTTS checkpoint."""

    tokens: int = 178
    hidden: int = 512
    style: int = 128  # one half: acoustic or prosodic
    layers: int = 3
    kernel: int = 5
    max_duration: int = 50
    mels: int = 80
    encoder_width: int = 64
    style_encoders: bool = True
    bert: BertConfig = field(default_factory=BertConfig)
    diffusion: DiffusionConfig | None = field(default_factory=DiffusionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    shift: bool = True  # content and prosody start one frame late (hifigan)
    tail: int = 0  # frames added to the last token
    cut: int = 50  # samples dropped at the end
    end_token: bool = False  # a pad token after the last phoneme, too
    halving: Halving = "divide"  # of residual sums; both differ by a last bit
    vocabulary: Mapping[str, int] | None = None  # own numbers; None: the 178 symbols

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as a weight file's header keeps them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StyleTTS2Config:
        """The inverse of :meth:`as_dict`. Raises ConfigError on an unknown or missing name."""
        return build(cls, values)


def build(kind: type[C], values: Mapping[str, Any]) -> C:
    """A dataclass of numbers from the JSON values of one. Raises ConfigError."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"{kind.__name__} has no {', '.join(unknown)}: convert the weights again")
    hints = get_type_hints(kind)
    out: dict[str, Any] = {}
    for name, value in values.items():
        inner = _dataclass_of(hints[name])
        if isinstance(value, Mapping) and inner is not None:
            out[name] = build(inner, value)
        else:
            out[name] = tuple(value) if isinstance(value, list) else value
    return kind(**out)


def _dataclass_of(hint: Any) -> type[Any] | None:
    options = getattr(hint, "__args__", (hint,))
    return next((o for o in (*options, hint) if isinstance(o, type) and is_dataclass(o)), None)


_ISTFTNET = DecoderConfig(kind="istftnet", rates=(10, 6), kernels=(20, 12))


def libritts(sigma_data: float = 0.2) -> StyleTTS2Config:
    """Many speakers, hifigan decoder (epochs_2nd_00020.pth)."""
    return StyleTTS2Config(diffusion=DiffusionConfig(sigma_data=sigma_data))


def ljspeech(sigma_data: float = 0.2) -> StyleTTS2Config:
    """One speaker, istftnet decoder (epoch_2nd_00100.pth)."""
    diffusion = DiffusionConfig(by_style=False, sigma_data=sigma_data)
    return StyleTTS2Config(diffusion=diffusion, decoder=_ISTFTNET, shift=False, tail=5, cut=0)


def kokoro(vocabulary: Mapping[str, int] | None = None) -> StyleTTS2Config:
    """Kokoro-82M: no style encoders and no sampler; styles come from its voice packs."""
    return StyleTTS2Config(
        style_encoders=False, diffusion=None, decoder=replace(_ISTFTNET, window="torch"),
        shift=False, cut=0, end_token=True, halving="multiply", vocabulary=vocabulary,
    )  # fmt: skip


Kind = Literal["hifigan", "istftnet", "kokoro"]


def tiny(kind: Kind = "hifigan") -> StyleTTS2Config:
    """Small sizes with every part of LibriTTS, LJSpeech or Kokoro, for tests of what surrounds."""
    if kind == "hifigan":
        decoder = DecoderConfig(width=16, channels=32, content_channels=4)
    else:
        decoder = replace(_ISTFTNET, width=16, channels=16, content_channels=4)
    small = StyleTTS2Config(
        hidden=16, style=8, layers=1, max_duration=4, encoder_width=4, decoder=decoder,
        bert=BertConfig(16, 2, 32, 2, 8), diffusion=DiffusionConfig(1, 2, 8, 2),
        shift=kind == "hifigan", cut=50 if kind == "hifigan" else 0,
    )  # fmt: skip
    if kind == "kokoro":
        decoder = replace(decoder, window="torch")
        small = replace(
            small, style_encoders=False, diffusion=None, decoder=decoder, end_token=True,
            halving="multiply",
        )  # fmt: skip
    return small
