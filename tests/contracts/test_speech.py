"""What every SpeechGenerator promises (protocols.py). New implementations join VOICES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from empatheia.data.labels import EMOTIONS8
from empatheia.errors import InputError
from empatheia.protocols import SpeechGenerator
from empatheia.speech.styletts2.config import Kind
from empatheia.types import Profile, Speech

SENTENCE = "I am so sorry about your ring."
OTHER = "That is wonderful news!"
WHO = Profile()


def world() -> SpeechGenerator:
    from empatheia.speech.world.generator import WorldVoice

    return WorldVoice.load()


def world_tiny() -> SpeechGenerator:
    from empatheia.speech.world.generator import WorldVoice

    return WorldVoice.tiny()


def styletts2(kind: Kind) -> SpeechGenerator:
    from empatheia.speech.styletts2.generator import StyleTTS2Voice

    return StyleTTS2Voice.tiny(kind)


VOICES: dict[str, Callable[[], SpeechGenerator]] = {
    "world": world,
    "world-tiny": world_tiny,
    "styletts2-hifigan": lambda: styletts2("hifigan"),
    "styletts2-istftnet": lambda: styletts2("istftnet"),
    "kokoro": lambda: styletts2("kokoro"),
}
DEAF = ("kokoro",)  # nobody published what hears its styles


@pytest.fixture(scope="module", params=VOICES)
def voice(request: pytest.FixtureRequest) -> SpeechGenerator:
    return VOICES[request.param]()


@pytest.fixture(scope="module")
def spoken(voice: SpeechGenerator) -> Speech:
    return say(voice, SENTENCE)


def say(voice: SpeechGenerator, text: str, emotion: str = "sad") -> Speech:
    phonemes = voice.phonemize(text)
    content = voice.encode_content(phonemes)
    return voice.generate(phonemes, content, voice.style_for(emotion, 0.7, WHO))


def test_is_a_speech_generator(voice: SpeechGenerator) -> None:
    assert isinstance(voice, SpeechGenerator)
    assert voice.sample_rate >= 16000
    assert voice.content_dim > 0
    assert voice.style_dim > 0


def test_phonemes_belong_to_words(voice: SpeechGenerator) -> None:
    phonemes = voice.phonemize(SENTENCE)
    assert phonemes == voice.phonemize(SENTENCE)
    words = [p.word for p in phonemes if p.word >= 0]
    assert words == sorted(words)
    assert set(words) == set(range(7))
    assert all(p.symbol and 0 <= p.emphasis <= 1 for p in phonemes)


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "😢"])
def test_nothing_to_say_is_refused(voice: SpeechGenerator, text: str) -> None:
    with pytest.raises(InputError):
        voice.phonemize(text)


@pytest.mark.parametrize(
    "text", ["Well, it's 5 o'clock!", "Zxqwv?", "NASA e-mailed Mr. O'Neil $3.50", "café 😊 ok"]
)
def test_odd_words_are_spoken(voice: SpeechGenerator, text: str) -> None:
    assert say(voice, text).seconds > 0.2


def test_content_has_one_vector_a_phoneme(voice: SpeechGenerator) -> None:
    phonemes = voice.phonemize(SENTENCE)
    content = voice.encode_content(phonemes)
    assert content.shape == (len(phonemes), voice.content_dim)
    assert content.isfinite().all()
    assert torch.equal(content, voice.encode_content(phonemes))


def test_styles_of_all_emotions_differ(voice: SpeechGenerator) -> None:
    styles = [voice.style_for(emotion, 0.8, WHO) for emotion in EMOTIONS8]
    for style in styles:
        assert style.shape == (voice.style_dim,)
        assert style.isfinite().all()
    for i, one in enumerate(styles):
        assert not any(torch.allclose(one, other) for other in styles[:i])
    woman, man = (voice.style_for("sad", 0.5, replace(WHO, gender=g)) for g in ("female", "male"))
    assert not torch.allclose(woman, man)


def test_audio_and_times(voice: SpeechGenerator, spoken: Speech) -> None:
    assert spoken.audio.dtype == np.float32
    assert spoken.audio.ndim == 1
    assert np.abs(spoken.audio).max() <= 1
    assert np.abs(spoken.audio).max() > 0.05
    assert spoken.sample_rate == voice.sample_rate
    assert 1 < spoken.seconds < 6
    assert [p.symbol for p in spoken.phonemes] == [p.symbol for p in voice.phonemize(SENTENCE)]
    times = [0.0] + [t for p in spoken.phonemes for t in (p.start, p.end)]
    assert times == sorted(times)
    assert times[-1] <= spoken.seconds + 1e-6


def test_same_input_same_sound(voice: SpeechGenerator, spoken: Speech) -> None:
    assert np.array_equal(say(voice, SENTENCE).audio, spoken.audio)


def test_content_decides_what_is_said(voice: SpeechGenerator, spoken: Speech) -> None:
    phonemes = voice.phonemize(SENTENCE)
    style = voice.style_for("sad", 0.7, WHO)
    turned = voice.generate(phonemes, voice.encode_content(phonemes).flip(0), style)
    length = min(len(turned.audio), len(spoken.audio))
    difference = np.abs(turned.audio[:length] - spoken.audio[:length]).mean()
    assert difference > 0.2 * np.abs(spoken.audio).mean()


def test_style_is_heard_not_told(
    voice: SpeechGenerator, spoken: Speech, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["voice"] in DEAF:
        with pytest.raises(InputError, match="voice packs"):
            voice.encode_style(spoken)
        return
    style = voice.encode_style(spoken)
    assert style.shape == (voice.style_dim,)
    assert style.isfinite().all()
    bare = Speech(spoken.audio, spoken.sample_rate)
    assert torch.allclose(style, voice.encode_style(bare), atol=1e-5)
    happy = voice.encode_style(say(voice, SENTENCE, "happy"))
    assert not torch.allclose(style, happy, atol=1e-3)


def test_wrong_shapes_and_nan_are_refused(voice: SpeechGenerator) -> None:
    phonemes = voice.phonemize(OTHER)
    content = voice.encode_content(phonemes)
    style = voice.style_for("happy", 0.5, WHO)
    wrong = [
        (content[1:], style),
        (content[:, 1:], style),
        (content, style[1:]),
        (content[None], style),
        (content * torch.nan, style),
        (content, style * torch.nan),
    ]
    for bad_content, bad_style in wrong:
        with pytest.raises(InputError):
            voice.generate(phonemes, bad_content, bad_style)
