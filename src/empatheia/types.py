"""The nouns of the project: frozen dataclasses that every part speaks in.

Nothing here imports torch, so ``import empatheia`` stays fast. Sound is float32 in [-1, 1],
pictures are uint8 RGB, times are seconds from the start of the sound they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["speaker", "listener"]
AudioArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is: the four things that must agree in text, voice and face."""

    age: str = "young"
    gender: str = "female"
    tone: str = "mild"
    race: str = "caucasian"


@dataclass(frozen=True, slots=True)
class ChainOfEmpathy:
    """The visible reasoning before a reply (paper, section 4.2).

    ``speaker_emotion`` is one of the 32 fine labels, ``response_emotion`` one of the eight keys.
    """

    event_scenario: str
    speaker_emotion: str
    emotion_cause: str
    goal_to_response: str
    response_emotion: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. ``emotion`` is one of 32, ``emotion8`` one of the eight keys.

    ``emotion_source`` says where the two come from. ``times`` is a JSON file with the phoneme
    times of ``audio``. ``chain`` is the reasoning behind a listener's turn. ``intensity`` in
    [0, 1] is how strongly the emotion is shown in ``audio`` and ``video``, where that is known.
    """

    role: Role
    text: str
    audio: Path | None = None
    video: Path | None = None
    emotion: str | None = None
    emotion8: str | None = None
    emotion_source: str | None = None
    chain: ChainOfEmpathy | None = None
    times: Path | None = None
    intensity: float | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation between a speaker, who tells something, and a listener, who replies.

    ``speaker_id`` and ``listener_id`` name the people (actors) who say it. ``drawn`` lists profile
    fields that no data gave and a seeded plan drew, as in ``listener.race``. ``label_sources``
    says which model and prompt gave a label, as in ``("topic", "model@prompt")``.
    """

    id: str
    turns: tuple[Turn, ...]
    emotion: str | None = None
    situation: str | None = None
    topic: str | None = None
    speaker: Profile | None = None
    listener: Profile | None = None
    subtopic: str | None = None
    split: str | None = None
    source: str | None = None
    speaker_id: str | None = None
    listener_id: str | None = None
    drawn: tuple[str, ...] = ()
    label_sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One sound to be spoken, before it has a time.

    ``symbol`` belongs to the generator's own inventory (ARPAbet with a stress digit for the
    WORLD voice). ``word`` indexes the words of the text; a pause has ``word == -1``.
    ``emphasis`` is 0 for ordinary words and 1 for words that the writing stresses.
    """

    symbol: str
    word: int = -1
    emphasis: float = 0.0


@dataclass(frozen=True, slots=True)
class TimedPhoneme:
    """A spoken sound with its start and end in seconds."""

    symbol: str
    start: float
    end: float
    word: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Mono audio and, where they are known, the times of its phonemes and its words."""

    audio: AudioArray  # (samples,), float32 in [-1, 1]
    sample_rate: int
    phonemes: tuple[TimedPhoneme, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.audio) / self.sample_rate


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """Decoded pictures at a constant rate."""

    frames: ImageArray  # (frames, height, width, 3), uint8 RGB
    fps: float


@dataclass(frozen=True, slots=True)
class Avatar:
    """A person to reply as. ``portrait`` is for generators that animate a photograph."""

    id: str
    profile: Profile
    name: str = ""
    seed: int = 0
    portrait: Path | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A place to turn to in a crisis."""

    name: str
    contact: str
    country: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Safety:
    """What the care screen found and what was done about it."""

    level: Literal["none", "crisis"] = "none"
    category: str | None = None
    action: Literal["none", "crisis_message", "reply_replaced", "screen_off"] = "none"
    resources: tuple[Resource, ...] = ()


# --- what ``Empatheia.stream`` yields, in this order -------------------------------------------


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """The chain of empathy is known (``None`` when the care screen answered instead)."""

    chain: ChainOfEmpathy | None
    emotion_probabilities: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A piece of the written reply; the pieces joined are the reply."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class AudioEvent:
    """One spoken sentence; ``start`` is its time in the whole reply."""

    speech: Speech
    start: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the face."""

    image: ImageArray  # (height, width, 3)
    time: float


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    reply: Reply


Event = ChainEvent | TextEvent | AudioEvent | Frame | Done


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """A finished reply. ``wav`` and ``mp4`` hold encoded bytes (empty when only text was asked)."""

    text: str
    emotion: str | None
    emotion_probabilities: Mapping[str, float] | None
    chain_of_empathy: ChainOfEmpathy | None
    intensity: float
    profile: Profile
    avatar: str
    phonemes: tuple[TimedPhoneme, ...]  # times from the zero of the mp4
    timings: Mapping[str, float]  # seconds by stage
    safety: Safety
    versions: Mapping[str, str]
    wav: bytes = b""
    mp4: bytes = b""
    extra: Mapping[str, Any] = field(default_factory=dict)
    # what each modality of the answered turn tells, and "fused" all of them; None in a crisis
    perceived: Mapping[str, Mapping[str, float] | None] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything but the media, as ``reply.json`` holds it: plain JSON values."""
        media = ("wav", "mp4")
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        plain = {name: _plain(value) for name, value in values.items() if name not in media}
        return plain if plain["extra"] else {k: v for k, v in plain.items() if k != "extra"}

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Write ``reply.json`` and, where there is media, ``reply.wav`` and ``reply.mp4``.

        All appear together or not at all; media of an earlier reply there does not stay beside a
        reply of text only. Returns the paths. Raises InputError where ``folder`` cannot be written.
        """
        import json

        from empatheia.files import write_together

        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        contents = {"reply.json": text.encode() + b"\n"}
        contents |= {"reply.wav": self.wav} if self.wav else {}
        contents |= {"reply.mp4": self.mp4} if self.mp4 else {}
        stale = {"reply.wav", "reply.mp4"} - contents.keys()
        return write_together(Path(folder), contents, remove=stale)


def _plain(value: Any) -> Any:
    """Dataclasses, mappings and tuples as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return _plain(asdict(value)) if hasattr(value, "__dataclass_fields__") else value
