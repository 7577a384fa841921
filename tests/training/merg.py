"""Two rendered dialogues on tiny weights, made once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from empatheia.data.builder.render import render_dialogue
from empatheia.data.builder.studio import Studio
from empatheia.expression import Expression
from empatheia.face.avatar.generator import DrawnFace
from empatheia.reasoner import Reasoner
from empatheia.speech.sentences import join, speak
from empatheia.speech.world.generator import WorldVoice
from empatheia.tiny import tiny_expression, tiny_reasoner, tiny_senses
from empatheia.training.merg_data import Teachers, merg_examples
from empatheia.training.merg_stage import MergNet, MergRow, row_of
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Speech, Turn

CHAIN = ChainOfEmpathy("a loss", "sad", "the dog is gone", "comfort", "sad")


@cache
def generators() -> tuple[WorldVoice, DrawnFace]:
    return WorldVoice.tiny(), DrawnFace.load(size=128)


def say(text: str, emotion: str, intensity: float, profile: Profile) -> Speech:
    return join(list(speak(generators()[0], text, emotion, intensity, profile)))


def dialogues(folder: Path) -> list[Dialogue]:
    """One with an annotated chain, one of labels only; the replies have one and two sentences."""
    people = {"speaker_id": "1", "listener_id": "2"}
    who = Profile("elderly", "male", "gentle", "asian")
    first = Dialogue(
        "00001",
        (
            Turn("speaker", "My dog died.", emotion="sad", emotion8="sad"),
            Turn("listener", "I'm here.", emotion8="sad", chain=CHAIN),
        ),
        emotion="sad", speaker=Profile(), listener=who, split="train", **people,
    )  # fmt: skip
    second = Dialogue(
        "00002",
        (
            Turn("speaker", "We won!", emotion="proud", emotion8="happy"),
            Turn("listener", "Hello. Well done, all!", emotion8="happy"),
        ),
        emotion="proud", speaker=Profile(), listener=Profile(), split="valid", **people,
    )  # fmt: skip
    studio = Studio(say, generators()[1], "tiny")
    return [render_dialogue(studio, d, folder).dialogue for d in (first, second)]


def rows(reasoner: Reasoner, folder: Path) -> list[MergRow]:
    voice, face = generators()
    teachers = Teachers(voice, face, "tiny", folder / "teachers")
    found = merg_examples(dialogues(folder))
    seen = [reasoner.senses.readings(e.turns) if reasoner.senses else [] for e in found]
    return [
        row_of(reasoner, e, teachers.teach(e), face.fps, readings)
        for e, readings in zip(found, seen, strict=True)
    ]


def net(senses: bool = False, synchronizer: bool = True, disentangler: bool = True) -> MergNet:
    reasoner = tiny_reasoner()
    if senses:
        reasoner.senses = tiny_senses()
    return MergNet(reasoner, expression(synchronizer, disentangler))


def expression(synchronizer: bool = True, disentangler: bool = True) -> Expression:
    voice, face = generators()
    return tiny_expression(
        (voice.content_dim, voice.style_dim),
        (face.content_dim, face.style_dim),
        synchronizer,
        disentangler,
    )
