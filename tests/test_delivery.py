"""The three systems on one system's parts, media in, and what each modality is said to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from empatheia import model
from empatheia.care.screen import CareRules
from empatheia.data.labels import EMOTIONS8, EMOTIONS32, fold8
from empatheia.delivery import Direct, Manner, Pipeline, deliver
from empatheia.errors import ConfigError, InputError, TooLittleSpeechError
from empatheia.face.avatar.generator import DrawnFace
from empatheia.llm.decoding import Sampling
from empatheia.media import transcribe
from empatheia.media.audio import wav_bytes
from empatheia.model import Empatheia, TextSettings
from empatheia.senses import UNTOLD
from empatheia.speech.sentences import join, speak
from empatheia.speech.world.generator import WorldVoice
from empatheia.tiny import tiny_expression, tiny_reasoner, tiny_senses
from empatheia.types import AudioEvent, Dialogue, Frame, Profile, Speech, TextEvent, Turn

Make = Callable[..., Empatheia]
ASKED = Dialogue("d", (Turn("speaker", "My dog ran away."),))


@pytest.fixture(scope="module")
def make() -> Make:
    voice, face, reasoner = WorldVoice.tiny(), DrawnFace.load(size=128), tiny_reasoner()
    expression = tiny_expression(
        (voice.content_dim, voice.style_dim), (face.content_dim, face.style_dim)
    )
    text = TextSettings(Sampling(candidates=4, max_tokens=8))

    def made(system: str, content: str = "predicted", trained: bool = True) -> Empatheia:
        found = expression if trained else None
        return Empatheia(reasoner, voice, face, CareRules(), text, {}, found, system, content)

    return made


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights write nothing presentable; what is said instead is kept short."""
    monkeypatch.setattr(model, "NOTHING_TO_SAY", "I'm here.")


def test_direct_is_what_speak_says() -> None:
    voice, face = WorldVoice.tiny(), DrawnFace.load(size=128)
    manner = Manner("Hello here. I'm a here, hello!", "sad", 0.7, Profile())
    one = join(list(deliver(voice, manner.text, Direct(voice, face, manner))))
    other = join(list(speak(voice, manner.text, "sad", 0.7, Profile())))
    assert np.array_equal(one.audio, other.audio)
    assert (one.phonemes, one.words) == (other.phonemes, other.words)


class Ear(WorldVoice):
    """Hears no style in less than 0.82 s between the silences, as StyleTTS2's encoder."""

    def encode_style(self, speech: Speech) -> Tensor:
        loud = np.flatnonzero(np.abs(speech.audio) > 1e-3)
        if not len(loud) or loud[-1] - loud[0] < 0.82 * speech.sample_rate:
            raise TooLittleSpeechError("too little")
        return super().encode_style(speech)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.8, 0.0])
def test_the_pipeline_hears_short_replies_too(seconds: float) -> None:
    """Said again until it is long enough; the words speak where nothing is heard."""
    tiny = WorldVoice.tiny()
    tiny.__class__ = Ear
    reader = tiny_reasoner().encoder
    pipeline = Pipeline(tiny, DrawnFace.load(size=128), Manner("Oh.", "sad", 1, Profile()), reader)
    sound = np.zeros(24_000, np.float32)
    sound[8000 : 8000 + round(seconds * 24_000)] = 0.2
    heard = pipeline._heard(Speech(sound[:28_000], 24_000))
    assert heard in EMOTIONS8
    if not seconds:
        assert heard == pipeline._manner.emotion


@pytest.mark.parametrize(
    ("system", "content"),
    [("pipeline", "predicted"), ("empatheia", "predicted"), ("empatheia", "exact")],
)
def test_every_system_answers(make: Make, system: str, content: str) -> None:
    reply = make(system, content).reply(ASKED, seed=3)
    assert reply.wav[:4] == b"RIFF"
    assert len(reply.mp4) > 1000
    assert reply.versions["system"] == system
    assert (reply.chain_of_empathy is None) == (system == "pipeline")
    assert reply.perceived is not None
    assert (reply.perceived["fused"] is None) == (system == "pipeline")


def spoken(system: Empatheia) -> tuple[str, Speech]:
    """Words and sound of a reply; the face is not drawn."""
    words, parts = "", []
    events = system.stream(ASKED, seed=3)
    for event in events:
        if isinstance(event, TextEvent):
            words += event.text
        elif isinstance(event, AudioEvent):
            parts.append(event.speech)
        elif isinstance(event, Frame):
            break
    events.close()
    return words, join(parts)


def test_systems_differ_in_sound_and_not_in_words(make: Make) -> None:
    direct, predicted = (spoken(make(system)) for system in ("direct", "empatheia"))
    assert direct[0] == predicted[0]
    assert not np.array_equal(direct[1].audio, predicted[1].audio)


def test_a_crisis_is_answered_by_fixed_words_in_every_system(make: Make) -> None:
    asked = Dialogue("d", (Turn("speaker", "I want to kill myself tonight."),))
    for system in ("pipeline", "empatheia"):
        reply = make(system).reply(asked, text_only=True)
        assert reply.safety.level == "crisis"
        assert reply.perceived is None


def test_untrained_systems_are_not_offered(make: Make) -> None:
    assert make("direct", trained=False).systems == ("direct", "pipeline")
    with pytest.raises(ConfigError, match="needs trained"):
        make("empatheia", trained=False)
    with pytest.raises(ConfigError, match="predicted"):
        make("direct", "invented")


def test_the_eight_keys_keep_the_whole_probability() -> None:
    even = dict.fromkeys(EMOTIONS32, 1 / 32)
    folded = fold8(even)
    assert tuple(folded) == EMOTIONS8
    assert sum(folded.values()) == pytest.approx(1)
    assert folded["contempt"] == pytest.approx(1 / 32)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(0, 0.1, 12_000).astype(np.float32)
    path = tmp_path / "told.wav"
    path.write_bytes(wav_bytes(Speech(noise, 16_000)))
    return path


def test_what_is_heard_is_told(make: Make, sound: Path) -> None:
    system = make("direct")
    asked = Dialogue("d", (Turn("speaker", "My dog ran away.", audio=sound),))
    deaf = system.reply(asked, text_only=True)
    assert deaf.perceived is not None
    assert deaf.perceived["speech"] is None
    assert "no trained ear" in deaf.extra["notes"][0]
    system.reasoner.senses = tiny_senses()
    try:
        heard = system.reply(asked, text_only=True)
    finally:
        system.reasoner.senses = None
    assert heard.perceived is not None
    assert heard.perceived["video"] is None
    for name in ("text", "speech", "fused"):
        assert sum(heard.perceived[name].values()) == pytest.approx(1, abs=1e-4)
    assert not heard.extra


def test_untrained_heads_are_told_as_nothing(make: Make, sound: Path) -> None:
    system = make("direct")
    asked = Dialogue("d", (Turn("speaker", "My dog ran away.", audio=sound),))
    system.reasoner.senses = senses = tiny_senses()
    senses.config = replace(senses.config, told=False)
    try:
        reply = system.reply(asked, text_only=True)
        reading = senses.perceive(asked.turns[0])
    finally:
        system.reasoner.senses = None
    assert reply.perceived is not None
    assert reply.perceived["speech"] is None
    assert reply.perceived["fused"] is not None
    assert reply.extra["notes"] == [UNTOLD]
    even = torch.full((1, len(EMOTIONS32)), 1 / len(EMOTIONS32)).log()
    assert torch.allclose(senses.together(even, [reading]), even)


def test_words_come_from_a_recogniser_and_are_screened(
    make: Make, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = transcribe.Transcript("i want to kill myself tonight", "test", "may be wrong")
    monkeypatch.setattr(transcribe, "transcribe", lambda path: words)
    asked = Dialogue("d", (Turn("speaker", "", audio=sound),))
    reply = make("direct").reply(asked, text_only=True)
    assert reply.safety.level == "crisis"
    assert "may be wrong" in reply.extra["notes"]
    assert "told.wav is heard as: i want" in reply.extra["notes"][0]
    told, notes = transcribe.with_words(Dialogue("d", (Turn("speaker", "Hello.", audio=sound),)))
    assert told.turns[0].text == "Hello."
    assert not notes


def test_noise_has_no_words(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribe, "_by_whisper", lambda speech: None)
    monkeypatch.setattr(transcribe, "_by_sphinx", lambda speech: transcribe.Transcript("", "x"))
    with pytest.raises(InputError, match="no words were understood"):
        transcribe.transcribe(sound)
