"""Does the system perceive? Neutral words, and a voice and a face that say how somebody feels.

Everything goes through files, as a user's recordings do: voices and faces that nothing was learned
from are rendered, encoded, read back and perceived. What is asked is the language model's own slot,
folded to the eight keys; beside it stand the heads of ear and eye, and the text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from empatheia.data.actors import actor_clips
from empatheia.data.builder.studio import Studio, Take
from empatheia.data.held_out import FAINTEST, TEST_ACTORS, VOICES
from empatheia.data.labels import EMOTIONS8, RACES, fold8
from empatheia.errors import InputError
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.reasoner import Reasoner, Request
from empatheia.senses import Reading, keys_of
from empatheia.types import Profile, Turn

STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
FELT = tuple(key for key in EMOTIONS8 if key != "neutral")  # none of the 32 labels is neutral
OPPOSITE = {"happy": "sad", "sad": "happy", "angry": "happy", "fear": "happy", "disgusted": "happy",
            "surprised": "sad", "contempt": "happy"}  # fmt: skip
BATCH = 16
AFTER = {"emotion_cause": "", "goal_to_response": "", "response_emotion": "neutral"}  # unread
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Told:
    """One recording of neutral words: the key that voice and face show, and what was perceived."""

    turn: Turn
    key: str
    reading: Reading


def record(
    studio: Studio, texts: Sequence[str], folder: Path, count: int, note: Note
) -> list[tuple[Turn, str]]:
    """``count`` clips of every key in turn by voices and people that nothing was learned from."""
    rng = np.random.default_rng(7)
    out = []
    for number in range(count):
        age, gender, tone = VOICES[number % len(VOICES)]
        who = Profile(age, gender, tone, RACES[number // len(VOICES) % len(RACES)])
        key, text = FELT[number % len(FELT)], texts[number % len(texts)]
        take = Take(text, key, float(rng.uniform(FAINTEST, 1)), who, 0, 9000 + number)
        clip = studio.film(take)
        path = folder / f"{number:04d}"
        path.with_suffix(".wav").write_bytes(clip.wav)
        path.with_suffix(".mp4").write_bytes(clip.mp4)
        out.append((Turn("speaker", text, path.with_suffix(".wav"), path.with_suffix(".mp4")), key))
        if number % 20 == 19:
            note(f"{number + 1} of {count} recordings made")
    return out


def perceived(reasoner: Reasoner, recordings: Sequence[tuple[Turn, str]]) -> list[Told]:
    """Read the files. Raises MediaError."""
    assert reasoner.senses is not None
    return [Told(turn, key, reasoner.senses.perceive(turn)) for turn, key in recordings]


def acted(ravdess: Path) -> list[tuple[Turn, str]]:
    """RAVDESS clips of actors 17-20 that are not neutral, with the words that they say."""
    return [
        (Turn("speaker", STATEMENTS[clip.statement], clip.path), clip.emotion)
        for clip in actor_clips(ravdess)
        if clip.actor in TEST_ACTORS and clip.emotion in FELT
    ]


def slots(
    reasoner: Reasoner, told: Sequence[Told], speech: bool = True, video: bool = True
) -> list[Mapping[str, float]]:
    """The language model's slot over the eight keys, with only the modalities that are asked."""
    out: list[Mapping[str, float]] = []
    for start in range(0, len(told), BATCH):
        part = told[start : start + BATCH]
        requests = [
            Request((replace(t.turn, audio=None, video=None),), Profile(), AFTER) for t in part
        ]
        readings = [
            [Reading(t.reading.speech if speech else None, t.reading.video if video else None)]
            for t in part
        ]
        thinking = reasoner.think(requests, readings)
        out += [fold8(thought.emotions) for thought in thinking.thoughts]
    return out


def _named(found: Sequence[Mapping[str, float] | None], told: Sequence[Told]) -> Figure:
    """Share whose likeliest key is the one shown."""
    hits = [
        100.0 * (max(row, key=row.__getitem__) == t.key)
        for row, t in zip(found, told, strict=True)
        if row is not None
    ]
    return Figure.of(item_score(hits)) if hits else Figure.missing("such recordings")


def _heads(told: Sequence[Told]) -> tuple[Figure, Figure]:
    return (
        _named([keys_of(t.reading.speech) for t in told], told),
        _named([keys_of(t.reading.video) for t in told], told),
    )


METRIC = Metric(
    "senses", "", "up", 1, note="share whose likeliest of the eight keys is the one shown"
)


def table(reasoner: Reasoner, sets: Mapping[str, Sequence[Told]], note: Note) -> Table:
    """A row a reader, a column a set of recordings. Raises InputError without senses."""
    if reasoner.senses is None:
        raise InputError("these weights have no senses: train them (empatheia train senses)")
    columns: dict[str, dict[str, Figure]] = {}
    for name, told in sets.items():
        ear, eye = _heads(told)
        filmed = any(t.reading.video for t in told)
        face = slots(reasoner, told, speech=False) if filmed else []
        columns[name] = {
            "slot, voice and face": _named(slots(reasoner, told), told),
            "slot, voice alone": _named(slots(reasoner, told, video=False), told),
            "slot, face alone": _named(face, told) if filmed else Figure.missing("pictures"),
            "slot, text alone": _named(slots(reasoner, told, False, False), told),
            "ear's own head": ear,
            "eye's own head": eye,
        }
        note(f"{name}: done")
    metrics = tuple(replace(METRIC, id=name, title=name) for name in columns)
    readers = next(iter(columns.values()))
    rows = tuple(
        Row(reader, {name: column[reader] for name, column in columns.items()})
        for reader in readers
    )
    return Table("senses", "Emotion of the speaker where the words are neutral, %", metrics, rows)


@dataclass(frozen=True, slots=True)
class Pair:
    """What one text led to with two opposite recordings."""

    chains: tuple[str, str]  # speaker_emotion
    feelings: tuple[str, str]  # response_emotion
    goals: tuple[str, str]
    replies: tuple[str, str]


def pairs(reasoner: Reasoner, told: Sequence[Told], count: int) -> list[Pair]:
    """``count`` texts, each with a recording of one key and one of its opposite."""
    by_key: dict[str, list[Told]] = {}
    for one in told:
        by_key.setdefault(one.key, []).append(one)
    out = []
    for number in range(count):
        first = told[number % len(told)]
        other = by_key[OPPOSITE[first.key]][number % len(by_key[OPPOSITE[first.key]])]
        turn = replace(first.turn, audio=None, video=None)
        requests = [Request((turn,), Profile(), seed=number) for _ in range(2)]
        thinking = reasoner.think(requests, [[first.reading], [other.reading]])
        written = reasoner.write(thinking, Sampling(candidates=4), Ranking())
        chains = [thought.chain for thought in thinking.thoughts]
        texts = [choices[0].text if choices else "" for choices in written]
        out.append(
            Pair(
                (chains[0].speaker_emotion, chains[1].speaker_emotion),
                (chains[0].response_emotion, chains[1].response_emotion),
                (chains[0].goal_to_response, chains[1].goal_to_response),
                (texts[0], texts[1]),
            )
        )
    return out


def pairs_table(found: Sequence[Pair]) -> Table:
    """Share of pairs whose chain, goal, response feeling and reply differ."""
    parts = {
        "speaker_emotion": [p.chains for p in found],
        "goal_to_response": [p.goals for p in found],
        "response_emotion": [p.feelings for p in found],
        "reply": [p.replies for p in found],
    }
    metrics = tuple(Metric(name, f"{name} differs", "up", 1) for name in parts)
    figures = {
        name: Figure.of(item_score([100.0 * (a != b) for a, b in rows]))
        for name, rows in parts.items()
    }
    return Table("pairs", "One text with opposite voice and face, %", metrics, (Row("", figures),))
