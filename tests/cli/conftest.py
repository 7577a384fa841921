"""A stand-in for the system, so that the commands are tested without weights."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from empatheia.cli import main, system
from empatheia.data.labels import EMOTIONS32
from empatheia.errors import InputError, unknown
from empatheia.types import (
    AudioEvent,
    Avatar,
    ChainEvent,
    ChainOfEmpathy,
    Dialogue,
    Done,
    Event,
    Frame,
    Profile,
    Reply,
    Safety,
    Speech,
    TextEvent,
    TimedPhoneme,
)

AVATARS = (
    Avatar("mei", Profile("elderly", "female", "mild", "asian"), "Mei"),
    Avatar("tom", Profile("young", "male", "mild", "caucasian"), "Tom"),
)


class FakeSystem:
    """Answers every turn with its number of turns; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Dialogue, Profile | None, str | None, int, bool]] = []
        self.opened: dict[str, object] = {}
        self.more: dict[str, object] = {}
        self.closed = 0
        self.interrupt_at: int | None = None

    def avatars(self) -> tuple[Avatar, ...]:
        return AVATARS

    def avatar(self, name: str) -> Avatar:
        known = {person.id: person for person in AVATARS}
        if name not in known:
            raise InputError(unknown("avatar", name, known))
        return known[name]

    def stream(
        self,
        dialogue: Dialogue,
        *,
        profile: Profile | None = None,
        avatar: str | None = None,
        forced: Mapping[str, str] | None = None,
        seed: int = 0,
        text_only: bool = False,
    ) -> Generator[Event]:
        self.asked.append((dialogue, profile, avatar, seed, text_only))
        fields = {
            "event_scenario": "losing a [thing]",
            "speaker_emotion": "sad",
            "emotion_cause": "it is gone",
            "goal_to_response": "comforting",
            "response_emotion": "sad",
        }
        chain = ChainOfEmpathy(**{**fields, **(forced or {})})
        odds = dict.fromkeys(EMOTIONS32, 1 / 32)
        who = profile or Profile()
        text = f"I am sorry. That was turn {len(dialogue.turns)}."
        speech = Speech(np.zeros(160, np.float32), 16000)
        try:
            yield ChainEvent(chain, odds)
            if self.interrupt_at == len(self.asked):
                raise KeyboardInterrupt
            yield TextEvent(text)
            if not text_only:
                yield AudioEvent(speech, 0.0)
                yield Frame(np.zeros((8, 8, 3), np.uint8), 0.0)
            media = b"" if text_only else b"media"
            yield Done(
                Reply(
                    text=text,
                    emotion=chain.speaker_emotion,
                    emotion_probabilities=odds,
                    chain_of_empathy=chain,
                    intensity=0.7,
                    profile=who,
                    avatar=avatar or "tom",
                    phonemes=() if text_only else (TimedPhoneme("AY1", 0.0, 0.1, 0),),
                    timings={"reason": 0.1, "speak": 0.2},
                    safety=Safety(),
                    versions={"empatheia": "0"},
                    wav=media,
                    mp4=media,
                )
            )
        finally:
            self.closed += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    """Commands open this system instead of a real one."""
    made = FakeSystem()

    def open_system(
        preset: str = "small",
        size: int = 256,
        care: bool = True,
        country: str | None = None,
        **more: object,
    ) -> FakeSystem:
        made.opened = {"preset": preset, "size": size, "care": care, "country": country}
        made.more = more
        return made

    monkeypatch.setattr(system, "open_system", open_system)
    return made


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def empatheia(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run one command line; ``stdin`` is what is piped into it."""

    def call(*words: object, stdin: str | bytes = b"") -> Outcome:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
        code = main.run([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
