"""The networks of StyleTTS2: injection points, padding, noise, and figures kept from before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from empatheia.errors import InputError
from empatheia.speech.styletts2.blocks import AdaINBlock
from empatheia.speech.styletts2.config import kokoro, libritts, ljspeech, tiny
from empatheia.speech.styletts2.diffusion import schedule
from empatheia.speech.styletts2.network import StyleTTS2

GOLDEN = Path(__file__).with_name("golden.json")
IDS = torch.tensor([0, 5, 60, 43, 16, 100, 156, 120, 4])


def wave(shape: tuple[int, ...], step: float = 0.37) -> Tensor:
    count = int(torch.tensor(shape).prod())
    return torch.sin(torch.arange(count, dtype=torch.float64) * step).float().reshape(shape)


@torch.inference_mode()
def outputs(network: StyleTTS2) -> dict[str, Tensor]:
    """Every part of the network on fixed inputs, as the published graph runs it."""
    size = network.config
    text = network.read(IDS[None])
    style = network.hear(wave((1, size.mels, 70)))
    frames = torch.full_like(IDS, 2)
    pitch = torch.empty(1, 4 * len(IDS))
    noise = wave(network.decoder.generator.noise_shape(pitch), 1.7)
    sampler = network.diffusion
    assert sampler is not None
    made = network.synthesize(IDS, style[0], frames=frames, noise=noise, text=text)
    step_noise = wave((2, 1, 2 * size.style), 0.9)
    start = wave((1, 2 * size.style), 0.2)
    return {
        "text_encoder": network.text_encoder(IDS[None])[0],
        "bert": text[0],
        "style": style[0],
        "sampled": sampler.sample(text, style, start, step_noise)[0],
        "guided": sampler.sample(text, style, start, step_noise, 2.0)[0],
        "durations": network.predictor.durations(
            network.predictor.text_encoder(network.bert_encoder(text), style[:, size.style :])
        )[0],
        "pitch": made.pitch,
        "energy": made.energy,
        "wave": made.wave,
    }


def summary(value: Tensor) -> list[float]:
    """Twelve values spread over a tensor, and its size."""
    flat = value.double().flatten()
    places = torch.linspace(0, len(flat) - 1, 12).long()
    return [float(len(flat)), *(round(v, 7) for v in flat[places].tolist())]


@pytest.mark.parametrize("kind", ["hifigan", "istftnet"])
def test_numbers_are_those_of_before(networks: dict[str, StyleTTS2], kind: str) -> None:
    kept = json.loads(GOLDEN.read_text())[kind]
    for name, value in outputs(networks[kind]).items():
        # the phase of a wave sums up rounding in the pitch, another on each machine; and the
        # angles of a spectrum jump by a turn where a bin is nearly real
        tolerance = {"hifigan": 2e-3, "istftnet": 2e-2}[kind] if name == "wave" else 2e-4
        assert summary(value) == pytest.approx(kept[name], abs=tolerance), name


@torch.inference_mode()
def test_padding_changes_nothing(networks: dict[str, StyleTTS2]) -> None:
    network = networks["hifigan"]
    both = torch.zeros(2, len(IDS) + 4, dtype=torch.long)
    both[0, : len(IDS)] = IDS
    both[1] = torch.arange(len(IDS) + 4) + 50
    lengths = torch.tensor([len(IDS), len(IDS) + 4])
    alone, padded = network.text_encoder(IDS[None])[0], network.text_encoder(both, lengths)[0]
    assert torch.allclose(padded[: len(IDS)], alone, atol=1e-6)
    assert not padded[len(IDS) :].any()
    text = network.read(both, lengths)
    assert torch.allclose(text[0, : len(IDS)], network.read(IDS[None])[0], atol=1e-5)
    style = torch.ones(2, network.config.style)
    encode = network.predictor.text_encoder
    longer = encode(network.bert_encoder(text), style, lengths)[0, : len(IDS)]
    single = encode(network.bert_encoder(network.read(IDS[None])), style[:1])[0]
    assert torch.allclose(longer, single, atol=1e-5)


@torch.inference_mode()
def test_the_sound_hears_the_text_only_through_content(networks: dict[str, StyleTTS2]) -> None:
    network = networks["hifigan"]
    style = torch.ones(2 * network.config.style) * 0.1
    frames = torch.full_like(IDS, 2)
    noise = torch.zeros(1, 4 * len(IDS) * 300, 9)
    exact = network.synthesize(IDS, style, frames=frames, noise=noise)
    own = network.text_encoder(IDS[None])[0]
    given = network.synthesize(IDS, style, content=own, frames=frames, noise=noise)
    other = network.synthesize(IDS, style, content=own.flip(0), frames=frames, noise=noise)
    assert torch.equal(exact.wave, given.wave)
    assert torch.equal(exact.pitch, other.pitch)
    assert not torch.allclose(exact.wave, other.wave, atol=1e-4)


@torch.inference_mode()
def test_lengths_follow_the_durations(networks: dict[str, StyleTTS2]) -> None:
    style = torch.zeros(16)
    for kind, cut in (("hifigan", 50), ("istftnet", 0)):
        made = networks[kind].synthesize(IDS, style)
        assert len(made.wave) == int(made.frames.sum()) * 600 - cut
        assert made.frames.min() >= 1


@torch.inference_mode()
def test_shares_of_zero_leave_the_style_alone(networks: dict[str, StyleTTS2]) -> None:
    network = networks["hifigan"]
    style, noise = torch.rand(1, 16), torch.randn(1, 16)
    text = network.read(IDS[None])
    steps = torch.randn(3, 1, 16)
    same = network.vary(text, style, noise, steps, alpha=0.0, beta=0.0)
    assert torch.allclose(same, style)
    half = network.vary(text, style, noise, steps, alpha=0.0, beta=1.0)
    assert torch.allclose(half[:, :8], style[:, :8])
    assert not torch.allclose(half[:, 8:], style[:, 8:])
    with pytest.raises(InputError, match="reference style"):
        network.vary(text, None, noise, steps)


def test_noise_levels_fall_from_three_to_almost_nothing() -> None:
    sigmas = schedule(5)
    assert sigmas[0] == pytest.approx(3.0)
    assert sigmas[-1] == pytest.approx(1e-4)
    assert sigmas == sorted(sigmas, reverse=True)
    with pytest.raises(InputError, match="at least 2"):
        schedule(1)


def test_too_many_phonemes_are_refused(networks: dict[str, StyleTTS2]) -> None:
    with pytest.raises(InputError, match="at most 510"):
        networks["hifigan"].read(torch.zeros(1, 600, dtype=torch.long))


@pytest.mark.parametrize("kind", ["hifigan", "istftnet"])
def test_what_is_given_is_left_alone(networks: dict[str, StyleTTS2], kind: str) -> None:
    """Norms may write over what a convolution made, never over what a caller gave."""
    decoder = networks[kind].decoder
    pitch = wave((1, 12)) * 50 + 150
    noise = wave(decoder.generator.noise_shape(pitch), 1.7)
    given = [wave((1, 16, 6)), pitch, wave((1, 12), 0.5), wave((1, 8), 0.3), noise]
    before = [value.clone() for value in given]
    with torch.inference_mode():
        first, second = decoder(*given), decoder(*given)
    assert torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


def test_kokoro_multiplies_where_styletts2_divides() -> None:
    """As the published codes of both do; every block of pitch, energy and decoder is told."""
    blocks = [m for m in StyleTTS2(tiny("kokoro")).modules() if isinstance(m, AdaINBlock)]
    assert {block.halving for block in blocks} == {kokoro().halving} == {"multiply"}
    assert libritts().halving == ljspeech().halving == "divide"
    x, style = torch.randn(2, 16, 30), torch.randn(2, 8)
    root = torch.tensor(2.0).sqrt()
    for halving, wanted in (("divide", x / root), ("multiply", x * (1 / root))):
        block = AdaINBlock(16, 16, 8, halving=halving).requires_grad_(False)  # type: ignore[arg-type]
        block.conv2.weight.zero_()
        block.conv2.bias.zero_()
        assert torch.equal(block(x, style), wanted)
    assert not torch.equal(x / root, x * (1 / root))
