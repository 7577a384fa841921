"""The WORLD voice: the contract of a speech generator, and what it refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from empatheia.errors import InputError, WeightsError
from empatheia.protocols import SpeechGenerator
from empatheia.speech.world.generator import WorldVoice
from empatheia.training.voice_styles import save_voice
from empatheia.types import Phoneme, Profile, Speech


@pytest.fixture(scope="module")
def voice() -> WorldVoice:
    return WorldVoice.tiny()


def test_it_is_a_speech_generator(voice: WorldVoice) -> None:
    assert isinstance(voice, SpeechGenerator)
    phonemes = voice.phonemize("Hello, I'm here.")
    content = voice.encode_content(phonemes)
    assert content.shape == (len(phonemes), voice.content_dim)
    style = voice.style_for("sad", 0.5, Profile())
    assert style.shape == (voice.style_dim,)
    speech = voice.generate(phonemes, content, style)
    assert speech.sample_rate == voice.sample_rate == 24000
    assert speech.audio.dtype == np.float32
    assert np.isfinite(speech.audio).all()
    assert np.abs(speech.audio).max() <= 1.0
    assert voice.encode_style(speech).shape == (voice.style_dim,)


def test_times_cover_the_sound(voice: WorldVoice) -> None:
    phonemes = voice.phonemize("Hello, I'm here.")
    speech = voice.generate(phonemes, voice.encode_content(phonemes), voice.style_for(
        "neutral", 0.0, Profile()))  # fmt: skip
    assert [p.symbol for p in speech.phonemes] == [p.symbol for p in phonemes]
    assert [p.word for p in speech.phonemes] == [p.word for p in phonemes]
    assert speech.phonemes[0].start == 0.0
    assert all(a.end == b.start for a, b in zip(speech.phonemes, speech.phonemes[1:], strict=False))
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds, abs=1e-3)


def test_it_says_the_same_twice(voice: WorldVoice) -> None:
    phonemes = voice.phonemize("Hello.")
    content, style = voice.encode_content(phonemes), voice.style_for("happy", 1.0, Profile())
    once, twice = (voice.generate(phonemes, content, style).audio for _ in range(2))
    assert np.array_equal(once, twice)


def test_intensity_is_continuous(voice: WorldVoice) -> None:
    profile = Profile("elderly", "male", "gentle")
    styles = [voice.style_for("angry", i / 50, profile) for i in range(51)]
    jumps = [float((a - b).norm()) for a, b in itertools.pairwise(styles)]
    assert max(jumps) < 0.2 * float((styles[0] - styles[-1]).norm())
    neutral = voice.style_for("neutral", 1.0, profile)
    assert torch.equal(styles[0], neutral)


def test_sound_follows_content_not_phonemes(voice: WorldVoice) -> None:
    phonemes = voice.phonemize("Hello, I'm here.")
    style = voice.style_for("neutral", 0.0, Profile())
    content = voice.encode_content(phonemes)
    same = voice.generate(phonemes, content, style)
    other = voice.generate(phonemes, content.flip(0), style)
    assert other.phonemes == same.phonemes
    assert not np.allclose(other.audio, same.audio)


@pytest.mark.parametrize("fault", ["nan", "inf", "short style", "short content", "no phonemes"])
def test_bad_vectors_are_told(voice: WorldVoice, fault: str) -> None:
    phonemes = voice.phonemize("Hello.")
    content, style = voice.encode_content(phonemes), voice.style_for("sad", 1.0, Profile())
    if fault == "nan":
        style = style * float("nan")
    elif fault == "inf":
        content = content + float("inf")
    elif fault == "short style":
        style = style[:-1]
    elif fault == "short content":
        content = content[:-1]
    else:
        phonemes = ()
    with pytest.raises(InputError):
        voice.generate(phonemes, content, style)


def test_unknown_names_are_told(voice: WorldVoice) -> None:
    with pytest.raises(InputError, match="phoneme"):
        voice.encode_content([Phoneme("QQ")])
    with pytest.raises(InputError, match="emotion"):
        voice.style_for("hapy", 1.0, Profile())
    with pytest.raises(InputError, match="age"):
        voice.style_for("happy", 1.0, Profile(age="old"))
    with pytest.raises(InputError, match="intensity"):
        voice.style_for("happy", 1.5, Profile())


@pytest.mark.parametrize(
    "audio",
    [np.zeros(24000), np.full(24000, np.nan), np.ones(100), np.zeros(0), np.zeros((2, 100))],
)
def test_a_style_is_not_heard_from_nothing(voice: WorldVoice, audio: np.ndarray) -> None:
    with pytest.raises(InputError):
        voice.encode_style(Speech(audio.astype(np.float32), 24000))


def test_a_weight_file_gives_the_same_voice(voice: WorldVoice, tmp_path) -> None:
    path = tmp_path / "voice.safetensors"
    save_voice(path, voice.network, voice.styles, {"note": "test"})
    again = WorldVoice.load(path)
    phonemes = voice.phonemize("Hello.")
    assert torch.allclose(again.encode_content(phonemes), voice.encode_content(phonemes), atol=0.05)
    assert again.meta["note"] == "test"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(WeightsError):
        WorldVoice.load(path)
