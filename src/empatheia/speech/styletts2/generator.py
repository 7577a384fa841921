"""``StyleTTS2Voice``: the paper's speech generator behind the contract of all voices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from empatheia import hub
from empatheia.errors import InputError, WeightsError, unknown
from empatheia.published import strict
from empatheia.published.styles import StyleMeans
from empatheia.speech.sentences import join
from empatheia.speech.styletts2 import config as configs
from empatheia.speech.styletts2.config import SAMPLE_RATE, StyleTTS2Config
from empatheia.speech.styletts2.dictionary import Dictionary
from empatheia.speech.styletts2.espeak import Espeak
from empatheia.speech.styletts2.mel import reference_mel
from empatheia.speech.styletts2.network import FRAME_SECONDS, StyleTTS2, Utterance
from empatheia.speech.styletts2.symbols import PAD, numbers
from empatheia.types import AudioArray, Phoneme, Profile, Speech, TimedPhoneme

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

KIND = "styletts2"
Phonemizer = Callable[[str], tuple[Phoneme, ...]]
PHONEMIZERS: Mapping[str, Callable[[], Phonemizer]] = {"espeak": Espeak, "dictionary": Dictionary}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much of the style the sampler decides; the default leaves S^s as it is given."""

    alpha: float = 0.0  # share of the acoustic half
    beta: float = 0.0  # share of the prosodic half
    steps: int = 5
    scale: float = 1.0
    seed: int = 0


class StyleTTS2Voice:
    """Implements :class:`empatheia.protocols.SpeechGenerator`. The same input, the same sound."""

    sample_rate: int = SAMPLE_RATE

    def __init__(
        self,
        network: StyleTTS2,
        styles: StyleMeans,
        phonemizer: Phonemizer,
        sampling: Sampling | None = None,
    ) -> None:
        self._network = network.eval()
        self._styles = styles
        self._phonemizer = phonemizer
        self._sampling = sampling or Sampling()
        self._numbers = network.config.vocabulary or numbers()
        self.content_dim = network.config.hidden
        self.style_dim = 2 * network.config.style
        self.digest = "random"

    @classmethod
    def load(
        cls,
        path: Path,
        styles: Path | None = None,
        phonemes: str = "espeak",
        sampling: Sampling | None = None,
        device: str = "cpu",
    ) -> StyleTTS2Voice:
        """Weights that ``empatheia weights convert`` wrote, and a table of mean styles.

        Raises WeightsError, InputError.
        """
        if phonemes not in PHONEMIZERS:
            raise InputError(unknown("phonemes", phonemes, PHONEMIZERS))
        weights = hub.load(path)
        if weights.meta.get("kind") != KIND:
            raise WeightsError(
                f"{path} is no StyleTTS2 voice (it says {weights.meta.get('kind')!r}): make one "
                "with 'empatheia weights convert'"
            )
        network = strict.network_of(
            lambda given: StyleTTS2(StyleTTS2Config.from_dict(given)),
            weights.meta.get("config"),
            str(path),
        )
        plain = {k: v for k, v in weights.tensors.items() if not k.startswith("style/")}
        strict.load(network, plain, str(path))
        means = StyleMeans.from_tensors(weights.tensors)
        if styles:
            table = hub.load(styles)
            kind, dim = table.meta.get("kind"), 2 * network.config.style
            means = StyleMeans.of_file(styles, table.tensors, kind, "voice", dim)
        voice = cls(network.to(device), means, PHONEMIZERS[phonemes](), sampling)
        voice.digest = weights.digest
        return voice

    @classmethod
    def tiny(cls, kind: configs.Kind = "hifigan", seed: int = 0) -> StyleTTS2Voice:
        """Random weights, dim 16: for tests of what surrounds a voice."""
        numbers_of = configs.tiny(kind)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = StyleTTS2(numbers_of)
        _liven(network)
        return cls(network, StyleMeans.random(2 * numbers_of.style, seed), Dictionary())

    @property
    def network(self) -> StyleTTS2:
        """The networks, for training and measuring."""
        return self._network

    def phonemize(self, text: str) -> tuple[Phoneme, ...]:
        """Symbols of one sentence between pads. Raises InputError."""
        sounds = (p for p in self._phonemizer(text) if p.symbol in self._numbers)
        end = (Phoneme(PAD),) if self._network.config.end_token else ()
        return (Phoneme(PAD), *sounds, *end)

    @torch.inference_mode()
    def encode_content(self, phonemes: Sequence[Phoneme]) -> Float[Tensor, "phoneme content"]:
        """What the text encoder makes of the symbols, a vector each: the teacher of C^s."""
        return self._network.text_encoder(self._ids(phonemes)[None])[0].cpu().clone()

    @torch.inference_mode()
    def encode_style(self, speech: Speech) -> Float[Tensor, " style"]:
        """Acoustic and prosodic style of at least 0.81 s of speech: the teacher of S^s."""
        mel = reference_mel(speech, self._network.config.mels)
        return self._network.hear(mel.to(self._device))[0].cpu().clone()

    def style_for(
        self, emotion: str, intensity: float, profile: Profile
    ) -> Float[Tensor, " style"]:
        """Mean style of recordings of that kind. Raises WeightsError where the table has none."""
        return self._styles.find(emotion, intensity, profile)

    @torch.inference_mode()
    def generate(
        self,
        phonemes: Sequence[Phoneme],
        content: Float[Tensor, "phoneme content"],
        style: Float[Tensor, " style"],
    ) -> Speech:
        """Speech at 24 kHz; ``content`` and ``style`` stand where the encoders' outputs stood."""
        ids = self._ids(phonemes)
        _check("content", content, (len(ids), self.content_dim))
        _check("style", style, (self.style_dim,))
        content, style = content.float().to(ids.device), style.float().to(ids.device)
        source = torch.Generator().manual_seed(self._sampling.seed)
        said: list[Speech] = []
        for start, stop in self._breaths(phonemes):
            rows = self._between_pads(start, stop, len(ids))
            text = self._network.read(ids[rows][None])
            varied = self._vary(text, style, source)
            made = self._say(ids[rows], text, content[rows], varied, source)
            audio = np.clip(made.wave.float().cpu().numpy(), -1.0, 1.0).astype(np.float32)
            pads = rows.index(start), len(rows) - 1 - rows.index(stop - 1)
            said.append(_spoken(phonemes[start:stop], made.frames, audio, pads))
        return join(said)

    def _breaths(self, phonemes: Sequence[Phoneme]) -> Iterator[tuple[int, int]]:
        """Parts that PL-BERT has positions for, cut behind a space; mostly the whole."""
        positions = self._network.config.bert.positions
        start = 0
        while len(phonemes) - start + bool(start) > positions:
            latest = start + positions - 2  # a pad comes before it and one behind
            spaces = (i for i in range(latest, start, -1) if phonemes[i - 1].symbol == " ")
            stop = next(spaces, latest)
            yield start, stop
            start = stop
        yield start, len(phonemes)

    def _between_pads(self, start: int, stop: int, whole: int) -> list[int]:
        """Places of a part, with the pads of both ends of the whole around it."""
        last = [whole - 1] if stop < whole and self._network.config.end_token else []
        return [*([0] if start else []), *range(start, stop), *last]

    @property
    def _device(self) -> torch.device:
        return self._network.bert_encoder.weight.device

    def _say(
        self,
        ids: Tensor,
        text: Tensor,
        content: Tensor,
        style: Tensor,
        source: torch.Generator,
    ) -> Utterance:
        net = self._network
        half = net.config.style
        encoded = net.predictor.text_encoder(net.bert_encoder(text), style[None, half:])
        frames = net.predict_frames(encoded)
        pitch = frames.new_zeros(1, 2 * int(frames.sum()))
        noise = torch.randn(net.decoder.generator.noise_shape(pitch), generator=source)
        return net.synthesize(ids, style, content, frames, noise.to(ids.device), text)

    def _vary(self, text: Tensor, style: Tensor, source: torch.Generator) -> Tensor:
        how = self._sampling
        if how.alpha == how.beta == 0:
            return style
        noise = torch.randn(how.steps, 1, self.style_dim, generator=source).to(style.device)
        return self._network.vary(
            text, style[None], noise[0], noise[1:], how.alpha, how.beta, how.scale
        )[0]

    def _ids(self, phonemes: Sequence[Phoneme]) -> Tensor:
        if not phonemes:
            raise InputError("no phonemes: give at least one, for example from phonemize(text)")
        table = self._numbers
        for phoneme in phonemes:
            if phoneme.symbol not in table and phoneme.symbol != PAD:
                raise InputError(unknown("phoneme", phoneme.symbol, sorted(table)))
        ids = [table.get(p.symbol, 0) for p in phonemes]
        return torch.tensor(ids, device=self._device)


@torch.no_grad()
def _liven(network: StyleTTS2) -> None:
    """Scale random weights so that content, pitch and style are heard, as trained ones let them."""
    decoder, vocoder = network.decoder, network.decoder.generator
    constants = dict(network.named_parameters())
    constants["predictor.F0_proj.bias"].fill_(150.0)
    decoder.F0_conv.weight.mul_(0.001)
    for weight in network.text_encoder.lstm.parameters():
        weight.mul_(6.0)
    for name, weight in vocoder.named_parameters():
        if name.startswith("noise_convs") or ("noise_res" in name and "convs2" in name):
            weight.mul_(0.1)
    last = vocoder.conv_post
    if network.config.decoder.kind == "hifigan":  # no constant in the wave
        last.weight.sub_(last.weight.mean(-1, keepdim=True))
        constants["decoder.generator.conv_post.bias"].zero_()
    for encoder in (network.style_encoder, network.predictor_encoder):
        if encoder is not None:
            encoder.unshared.weight.mul_(20.0)


def _check(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise InputError(f"{name} has shape {tuple(value.shape)}: this voice needs {shape}")
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"{name} has NaN or infinite values: give finite numbers")


def _spoken(
    phonemes: Sequence[Phoneme], frames: Tensor, audio: AudioArray, pads: tuple[int, int]
) -> Speech:
    """A part with its times; ``pads`` before and after it belong to its first and last sound."""
    before, after = pads
    seconds = len(audio) / SAMPLE_RATE
    ends = [min(float(end) * FRAME_SECONDS, seconds) for end in torch.cumsum(frames, 0)]
    ends = ends[before : len(ends) - after]
    ends[-1] = seconds if after else ends[-1]
    timed = (
        TimedPhoneme(p.symbol, round(a, 4), round(b, 4), p.word)
        for p, a, b in zip(phonemes, [0.0, *ends[:-1]], ends, strict=True)
    )
    return Speech(audio, SAMPLE_RATE, tuple(timed))
