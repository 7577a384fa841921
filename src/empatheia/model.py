"""One user turn, from a dialogue to words, voice and face.

``stream`` is a generator of events; closing it cancels the work. ``reply`` drains it. The command
line, the evaluation and the library all come through here.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from empatheia.care.screen import spoken
from empatheia.data.labels import EMOTIONS32, check_profile, fold8
from empatheia.delivery import (
    CONTENTS,
    SYSTEMS,
    Delivery,
    Direct,
    Manner,
    Pipeline,
    Predicted,
    deliver,
)
from empatheia.errors import ConfigError, InputError, unknown
from empatheia.expression import Expressed, Expression
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.llm.signals import fork
from empatheia.media.audio import wav_bytes
from empatheia.media.tags import Tags
from empatheia.media.transcribe import with_words
from empatheia.media.video import encode_passing
from empatheia.protocols import CareScreen, FaceGenerator, SpeechGenerator
from empatheia.reasoner import Reasoner, Request, Thinking, Thought
from empatheia.speech.sentences import join, split
from empatheia.types import (
    AudioEvent,
    Avatar,
    ChainEvent,
    Dialogue,
    Done,
    Event,
    Frame,
    Profile,
    Reply,
    Safety,
    Speech,
    TextEvent,
)

if TYPE_CHECKING:
    from empatheia.senses import Reading

CALM = ("neutral", 0.3)  # how a crisis message is said and shown
NOTHING_TO_SAY = "I'm here and I'm listening. Would you like to tell me more about it?"
ATTEMPTS = 3  # draws of candidates before NOTHING_TO_SAY


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How replies are drawn and chosen, and which weights do it."""

    sampling: Sampling = field(default_factory=Sampling)  # one reply at a time
    ranking: Ranking = field(default_factory=Ranking)
    digest: str = "none"
    in_batches: Sampling = field(default_factory=partial(Sampling, 6))  # fewer: copies of train


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is going to be said, by whom and how."""

    text: str
    spoken: str  # the text as it is to be read aloud
    emotion: str  # one of the eight keys: what voice and face show
    intensity: float
    thought: Thought | None
    safety: Safety
    perceived: Mapping[str, Mapping[str, float] | None] | None = None
    expressed: Expressed | None = None
    written: bool = True  # False: a fixed text that no model wrote
    notes: tuple[str, ...] = ()  # what was odd about the recordings


class _Clock:
    """Seconds of each stage, and since the turn began."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def mark(self, name: str) -> None:
        """Note the time since the turn began, once."""
        self.seconds.setdefault(name, time.perf_counter() - self._start)


class Empatheia:
    """The parts, and how a turn goes through them. Parts are passed in built."""

    def __init__(
        self,
        reasoner: Reasoner,
        speech: SpeechGenerator,
        face: FaceGenerator,
        care: CareScreen | None,
        text: TextSettings,
        versions: Mapping[str, str],
        expression: Expression | None = None,
        system: str = "direct",
        content: str = "predicted",
    ) -> None:
        """``system`` is one of :attr:`systems`; ``content`` of ``empatheia``: predicted or exact.

        Raises ConfigError.
        """
        self.reasoner = reasoner
        self.speech = speech
        self.face = face
        self.care = care
        self.text = text
        self.expression = expression
        if system not in self.systems:
            why = "" if system not in SYSTEMS else " (it needs trained expression weights)"
            raise ConfigError(unknown("system", system, self.systems) + why)
        if content not in CONTENTS:
            raise ConfigError(unknown("content", content, CONTENTS))
        self.system, self.content = system, content
        self.versions = {**versions, "system": system}

    @property
    def systems(self) -> tuple[str, ...]:
        """What ``system`` may be here: ``empatheia`` only with trained weights for it."""
        return SYSTEMS if self.expression is not None else SYSTEMS[:2]

    def avatars(self) -> tuple[Avatar, ...]:
        """Who can reply."""
        return self.face.avatars()

    def avatar(self, name: str) -> Avatar:
        """Who has this id. Raises InputError."""
        return self.face.avatar(name)

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
        """Events of one reply: chain, text pieces, audio pieces, frames, done.

        Who replies is ``avatar`` (an id of :meth:`avatars`), else somebody of ``profile``, else of
        the dialogue's listener. ``forced`` gives fields of the chain instead of reasoning them.
        Raises InputError before the first event.
        """
        if not dialogue.turns or dialogue.turns[-1].role != "speaker":
            raise InputError("the dialogue's last turn must be the speaker's; add what they say")
        person, who = self._who(profile, avatar, dialogue.listener)
        clock = _Clock()
        with clock.stage("hear"):
            dialogue, notes = with_words(dialogue)
        if not self._hears(dialogue):
            notes.append("no trained ear and eye: of sound and pictures only the words count")
        safety = self._screen(dialogue)
        if safety.level == "crisis":
            assert self.care is not None
            message = self.care.crisis_message(safety)
            plan = _Plan(message, spoken(message), *CALM, None, safety, written=False)
            who = replace(who, tone="gentle")
            yield ChainEvent(None, None)
        else:
            request = Request(dialogue.turns, who, dict(forced or {}), seed)
            plan = yield from self._plan(request, safety, clock)
            notes += plan.notes
        for number, sentence in enumerate(split(plan.text)):
            yield TextEvent(f" {sentence}" if number else sentence)
        if text_only:
            clock.mark("total")
            yield Done(self._reply(plan, who, person, clock, notes))
            return
        delivery = self._delivery(plan, who)
        speech = yield from self._speak(plan, delivery, clock)
        tags = Tags()
        wav = wav_bytes(speech, tags)
        mp4 = yield from self._animate(delivery, person, speech, clock, tags, seed)
        clock.mark("total")
        yield Done(self._reply(plan, who, person, clock, notes, speech, wav, mp4))

    def reply(
        self,
        dialogue: Dialogue,
        *,
        profile: Profile | None = None,
        avatar: str | None = None,
        forced: Mapping[str, str] | None = None,
        seed: int = 0,
        text_only: bool = False,
    ) -> Reply:
        """Drain :meth:`stream`; ``wav`` and ``mp4`` of the result hold the encoded bytes."""
        events = self.stream(
            dialogue, profile=profile, avatar=avatar, forced=forced, seed=seed, text_only=text_only
        )
        for event in events:
            if isinstance(event, Done):
                return event.reply
        raise AssertionError("a stream ends with Done")

    def _who(
        self, profile: Profile | None, avatar: str | None, listener: Profile | None
    ) -> tuple[Avatar, Profile]:
        """The avatar and the profile it speaks with (its own, but for the tone)."""
        if avatar is None:
            wanted = check_profile(profile or listener or Profile())
            return self.face.avatar_for(wanted), wanted
        person = self.face.avatar(avatar)
        who = check_profile(profile or person.profile)
        if replace(who, tone=person.profile.tone) != person.profile:
            raise InputError(
                f"profile {who} contradicts avatar {avatar!r}, who is {person.profile}; drop one"
            )
        return person, who

    def _hears(self, dialogue: Dialogue) -> bool:
        """Whether media that the dialogue has can be perceived."""
        given = any(t.audio or t.video for t in dialogue.turns if t.role == "speaker")
        return self.reasoner.senses is not None or not given

    def _screen(self, dialogue: Dialogue) -> Safety:
        if self.care is None:
            return Safety(action="screen_off")
        return self.care.screen_user([t.text for t in dialogue.turns if t.role == "speaker"])

    def _plan(
        self, request: Request, safety: Safety, clock: _Clock
    ) -> Generator[Event, None, _Plan]:
        """Reason and write; the ``pipeline`` system has no chain."""
        chained = self.system != "pipeline"
        with clock.stage("reason"):
            make = self.reasoner.think if chained else self.reasoner.start
            thinking = make([request])
            kept = fork(thinking.state) if self.system == "empatheia" else None
        thought = thinking.thoughts[0] if chained else None
        yield ChainEvent(thought.chain, thought.emotions) if thought else ChainEvent(None, None)
        with clock.stage("write"):
            text, safety = self._write(request, thinking, safety)
        emotion = thought.chain.response_emotion if thought else CALM[0]
        plan = _Plan(
            text,
            text,
            emotion,
            intensity_of(thought) if thought else CALM[1],
            thought,
            safety,
            perceived_of(thinking),
            notes=_noticed((thinking.readings or [[]])[0]),
        )
        if kept is None or self.expression is None:
            return plan
        with clock.stage("signals"):
            found = self.expression.express(self.reasoner.lm, kept, text, plan.intensity)
        return replace(plan, expressed=found)

    def _delivery(self, plan: _Plan, who: Profile) -> Delivery:
        """How the plan is voiced and shown; a fixed text always is by ``direct``."""
        manner = Manner(plan.spoken, plan.emotion, plan.intensity, who)
        if plan.expressed is not None and self.expression is not None:
            exact = self.content == "exact"
            return Predicted(self.speech, self.face, manner, self.expression, plan.expressed, exact)
        if self.system == "pipeline" and plan.written:
            return Pipeline(self.speech, self.face, manner, self.reasoner.encoder)
        return Direct(self.speech, self.face, manner)

    def _write(self, request: Request, thinking: Thinking, safety: Safety) -> tuple[str, Safety]:
        """The best reply that may be said; other draws where none may."""
        blocked = False
        for attempt in range(ATTEMPTS):
            if attempt:
                again = replace(request, seed=request.seed + 7919 * attempt)
                make = self.reasoner.think if thinking.thoughts else self.reasoner.start
                thinking = make([again])
            choices = self.reasoner.write(thinking, self.text.sampling, self.text.ranking)[0]
            for choice in choices:
                if self.care is None or self.care.reply_is_safe(choice.text):
                    return choice.text, safety
            blocked = blocked or bool(choices)
        text = self.care.safe_reply() if self.care else NOTHING_TO_SAY
        return text, replace(safety, action="reply_replaced") if blocked else safety

    def _speak(
        self, plan: _Plan, delivery: Delivery, clock: _Clock
    ) -> Generator[Event, None, Speech]:
        """Say the reply sentence by sentence; returns the whole."""
        sentences = deliver(self.speech, plan.spoken, delivery)
        parts: list[Speech] = []
        start = 0.0
        while True:
            with clock.stage("speak"):
                part = next(sentences, None)
            if part is None:
                return join(parts)
            parts.append(part)
            clock.mark("first_sound")
            yield AudioEvent(part, start)
            start += part.seconds

    def _animate(
        self,
        delivery: Delivery,
        person: Avatar,
        speech: Speech,
        clock: _Clock,
        tags: Tags,
        seed: int,
    ) -> Generator[Frame, None, bytes]:
        """Draw and encode at once; returns the mp4."""
        with clock.stage("animate"):
            content, style = delivery.face(speech)
            frames = self.face.generate(person, content, style, seed)
        begun = time.perf_counter()
        mp4 = yield from encode_passing(frames, self.face.fps, speech, tags)
        clock.seconds["animate"] += time.perf_counter() - begun
        return mp4

    def _reply(
        self,
        plan: _Plan,
        who: Profile,
        person: Avatar,
        clock: _Clock,
        notes: Sequence[str],
        speech: Speech | None = None,
        wav: bytes = b"",
        mp4: bytes = b"",
    ) -> Reply:
        thought = plan.thought
        return Reply(
            text=plan.text,
            emotion=thought.chain.speaker_emotion if thought else None,
            emotion_probabilities=thought.emotions if thought else None,
            chain_of_empathy=thought.chain if thought else None,
            intensity=plan.intensity if thought else 0.0,
            profile=who,
            avatar=person.id,
            phonemes=speech.phonemes if speech else (),
            timings={name: round(value, 4) for name, value in clock.seconds.items()},
            safety=plan.safety,
            versions=self.versions,
            wav=wav,
            mp4=mp4,
            extra={"notes": list(notes)} if notes else {},
            perceived=plan.perceived,
        )


def _noticed(readings: Sequence[Reading]) -> tuple[str, ...]:
    """What a person should know of how media were perceived."""
    from empatheia.senses import UNTOLD

    told = [r.note for r in readings if r.note]
    return (*told, *([UNTOLD] if any(r.there and not r.told for r in readings) else []))


def perceived_of(thinking: Thinking) -> dict[str, Mapping[str, float] | None]:
    """What each modality of the turn says by itself, and what the model makes of all of them.

    ``text`` is the text readers' evidence, ``speech`` and ``video`` the heads on their encoders,
    ``fused`` the language model's own slot in the chain; each over the eight keys, or None, as
    where a head was never trained.
    """
    from empatheia.senses import keys_of

    text = dict(zip(EMOTIONS32, map(float, thinking.evidence[0].exp()), strict=True))
    last = thinking.readings[0][-1] if thinking.readings else None
    last = last if last is not None and last.told else None
    return {
        "text": fold8(text),
        "speech": keys_of(last.speech) if last else None,
        "video": keys_of(last.video) if last else None,
        "fused": fold8(thinking.thoughts[0].emotions) if thinking.thoughts else None,
    }


def intensity_of(thought: Thought) -> float:
    """How strongly the reply is felt, in [0.4, 1]: the more, the surer the model is of its key."""
    sure = thought.feels[thought.chain.response_emotion]
    return round(0.4 + 0.6 * sure, 4)
