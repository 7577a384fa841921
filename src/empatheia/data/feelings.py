"""Emotions of turns: the speaker's from the dialogue's label, the listener's from what they say.

The dialogue's label is the speaker's feeling. Whoever listens to something furious is not furious,
so listener turns are read by a classifier that was trained on labelled single utterances: one of
the eight keys, and the fine label that fits best under it, where there is one (none of the 32 is
neutral).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, Feeling
from empatheia.types import Dialogue, Turn

FROM_DIALOGUE = "dialogue"
SPREAD = "spread"  # drawn by lot
STRENGTHS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # a reply's plan has none below 0.4
CHUNK = 512  # utterances that are read at once


@dataclass(frozen=True, slots=True)
class UtteranceReader:
    """Names the feeling of each text; ``source`` is written beside its answers."""

    read: Callable[[Sequence[str]], Sequence[Feeling]]
    source: str


def label_speaker(dialogue: Dialogue) -> Dialogue:
    """Every speaker's turn without an emotion takes the dialogue's, and the map's coarse key.

    A turn of anybody whose fine emotion is known gets its coarse key by the same map.
    """
    emotion = dialogue.emotion
    coarse = tuple(
        replace(turn, emotion8=AVAMERG_32_TO_7.get(turn.emotion))
        if turn.emotion is not None and turn.emotion8 is None
        else turn
        for turn in dialogue.turns
    )
    dialogue = replace(dialogue, turns=coarse)
    if emotion is None:
        return dialogue
    key = AVAMERG_32_TO_7.get(emotion)
    turns = tuple(
        replace(turn, emotion=emotion, emotion8=key, emotion_source=FROM_DIALOGUE)
        if turn.role == "speaker" and turn.emotion is None and turn.emotion8 is None
        else turn
        for turn in dialogue.turns
    )
    return replace(dialogue, turns=turns)


def label_listeners(
    dialogues: Iterable[Dialogue], reader: UtteranceReader, chunk: int = CHUNK
) -> Iterator[Dialogue]:
    """Listener turns without an emotion get the reader's, in chunks of whole dialogues."""
    waiting: list[Dialogue] = []
    texts = 0
    for dialogue in dialogues:
        waiting.append(dialogue)
        texts += sum(_unread(turn) for turn in dialogue.turns)
        if texts >= chunk:
            yield from _read(waiting, reader)
            waiting, texts = [], 0
    yield from _read(waiting, reader)


def _unread(turn: Turn) -> bool:
    return turn.role == "listener" and turn.emotion8 is None and bool(turn.text)


def _read(dialogues: Sequence[Dialogue], reader: UtteranceReader) -> Iterator[Dialogue]:
    texts = [turn.text for d in dialogues for turn in d.turns if _unread(turn)]
    answers = iter(reader.read(texts) if texts else ())
    for dialogue in dialogues:
        turns = []
        for turn in dialogue.turns:
            if _unread(turn):
                told = next(answers)
                turn = replace(
                    turn,
                    emotion=told.emotion,
                    emotion8=told.emotion8,
                    emotion_source=reader.source,
                )
            if turn.chain is not None and not turn.chain.response_emotion and turn.emotion8:
                turn = replace(turn, chain=replace(turn.chain, response_emotion=turn.emotion8))
            turns.append(turn)
        yield replace(dialogue, turns=tuple(turns))


def spread(dialogues: Iterable[Dialogue], share: float, seed: int = 0) -> Iterator[Dialogue]:
    """That share of the listeners' turns gets one of the eight keys by lot, whatever it says.

    People who listen are mostly neutral or glad; who is to learn all eight must see them all. How
    strongly it is shown is drawn too, and stands in the turn.
    """
    for dialogue in dialogues:
        lots = random.Random(f"{seed}:{dialogue.id}")
        strengths = random.Random(f"{seed}:{dialogue.id}:intensity")
        turns = []
        for turn in dialogue.turns:
            drawn, key = lots.random() < share, lots.choice(EMOTIONS8)
            strength = strengths.choice(STRENGTHS)
            if turn.role == "listener" and drawn:
                turn = replace(turn, emotion=None, emotion8=key, emotion_source=SPREAD)
                turn = replace(turn, intensity=strength)
                if turn.chain is not None:
                    turn = replace(turn, chain=replace(turn.chain, response_emotion=key))
            turns.append(turn)
        yield replace(dialogue, turns=tuple(turns))
