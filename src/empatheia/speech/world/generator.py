"""``WorldVoice``: the speech generator of ``small()``, a few MB, made for one core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from empatheia import hub
from empatheia.errors import InputError, WeightsError, unknown
from empatheia.speech.inventory import SYMBOLS
from empatheia.speech.lexicon import Lexicon
from empatheia.speech.phonemes import phonemize
from empatheia.speech.world.features import (
    APERIODICITY_BANDS,
    BANDS,
    F0_CEIL,
    F0_FLOOR,
    FRAME_SECONDS,
    SAMPLE_RATE,
    SILENCE,
    Frames,
    synthesise,
)
from empatheia.speech.world.mel import log_mel
from empatheia.speech.world.network import STEP_FRAMES, VoiceConfig, VoiceNetwork, spread
from empatheia.speech.world.notation import notate
from empatheia.speech.world.styles import StyleTable
from empatheia.types import AudioArray, Phoneme, Profile, Speech, TimedPhoneme

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

FILE = "voice-world.safetensors"
MAX_STEPS = 12_000  # two minutes of one sentence
_STEP_SECONDS = FRAME_SECONDS * STEP_FRAMES
_LONGEST_PHONEME = 60  # steps
_QUIET = 1e-4


class WorldVoice:
    """Implements :class:`empatheia.protocols.SpeechGenerator`. Deterministic: no sampling."""

    sample_rate: int = SAMPLE_RATE

    def __init__(self, network: VoiceNetwork, styles: StyleTable, lexicon: Lexicon | None) -> None:
        """``lexicon``: the shipped one is loaded at the first use where None is given."""
        self._network = network.eval()
        self._styles = styles
        self._lexicon = lexicon
        self.content_dim = network.config.content_dim
        self.style_dim = network.config.style_dim
        self.digest = "random"
        self.meta: Mapping[str, Any] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> WorldVoice:
        """The shipped voice, or one from ``empatheia train voice``. Raises WeightsError."""
        path = path or hub.shipped(FILE)
        weights = hub.load(path)
        if weights.meta.get("kind") != "world-voice":
            raise WeightsError(f"{path} is no voice: it says {weights.meta.get('kind')!r}")
        network = VoiceNetwork(VoiceConfig(**weights.meta["config"]))
        prefix = "network."
        state = {k.removeprefix(prefix): v for k, v in weights.tensors.items() if prefix in k}
        try:
            network.load_state_dict(state)
            styles = StyleTable.from_tensors(weights.tensors)
        except (RuntimeError, KeyError) as error:
            raise WeightsError(f"{path} does not fit this version: {error}") from error
        voice = cls(network, styles, None)
        voice.digest, voice.meta = weights.digest, weights.meta
        return voice

    @classmethod
    def tiny(cls, seed: int = 0) -> WorldVoice:
        """Random weights, dim 16: for tests of what surrounds a voice. It hums, it says nothing."""
        config = VoiceConfig(16, 8, 1, 16, 2, 1, 16)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = VoiceNetwork(config)
            styles = StyleTable.random(config.style_dim)
        mean = torch.linspace(-2.0, -7.0, len(network.frame_mean))  # fainter towards the top
        mean[BANDS:-2], mean[-2], mean[-1] = -12.0, float(np.log(150.0)), 1.0
        network.frame_mean.copy_(mean)
        network.frame_std.copy_(torch.full_like(mean, 0.2))
        with torch.no_grad():
            network.durations.head.bias.fill_(2.0)
            for weight in network.style.convs.parameters():
                weight.mul_(3.0)  # or chance would hear the same style in everything
        words = {"a": "AH0", "hello": "HH AH0 L OW1", "i'm": "AY1 M", "here": "HH IY1 R"}
        return cls(network, styles, Lexicon(words, _sound_of_letters))

    @property
    def network(self) -> VoiceNetwork:
        """The trained networks, for training more on top of them."""
        return self._network

    @property
    def styles(self) -> StyleTable:
        """What :meth:`style_for` reads."""
        return self._styles

    def phonemize(self, text: str) -> tuple[Phoneme, ...]:
        """Sounds of one sentence. Raises InputError where nothing can be spoken."""
        return phonemize(text, self._lexicon)

    @torch.no_grad()
    def encode_content(self, phonemes: Sequence[Phoneme]) -> Float[Tensor, "phoneme content"]:
        """One vector a phoneme: the words, their stress and place. The teacher of C^s (Eq. 9)."""
        base, stress, place = notate(_known(phonemes))
        keep = torch.ones(1, len(base), 1)
        return self._network.content(
            torch.from_numpy(base)[None],
            torch.from_numpy(stress)[None],
            torch.from_numpy(place)[None],
            keep,
        )[0]

    @torch.no_grad()
    def encode_style(self, speech: Speech) -> Float[Tensor, " style"]:
        """How somebody speaks, heard from the sound alone. The teacher of S^s (Eq. 10)."""
        audio = _heard(speech)
        return self._network.style(torch.from_numpy(log_mel(audio))[None])[0]

    def style_for(
        self, emotion: str, intensity: float, profile: Profile
    ) -> Float[Tensor, " style"]:
        """Mean style of renders of that kind; ``intensity`` in [0, 1], 0 is neutral."""
        return self._styles.find(emotion, intensity, profile)

    @torch.no_grad()
    def generate(
        self,
        phonemes: Sequence[Phoneme],
        content: Float[Tensor, "phoneme content"],
        style: Float[Tensor, " style"],
    ) -> Speech:
        """Speech at 24 kHz. ``phonemes`` time it, ``content`` says it, ``style`` colours it."""
        phonemes = _known(phonemes)
        _check("content", content, (len(phonemes), self.content_dim))
        _check("style", style, (self.style_dim,))
        content, style = content.float(), style.float()
        steps = self._durations(phonemes, style)
        rows, phase = spread(content, steps)
        net = self._network
        keep = torch.ones(1, len(rows), 1)
        out = net.decoder(rows[None], phase[None], style[None], keep)[0]
        audio = synthesise(_frames((out * net.frame_std + net.frame_mean).numpy()))
        return Speech(_finish(audio), SAMPLE_RATE, _timed(phonemes, steps))

    def _durations(self, phonemes: Sequence[Phoneme], style: Tensor) -> Tensor:
        """Steps of 10 ms of each phoneme (N,)."""
        own = self.encode_content(phonemes)
        keep = torch.ones(1, len(phonemes), 1)
        log_steps = self._network.durations(own[None], style[None], keep)[0]
        exact = log_steps.clamp(0.0, float(np.log(_LONGEST_PHONEME))).exp()
        # Rounding the running total keeps the rate where single phonemes would all round up.
        ends = torch.cumsum(exact, 0).round()
        steps = torch.diff(ends, prepend=torch.zeros(1)).clamp(min=1).long()
        if int(steps.sum()) > MAX_STEPS:
            raise InputError(
                f"the sentence would last {int(steps.sum()) * _STEP_SECONDS:.0f} s: give at most "
                f"{MAX_STEPS * _STEP_SECONDS:.0f} s, a sentence at a time"
            )
        return steps


def _sound_of_letters(word: str) -> tuple[str, ...]:
    return tuple("AH0" if letter in "aeiouy" else "T" for letter in word)


def _known(phonemes: Sequence[Phoneme]) -> Sequence[Phoneme]:
    if not phonemes:
        raise InputError("no phonemes: give at least one, for example from phonemize(text)")
    for phoneme in phonemes:
        if phoneme.symbol not in SYMBOLS:
            raise InputError(unknown("phoneme", phoneme.symbol, sorted(SYMBOLS)))
    return phonemes


def _check(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise InputError(f"{name} has shape {tuple(value.shape)}: this voice needs {shape}")
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"{name} has NaN or infinite values: give finite numbers")


def _frames(values: np.ndarray[Any, np.dtype[np.float32]]) -> Frames:
    """Columns of the decoder, in natural units -> frames that WORLD can say."""
    noise = slice(BANDS, BANDS + APERIODICITY_BANDS)
    pitch = np.exp(np.clip(values[:, -2], np.log(F0_FLOOR), np.log(F0_CEIL)))
    voiced = values[:, -1] > 0
    return Frames(
        np.where(voiced, pitch, 0.0).astype(np.float32),
        np.clip(values[:, :BANDS], SILENCE, 4.0),
        np.where(voiced[:, None], np.clip(values[:, noise], -60.0, 0.0), 0.0).astype(np.float32),
    )


def _finish(audio: AudioArray) -> AudioArray:
    """Fade both ends in and out over 5 ms and hold rare peaks inside full scale."""
    from empatheia.speech.loudness import limit

    edge = min(round(0.005 * SAMPLE_RATE), len(audio) // 2)
    ramp = np.linspace(0.0, 1.0, edge, dtype=np.float32)
    audio[:edge] *= ramp
    audio[len(audio) - edge :] *= ramp[::-1]
    return limit(audio, SAMPLE_RATE)


def _timed(phonemes: Sequence[Phoneme], steps: Tensor) -> tuple[TimedPhoneme, ...]:
    ends = [float(end) * _STEP_SECONDS for end in torch.cumsum(steps, 0)]
    starts = [0.0, *ends[:-1]]
    return tuple(
        TimedPhoneme(p.symbol, round(a, 4), round(b, 4), p.word)
        for p, a, b in zip(phonemes, starts, ends, strict=True)
    )


def _heard(speech: Speech) -> AudioArray:
    """Sound at 24 kHz without the silence at its ends; at least 0.2 s must be left."""
    from empatheia.media.audio import check_audio, resample

    audio = resample(check_audio(speech.audio, speech.sample_rate), speech.sample_rate, SAMPLE_RATE)
    loud = np.abs(audio) > max(_QUIET, 0.02 * float(np.abs(audio).max(initial=0.0)))
    if not loud.any():
        raise InputError("the recording is silent: a style can be heard only from speech")
    first, last = int(loud.argmax()), len(audio) - int(loud[::-1].argmax())
    audio = audio[first:last]
    if len(audio) < SAMPLE_RATE // 5:
        raise InputError(
            f"only {len(audio) / SAMPLE_RATE:.2f} s of sound: give at least 0.2 s of speech"
        )
    return audio
