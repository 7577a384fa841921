"""New dialogues for kinds of speakers, topics and emotions that a set hardly has.

A cell is the speaker's age x gender x tone, the topic and the emotion. The emptiest cells are asked
for first. A new dialogue is kept where it is no near-duplicate and where a second reading, which is
not told what was asked for, finds the same speaker in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from empatheia.data.builder.annotate import in_order
from empatheia.data.builder.annotate import messages as _messages
from empatheia.data.builder.annotate import transcript as _transcript
from empatheia.data.builder.cache import AnswerCache, Asks, Question
from empatheia.data.builder.endpoint import AnswerError
from empatheia.data.builder.near import Told
from empatheia.data.feelings import label_speaker
from empatheia.data.labels import AGES, AVAMERG_32_TO_7, EMOTIONS32, GENDERS, TONES
from empatheia.data.plan import race_of
from empatheia.data.schema import Schema, closed, one_of
from empatheia.errors import InputError
from empatheia.types import Dialogue, Profile, Turn

WRITE_VERSION: Final = "dialogue-1"
READ_VERSION: Final = "reading-1"
_SAID: Final[Schema] = {"type": "string", "minLength": 2, "maxLength": 400}

_WRITE_PROMPT = """You write conversations for a data set of empathetic dialogues. A speaker tells
what happened to them; a listener answers with empathy, never with a lecture. Both sound like people
who talk, at the age they are. The speaker begins, they take turns; {turns} utterances of about
fifteen words. Do not name the emotion in the first utterance. situation: what happened, in one
sentence of the speaker. subtopic: in two or three words."""
_READ_PROMPT = """Read a conversation and say who the speaker seems to be, by what is told and how.
age: {ages}, or open where the words leave it open. gender: {genders}, or open. emotion: what the
speaker feels. sound: whether it is a believable, empathetic conversation; why: in a few words."""

Cell = tuple[str, str, str, str, str]  # age, gender, tone, topic, emotion


@dataclass(frozen=True, slots=True)
class Order:
    """One dialogue to write: for which cell, the how manieth."""

    cell: Cell
    number: int


@dataclass(frozen=True, slots=True)
class Made:
    """A dialogue that is kept, or the reason why it is not."""

    order: Order
    dialogue: Dialogue | None
    reason: str = ""


def cells(dialogues: Iterable[Dialogue]) -> Counter[Cell]:
    """How many dialogues each cell has; those without profile, topic or emotion do not count."""
    counts: Counter[Cell] = Counter()
    for d in dialogues:
        if d.speaker is not None and d.topic and d.emotion:
            who = d.speaker
            counts[(who.age, who.gender, who.tone, d.topic, d.emotion)] += 1
    return counts


def orders(counts: Counter[Cell], each: int, most: int, topics: Sequence[str] = ()) -> list[Order]:
    """What to write so that every cell has ``each``: the emptiest first, ``most`` in all.

    The first round walks through the cells so that ages, genders, tones, topics and emotions come
    evenly. Raises InputError where no topic is known.
    """
    names = list(topics) or sorted({cell[3] for cell in counts})
    if not names:
        raise InputError("no topic is known: annotate the set first, or give --topic.")
    everything = list(product(AGES, GENDERS, TONES, names, EMOTIONS32))
    rare = _rarity(counts)
    found = []
    for level in range(each):
        empty = [cell for cell in everything if counts[cell] <= level]
        spread = {cell: place * 7919 % len(everything) for place, cell in enumerate(everything)}
        empty.sort(key=lambda cell: (counts[cell], rare(cell), spread[cell]))
        found += [Order(cell, level) for cell in empty]
        if len(found) >= most:
            break
    return found[:most]


def _rarity(counts: Counter[Cell]) -> Callable[[Cell], int]:
    """How common a cell's age and gender are: children and the old come first where they lack."""
    people: Counter[tuple[str, str]] = Counter()
    for cell, count in counts.items():
        people[cell[:2]] += count
    return lambda cell: people[cell[0], cell[1]]


def write_question(order: Order, turns: int = 4) -> Question:
    age, gender, tone, topic, emotion = order.cell
    schema = closed(
        {
            "situation": _SAID,
            "subtopic": {"type": "string", "minLength": 2, "maxLength": 60},
            "utterances": {"type": "array", "items": _SAID, "minItems": turns, "maxItems": turns},
        },
        ("situation", "subtopic", "utterances"),
    )
    facts = (
        f"The speaker: {age}, {gender}, speaks in a {tone} tone, feels {emotion}. "
        f"The topic: {topic}. This is variant {order.number + 1}."
    )
    prompt = _WRITE_PROMPT.format(turns=turns)
    return Question(_messages(prompt, facts, schema), schema, WRITE_VERSION)


def read_question(dialogue: Dialogue) -> Question:
    schema = closed(
        {
            "age": one_of((*AGES, "open")),
            "gender": one_of((*GENDERS, "open")),
            "emotion": one_of(EMOTIONS32),
            "sound": {"type": "boolean"},
            "why": {"type": "string", "maxLength": 300},
        },
        ("age", "gender", "emotion", "sound", "why"),
    )
    prompt = _READ_PROMPT.format(ages=", ".join(AGES), genders=", ".join(GENDERS))
    return Question(_messages(prompt, _transcript(dialogue.turns), schema), schema, READ_VERSION)


def off_profile(order: Order, told: dict[str, Any]) -> str:
    """Why a reading contradicts the order; '' where it does not."""
    age, gender, _, _, emotion = order.cell
    if not told["sound"]:
        return f"not believable: {told['why']}"
    if told["age"] not in (age, "open"):
        return f"off profile: age {age} was asked for, {told['age']} was read"
    if told["gender"] not in (gender, "open"):
        return f"off profile: gender {gender} was asked for, {told['gender']} was read"
    asked, read = AVAMERG_32_TO_7[emotion], AVAMERG_32_TO_7[told["emotion"]]
    if asked != read:
        return (
            f"off emotion: {emotion} ({asked}) was asked for, {told['emotion']} ({read}) was read"
        )
    return ""


def make(
    wanted: Sequence[Order],
    existing: Iterable[Dialogue],
    cache: AnswerCache,
    endpoint: Asks,
    concurrency: int,
) -> Iterator[Made]:
    """Dialogues in the order of ``wanted``. Raises EndpointError; answers so far are kept."""
    told = Told()
    for dialogue in existing:
        told.add(dialogue)

    def one(order: Order) -> tuple[Order, Dialogue | None, str]:
        try:
            dialogue = _dialogue(order, cache.answer(write_question(order), endpoint), cache.model)
            reading = cache.answer(read_question(dialogue), endpoint)
        except AnswerError as error:
            return order, None, str(error)
        return order, dialogue, off_profile(order, reading)

    for order, new, reason in in_order(one, wanted, concurrency):
        near = told.like(new) if new is not None and not reason else None
        if near:
            reason = f"near duplicate of {near[0]}: {100 * near[1]:.0f} % in common"
        if new is not None and not reason:
            told.add(new)
        yield Made(order, None if reason else new, reason)


def _dialogue(order: Order, told: dict[str, Any], model: str) -> Dialogue:
    age, gender, tone, topic, emotion = order.cell
    name = "-".join((*order.cell, str(order.number))).replace(" ", "_").lower()
    turns = tuple(
        Turn("listener" if i % 2 else "speaker", " ".join(text.split()))
        for i, text in enumerate(told["utterances"])
    )
    source = f"{model}@{WRITE_VERSION}"
    return label_speaker(
        Dialogue(
            id=f"new-{name}",
            turns=turns,
            emotion=emotion,
            situation=" ".join(told["situation"].split()),
            topic=topic,
            subtopic=told["subtopic"],
            speaker=Profile(age, gender, tone, race_of(name)),
            source="balance",
            drawn=("speaker.race",),
            label_sources=(("turns", source),),
        )
    )
