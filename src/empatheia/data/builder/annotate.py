"""Labels by a language model: who they are, what it is about, what each feels, the chain.

Two questions a dialogue and one a listener's turn, each with a versioned prompt and a schema that
the answer must fit. What the data tells already is kept, and given to the model as a fact.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from empatheia.data.builder.cache import AnswerCache, Asks, Question
from empatheia.data.builder.endpoint import AnswerError, EndpointError
from empatheia.data.feelings import label_speaker
from empatheia.data.labels import AGES, EMOTIONS32, GENDERS, TONES, Feeling
from empatheia.data.plan import race_of
from empatheia.data.rules import Fault
from empatheia.data.schema import Schema, chain_schema, closed, one_of
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Turn

A = TypeVar("A")
B = TypeVar("B")
LABELS_VERSION: Final = "labels-2"
CHAIN_VERSION: Final = "chain-1"
DEAD: Final = 8  # dialogues in a row without an answer: the endpoint is gone
_PHRASE: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 200}

_LABELS_PROMPT = """You annotate a conversation for a data set of empathetic dialogues.
A speaker tells something, a listener answers. Judge only by the words; where they leave it open,
choose what is most likely. Give for both people age ({ages}) and gender ({genders}); the main topic
in one to three words, as in Life Events, and a subtopic; the speaker's emotion in the whole
conversation; and for every utterance, in order, the vocal tone it is best said in ({tones}) and
the emotion that its own words carry, or neutral. Who comforts a furious person is not angry."""
_CHAIN_PROMPT = """You explain a listener's reply in an empathetic conversation, step by step.
event_scenario: what happened, in at most eight words. speaker_emotion: what the speaker feels.
emotion_cause: why, in one short sentence. goal_to_response: what the reply wants to do for the
speaker, in one short sentence. response_emotion: what the reply itself should sound like."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """One dialogue with its labels, or as it was with the fault that prevented them."""

    dialogue: Dialogue
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Before anything is asked: how much there is to ask."""

    questions: int
    cached: int
    tokens_in: int
    tokens_out: int

    def cost(self, price_in: float, price_out: float) -> float:
        """Prices are for a million tokens."""
        return (self.tokens_in * price_in + self.tokens_out * price_out) / 1e6

    def seconds(self, concurrency: int, per_minute: float, each: float = 3.0) -> float:
        """``each``: seconds that an answer takes."""
        pace = each / concurrency
        return self.questions * max(pace, 60 / per_minute if per_minute else 0.0)


def transcript(turns: Sequence[Turn]) -> str:
    return "\n".join(f"{i}. {turn.role}: {turn.text}" for i, turn in enumerate(turns))


def messages(prompt: str, facts: str, schema: Schema) -> tuple[dict[str, str], ...]:
    form = f"Answer with one JSON object that fits this schema:\n{json.dumps(schema)}"
    return (
        {"role": "system", "content": f"{prompt}\n\n{form}"},
        {"role": "user", "content": facts},
    )


def labels_question(dialogue: Dialogue) -> Question:
    """Profiles, topic, emotion, and tone and feeling of every utterance."""
    person = closed({"age": one_of(AGES), "gender": one_of(GENDERS)}, ("age", "gender"))
    felt = one_of((*EMOTIONS32, "neutral"))
    said = closed({"tone": one_of(TONES), "emotion": felt}, ("tone", "emotion"))
    count = len(dialogue.turns)
    rows = {"type": "array", "items": said, "minItems": count, "maxItems": count}
    schema = closed(
        {
            "speaker": person,
            "listener": person,
            "topic": {"type": "string", "minLength": 1, "maxLength": 40},
            "subtopic": {"type": "string", "minLength": 1, "maxLength": 60},
            "speaker_emotion": one_of(EMOTIONS32),
            "utterances": rows,
        },
        ("speaker", "listener", "topic", "subtopic", "speaker_emotion", "utterances"),
    )
    prompt = _LABELS_PROMPT.format(
        ages=", ".join(AGES),
        genders=", ".join(GENDERS),
        tones=", ".join(TONES),
    )
    known = f"Known: the speaker feels {dialogue.emotion}.\n" if dialogue.emotion else ""
    facts = known + transcript(dialogue.turns)
    return Question(messages(prompt, facts, schema), schema, LABELS_VERSION)


def chain_question(dialogue: Dialogue, place: int) -> Question:
    """The chain of empathy behind the listener's turn ``place``."""
    schema: Schema = json.loads(json.dumps(chain_schema()))
    schema["required"] = list(schema["properties"])
    for name in ("event_scenario", "emotion_cause", "goal_to_response"):
        schema["properties"][name] = _PHRASE
    known = f"Known: the speaker feels {dialogue.emotion}.\n" if dialogue.emotion else ""
    history = transcript(dialogue.turns[:place])
    facts = f"{known}{history}\nThe reply: {dialogue.turns[place].text}"
    return Question(messages(_CHAIN_PROMPT, facts, schema), schema, CHAIN_VERSION)


def _chain_places(dialogue: Dialogue) -> list[int]:
    return [
        place
        for place, turn in enumerate(dialogue.turns)
        if turn.role == "listener" and place and turn.chain is None
    ]


def estimate(dialogues: Iterable[Dialogue], cache: AnswerCache) -> Estimate:
    """Tokens are guessed as a quarter of the characters; the speaker's emotion may still change."""
    questions = cached = tokens_in = tokens_out = 0
    for dialogue in dialogues:
        if not dialogue.turns:
            continue
        asked = [(labels_question(dialogue), 60 + 16 * len(dialogue.turns))]
        asked += [(chain_question(dialogue, place), 90) for place in _chain_places(dialogue)]
        for question, answer in asked:
            if cache.has(question):
                cached += 1
                continue
            questions += 1
            tokens_in += sum(len(m["content"]) for m in question.messages) // 4
            tokens_out += answer
    return Estimate(questions, cached, tokens_in, tokens_out)


def annotate_one(dialogue: Dialogue, cache: AnswerCache, endpoint: Asks) -> Dialogue:
    """``dialogue`` with all labels. Raises AnswerError, EndpointError."""
    if not dialogue.turns:
        return dialogue
    labels = cache.answer(labels_question(dialogue), endpoint)
    source = f"{cache.model}@{LABELS_VERSION}"
    labelled = _with_labels(dialogue, labels, source)
    turns = list(labelled.turns)
    sources = dict(labelled.label_sources)
    for place in _chain_places(labelled):
        told = cache.answer(chain_question(labelled, place), endpoint)
        turns[place] = replace(turns[place], chain=ChainOfEmpathy(**told))
        sources["chain_of_empathy"] = f"{cache.model}@{CHAIN_VERSION}"
    return replace(labelled, turns=tuple(turns), label_sources=tuple(sorted(sources.items())))


def _with_labels(dialogue: Dialogue, labels: dict[str, Any], source: str) -> Dialogue:
    """Fill what is unknown; note where each filled label is from."""
    sources = dict(dialogue.label_sources)
    fresh: dict[str, Any] = {}
    whole = {"topic": labels["topic"], "subtopic": labels["subtopic"]}
    whole["emotion"] = labels["speaker_emotion"]
    for name, value in whole.items():
        if getattr(dialogue, name) is None:
            fresh[name] = value
            sources[name] = source
    for side in ("speaker", "listener"):
        if getattr(dialogue, side) is None:
            fresh[side] = _profile(dialogue, labels, side)
            sources[f"{side}_profile"] = source
    drawn = tuple(f"{side}.race" for side in ("speaker", "listener") if side in fresh)
    labelled = label_speaker(
        replace(dialogue, drawn=(*dialogue.drawn, *drawn), **fresh),
    )
    turns = []
    for turn, said in zip(labelled.turns, labels["utterances"], strict=True):
        if turn.emotion8 is None:
            told = Feeling.of(said["emotion"])
            turn = replace(
                turn, emotion=told.emotion, emotion8=told.emotion8, emotion_source=source
            )
        turns.append(turn)
    return replace(labelled, turns=tuple(turns), label_sources=tuple(sorted(sources.items())))


def _profile(dialogue: Dialogue, labels: dict[str, Any], side: str) -> Profile:
    """Age and gender as told; the tone in which most of this person's utterances are said."""
    said = zip(dialogue.turns, labels["utterances"], strict=True)
    tones = Counter(row["tone"] for turn, row in said if turn.role == side)
    best = max(TONES, key=lambda tone: (tones[tone], -TONES.index(tone)))
    person = labels[side]
    return Profile(person["age"], person["gender"], best, race_of(f"{dialogue.id}:{side}"))


def annotate(
    dialogues: Iterable[Dialogue],
    cache: AnswerCache,
    endpoint: Asks,
    concurrency: int,
    progress: Callable[[], None] | None = None,
) -> Iterator[Annotated]:
    """All dialogues in their order; what cannot be labelled comes back as it was, with a fault.

    Raises EndpointError where the endpoint refuses or is gone. Answers so far are in the cache, so
    the same call goes on from there.
    """

    def one(dialogue: Dialogue) -> Annotated:
        try:
            return Annotated(annotate_one(dialogue, cache, endpoint))
        except AnswerError as error:
            return Annotated(dialogue, Fault("V1", dialogue.id, f"not annotated: {error}"))

    failures = 0
    for done in in_order(one, dialogues, concurrency):
        failures = failures + 1 if done.fault else 0
        if failures >= DEAD and done.fault:
            raise EndpointError(
                f"{DEAD} dialogues in a row were not annotated, the last because of: "
                f"{done.fault.message}. Answers so far are kept: call the same command again."
            )
        if progress:
            progress()
        yield done


def in_order(work: Callable[[A], B], items: Iterable[A], concurrency: int) -> Iterator[B]:
    """``map`` in threads that reads only a little ahead of what is taken."""
    with ThreadPoolExecutor(concurrency) as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * concurrency:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
