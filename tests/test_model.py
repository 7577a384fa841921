"""One turn through the real parts on tiny weights: events in order, one person, care first."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from empatheia.care.screen import CareRules
from empatheia.data.labels import EMOTIONS32
from empatheia.errors import InputError
from empatheia.face.avatar.generator import DrawnFace
from empatheia.llm.decoding import Sampling
from empatheia.model import Empatheia, TextSettings
from empatheia.speech.world.generator import WorldVoice
from empatheia.tiny import tiny_reasoner
from empatheia.types import (
    AudioEvent,
    ChainEvent,
    Dialogue,
    Done,
    Frame,
    Profile,
    TextEvent,
    Turn,
)

SAMPLING = Sampling(candidates=4, max_tokens=8)
ORDER = [ChainEvent, TextEvent, AudioEvent, Frame, Done]


@pytest.fixture(scope="module")
def system() -> Empatheia:
    return Empatheia(
        tiny_reasoner(),
        WorldVoice.tiny(),
        DrawnFace.load(),
        CareRules(),
        TextSettings(SAMPLING),
        {"empatheia": "test"},
    )


def said(text: str, *more: str) -> Dialogue:
    turns = [Turn("speaker", text)]
    for i, other in enumerate(more):
        turns.append(Turn(("listener", "speaker")[i % 2], other))  # type: ignore[arg-type]
    return Dialogue("d", tuple(turns))


def test_events_come_in_order_and_the_files_agree(system: Empatheia) -> None:
    import av

    events = list(system.stream(said("My dog ran away and I miss him.")))
    kinds = [ORDER.index(type(event)) for event in events]
    assert kinds == sorted(kinds)
    assert set(kinds) == set(range(5))
    reply = events[-1].reply  # type: ignore[union-attr]
    assert "".join(e.text for e in events if isinstance(e, TextEvent)) == reply.text
    audio = [e for e in events if isinstance(e, AudioEvent)]
    seconds = audio[-1].start + audio[-1].speech.seconds
    frames = sum(isinstance(e, Frame) for e in events)
    assert abs(frames / system.face.fps - seconds) <= 1 / system.face.fps
    with av.open(io.BytesIO(reply.mp4)) as file:
        assert "synthetic" in file.metadata["comment"]
        assert {s.codec_context.name for s in file.streams} >= {"h264", "aac"}
    assert reply.wav[:4] == b"RIFF"
    assert sum(reply.emotion_probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert set(reply.emotion_probabilities) == set(EMOTIONS32)
    assert reply.emotion == reply.chain_of_empathy.speaker_emotion
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(reply.phonemes))


def test_the_same_seed_gives_the_same_reply(system: Empatheia) -> None:
    asked = said("We won the game today!")
    first, again = (system.reply(asked, seed=4, text_only=True) for _ in range(2))
    assert first.text == again.text


def test_closing_stops_the_work(system: Empatheia) -> None:
    events = system.stream(said("My dog ran away."))
    for event in events:
        if isinstance(event, Frame):
            break
    events.close()
    with pytest.raises(StopIteration):
        next(events)


def test_a_crisis_is_answered_before_anything_is_generated(system: Empatheia) -> None:
    reply = system.reply(said("I want to kill myself tonight."), text_only=True)
    assert reply.safety.level == "crisis"
    assert reply.safety.resources
    assert reply.chain_of_empathy is None
    assert reply.emotion is None
    assert "reason" not in reply.timings


def test_a_crisis_earlier_in_the_dialogue_still_counts(system: Empatheia) -> None:
    asked = said("I want to kill myself tonight.", "I am here.", "Never mind, how are you?")
    assert system.reply(asked, text_only=True).safety.level == "crisis"


def test_no_screen_is_said_so() -> None:
    system = Empatheia(
        tiny_reasoner(), WorldVoice.tiny(), DrawnFace.load(), None, TextSettings(SAMPLING), {}
    )
    reply = system.reply(said("Hello there."), text_only=True)
    assert reply.safety.action == "screen_off"


def test_the_chain_can_be_corrected(system: Empatheia) -> None:
    reply = system.reply(said("It rained."), forced={"speaker_emotion": "proud"}, text_only=True)
    assert reply.emotion == "proud"


def test_person_profile_and_avatar(system: Empatheia) -> None:
    wanted = Profile("elderly", "male", "gentle", "asian")
    reply = system.reply(said("Hello there."), profile=wanted, text_only=True)
    person = next(a for a in (system.face.avatar_for(wanted),) if a.id == reply.avatar)
    assert (person.profile.age, person.profile.gender) == ("elderly", "male")
    assert reply.profile == wanted
    with pytest.raises(InputError, match="contradicts"):
        system.reply(
            said("Hi you."), profile=Profile(age="child"), avatar=reply.avatar, text_only=True
        )
    with pytest.raises(InputError, match="unknown avatar"):
        system.reply(said("Hi you."), avatar="nobody", text_only=True)


def test_the_last_turn_must_be_the_speakers(system: Empatheia) -> None:
    with pytest.raises(InputError, match="last turn"):
        system.reply(said("Hello.", "Hi."), text_only=True)
    with pytest.raises(InputError, match="last turn"):
        system.reply(Dialogue("d", ()), text_only=True)
