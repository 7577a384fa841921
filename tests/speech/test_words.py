"""The shipped voice is understood: a recogniser hears the sentence whose content is given."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.evaluation.recogniser import Recogniser, total
from empatheia.speech.loudness import loudness
from empatheia.speech.sentences import join, speak
from empatheia.speech.world.generator import WorldVoice
from empatheia.types import Profile

# Pairs with the same number of phonemes, so that one can lend the other its timing.
PAIRS = (
    ("I am so sorry to hear that.", "That sounds like a lot of fun."),
    ("What are you going to do?", "I hope you feel better."),
    ("You must be very proud.", "How did you find the dog?"),
)


@pytest.fixture(scope="module")
def voice() -> WorldVoice:
    return WorldVoice.load()


def test_a_recogniser_hears_the_content(voice: WorldVoice) -> None:
    pytest.importorskip("pocketsphinx")
    recogniser = Recogniser()
    style = voice.style_for("neutral", 0.0, Profile("young", "male", "mild"))
    said, timed = [], []
    for timing, words in PAIRS:
        phonemes = voice.phonemize(timing)
        content = voice.encode_content(voice.phonemize(words))
        count = min(len(phonemes), len(content))
        speech = voice.generate(phonemes[:count], content[:count], style)
        said.append(recogniser.errors(speech, words))
        timed.append(recogniser.errors(speech, timing))
    assert total(said).rate < 50
    assert total(timed).rate > 80


@pytest.mark.parametrize("emotion", ["angry", "sad"])
def test_a_reply_of_the_shipped_voice_is_clean(voice: WorldVoice, emotion: str) -> None:
    parts = list(speak(voice, "I am so sorry. That must hurt!", emotion, 1.0, Profile()))
    for part in parts:
        assert loudness(part.audio, part.sample_rate) == pytest.approx(-23.0, abs=1.0)
    sound = join(parts)
    assert np.abs(sound.audio).max() < 1.0
    cuts = np.cumsum([len(p.audio) for p in parts])[:-1]
    loudest = float(np.abs(np.diff(sound.audio)).max())
    for cut in cuts:
        assert np.abs(np.diff(sound.audio[cut - 200 : cut + 200])).max() < 0.1 * loudest
