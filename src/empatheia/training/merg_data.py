"""Multimodal replies to learn from: what was said, and what the frozen teachers make of it."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from empatheia import hub
from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.plan import everybody
from empatheia.data.tidy import tidy
from empatheia.errors import InputError, MediaError, TooLittleSpeechError
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.speech.normalise import spoken_words
from empatheia.speech.sentences import join, sayable, speak
from empatheia.types import (
    ChainOfEmpathy,
    Dialogue,
    Phoneme,
    Profile,
    Speech,
    TimedPhoneme,
    Turn,
)

if TYPE_CHECKING:
    from jaxtyping import Float

_INTENSITY = 0.6  # of what is read aloud
_HEARD = 3  # times that a word is to be read aloud, where the texts have it so often
HOW_TO_RENDER = "make them with: empatheia data render DIALOGUES -o FOLDER, then --data FOLDER"


@dataclass(frozen=True, slots=True)
class MergExample:
    """One listener's reply with its recording. ``whole`` is False where only labels are known."""

    id: str
    turns: tuple[Turn, ...]  # ends with the speaker's
    profile: Profile
    chain: ChainOfEmpathy
    whole: bool
    reply: str
    audio: Path
    video: Path
    times: Path | None
    felt: bool  # whether the listener's emotion was given
    intensity: float | None = None  # how strongly it is shown, where that is known


@dataclass(frozen=True, slots=True)
class Said:
    """A reply of which only the words are given: the voice reads it aloud."""

    id: str
    text: str
    emotion: str
    profile: Profile


@dataclass(frozen=True, slots=True)
class Teaching:
    """What the two generators' teachers say about one reply (Eq. 9 and 10)."""

    phonemes: tuple[TimedPhoneme, ...]
    speech_content: Float[Tensor, "phoneme content"]
    video_content: Float[Tensor, "frame content"]
    speech_style: Float[Tensor, " style"]
    video_style: Float[Tensor, " style"]


def merg_examples(dialogues: Iterable[Dialogue]) -> list[MergExample]:
    """Every listener's turn that has sound and video and whose speaker's emotion is known.

    Raises InputError that says how to render where there is none.
    """
    out: list[MergExample] = []
    seen = 0
    for dialogue in dialogues:
        seen += 1
        for place, turn in enumerate(dialogue.turns):
            emotion = dialogue.emotion or dialogue.turns[place - 1].emotion
            if turn.role != "listener" or place == 0 or emotion not in EMOTIONS32:
                continue
            if turn.audio is None or turn.video is None:
                continue
            given = turn.chain
            chain = ChainOfEmpathy(
                tidy(given.event_scenario) if given else "",
                emotion,
                tidy(given.emotion_cause) if given else "",
                tidy(given.goal_to_response) if given else "",
                turn.emotion8 or (given.response_emotion if given else "") or "neutral",
            )
            out.append(
                MergExample(
                    f"{dialogue.id}/{place}",
                    dialogue.turns[:place],
                    dialogue.listener or Profile(),
                    chain,
                    bool(given and given.event_scenario),
                    tidy(turn.text),
                    turn.audio,
                    turn.video,
                    turn.times,
                    turn.emotion8 is not None,
                    turn.intensity,
                )
            )
    if not out:
        raise InputError(
            f"none of {seen} dialogues has a listener's turn with sound and video: {HOW_TO_RENDER}"
        )
    return out


def said(dialogues: Iterable[Dialogue], limit: int, seed: int = 0) -> list[Said]:
    """``limit`` of the listeners' turns of ``train``, said by anybody with any feeling, by lot.

    Those with a word that was heard too seldom come first: a word that was never read aloud is
    said from its tokens' look alone. The same for the same seed, also where more are asked for.
    Raises InputError where none is.
    """
    lots = random.Random(seed)
    found = [
        (f"said/{d.id}/{place}", tidy(turn.text))
        for d in dialogues
        if d.split in (None, "train")
        for place, turn in enumerate(d.turns)
        if turn.role == "listener" and turn.text
    ]
    if not found:
        raise InputError("no listener's turn of the split train to read aloud: give other texts")
    lots.shuffle(found)
    people = everybody()
    chosen = _new_words_first(found)[:limit]
    return [Said(*one, lots.choice(EMOTIONS8), lots.choice(people)) for one in chosen]


def _new_words_first(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """In the given order, but replies whose words were all heard often enough go to the end."""
    heard: Counter[str] = Counter()
    first, rest = [], []
    for one in found:
        words = [word.text for word in spoken_words(one[1])]
        if any(heard[word] < _HEARD for word in words):
            first.append(one)
            heard.update(words)
        else:
            rest.append(one)
    return first + rest


class Teachers:
    """Both generators as teachers; what they say is kept in ``cache``, by weights and recording."""

    def __init__(
        self, speech: SpeechGenerator, face: FaceGenerator, digest: str, cache: Path
    ) -> None:
        self.speech, self.face = speech, face
        self.digest, self.cache = digest, cache

    def teach(self, example: MergExample) -> Teaching:
        """Raises MediaError, TooLittleSpeechError, InputError naming the example."""
        return self._kept(self._key(example), example.id, lambda: self._make(example))

    def aloud(self, given: Said) -> Teaching:
        """What the voice says, and how lips would move to it; styles are the usual ones.

        Raises InputError naming the reply.
        """
        told = (self.digest, given.text, given.emotion, astuple(given.profile))
        key = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
        return self._kept(key, given.id, lambda: self._spoken(given))

    def _kept(self, key: str, name: str, make: Callable[[], Teaching]) -> Teaching:
        path = self.cache / f"{key}.safetensors"
        if path.is_file():
            return _loaded(path)
        try:
            made = make()
        except InputError as error:
            short = isinstance(error, TooLittleSpeechError)
            kind = TooLittleSpeechError if short else InputError
            raise kind(f"example {name}: {error}") from error
        kept = {name: getattr(made, name) for name in Teaching.__slots__ if name != "phonemes"}
        told = [[p.symbol, p.start, p.end, p.word] for p in made.phonemes]
        hub.save(path, kept, {"phonemes": told})
        return made

    def _key(self, example: MergExample) -> str:
        digest = hashlib.sha256(f"{self.digest}:{example.reply}".encode())
        for path in (example.audio, example.video, example.times):
            if path is None:
                continue
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                raise MediaError(f"example {example.id}: cannot read {path}: {error}") from error
        return digest.hexdigest()[:32]

    def _make(self, example: MergExample) -> Teaching:
        sound = read_audio(example.audio)
        written, content = self._written(example.reply)
        timed = _timed(example.times, written)
        if timed is None:
            timed = self._guessed(example, written, content, sound.seconds)
        spoken = Speech(sound.audio, sound.sample_rate, timed)
        return Teaching(
            timed,
            content,
            self.face.encode_content(spoken).clone(),
            self.speech.encode_style(sound).clone(),
            self.face.encode_style(read_video(example.video)).clone(),
        )

    def _spoken(self, given: Said) -> Teaching:
        _, content = self._written(given.text)
        told = (given.emotion, _INTENSITY, given.profile)
        speech = join(list(speak(self.speech, given.text, *told)))
        return Teaching(
            speech.phonemes,
            content,
            self.face.encode_content(speech).clone(),
            self.speech.style_for(*told),
            self.face.style_for(*told),
        )

    def _written(self, text: str) -> tuple[tuple[Phoneme, ...], Tensor]:
        """Phonemes of the whole text, word by word of it, and their content by sentence."""
        phonemes: list[Phoneme] = []
        contents = []
        words = 0
        for sentence in sayable(self.speech, text):
            part = self.speech.phonemize(sentence)
            contents.append(self.speech.encode_content(part).clone())
            phonemes += [
                Phoneme(p.symbol, p.word + words if p.word >= 0 else -1, p.emphasis) for p in part
            ]
            words += len(sentence.split())
        return tuple(phonemes), torch.cat(contents)

    def _guessed(
        self, example: MergExample, written: Sequence[Phoneme], content: Tensor, seconds: float
    ) -> tuple[TimedPhoneme, ...]:
        """Times of a recording that has none: the voice's own, stretched to its length."""
        style = self.speech.style_for("neutral", 0.5, example.profile)
        said = self.speech.generate(written, content, style)
        by = seconds / max(said.phonemes[-1].end, 1e-3)
        return tuple(
            TimedPhoneme(p.symbol, p.start * by, p.end * by, p.word) for p in said.phonemes
        )


def _timed(path: Path | None, written: Sequence[Phoneme]) -> tuple[TimedPhoneme, ...] | None:
    """Times of a render, where they are of these very sounds."""
    if path is None or not path.is_file():
        return None
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["phonemes"]
        timed = tuple(TimedPhoneme(s, float(a), float(b), int(w)) for s, a, b, w in rows)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no phoneme times: {error}") from error
    same = [(p.symbol, p.word) for p in timed] == [(p.symbol, p.word) for p in written]
    return timed if same else None


def _loaded(path: Path) -> Teaching:
    weights = hub.load(path)
    timed = tuple(TimedPhoneme(s, a, b, w) for s, a, b, w in weights.meta["phonemes"])
    t = weights.tensors
    return Teaching(
        timed, t["speech_content"], t["video_content"], t["speech_style"], t["video_style"]
    )
