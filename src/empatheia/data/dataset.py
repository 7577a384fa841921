"""What a model trains on: a dialogue up to a turn, and the gold reply in three modalities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from empatheia.data import manifest
from empatheia.data.rules import Fault
from empatheia.data.statistics import wav_seconds
from empatheia.errors import InputError, MediaError
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.types import Dialogue, Profile, Speech, TimedPhoneme, Turn, Video


@dataclass(frozen=True, slots=True)
class Example:
    """One reply to learn. ``history`` ends with the speaker's turn; ``reply`` is what was said.

    ``seconds`` is the length of the reply's sound, 0.0 where it has none.
    """

    dialogue_id: str
    place: int  # of the reply among the turns
    history: tuple[Turn, ...]
    reply: Turn
    emotion: str | None  # of the speaker, one of 32
    speaker: Profile | None
    listener: Profile | None
    seconds: float

    @property
    def key(self) -> str:
        """Unique in a manifest; features are cached under it."""
        return f"{self.dialogue_id}#{self.place}"


class ReplyDataset(Sequence[Example]):
    """Every listener's turn that follows a speaker's, read from the manifest when asked for.

    Only byte offsets are kept. ``need_media`` leaves out replies without sound and video.
    Raises InputError where the manifest is broken, or holds no such reply.
    """

    def __init__(self, path: Path, need_media: bool = False, split: str | None = None) -> None:
        self._path = path
        self._places: list[tuple[int, int]] = []  # offset of the line, place of the reply
        self._seconds: list[float] = []
        offset = bare = 0
        for line, number in manifest.byte_lines(path):
            if line.strip():
                dialogue = self._decode(line, number)
                for place in _replies(dialogue) if split in (None, dialogue.split) else ():
                    reply = dialogue.turns[place]
                    if need_media and (reply.audio is None or reply.video is None):
                        bare += 1
                        continue
                    self._places.append((offset, place))
                    seconds = wav_seconds(reply.audio) if reply.audio else None
                    self._seconds.append(seconds or 0.0)
            offset += len(line)
        if not self._places:
            raise InputError(
                f"{path} holds no reply{f' of split {split}' if split else ''}"
                + (f" with sound and video; {bare} have none. Give them media with: empatheia "
                   f"data render {path} -o FOLDER" if bare else ".")
            )  # fmt: skip

    def _decode(self, line: bytes, number: int) -> Dialogue:
        record = manifest.decode(line, f"{self._path.name} line {number}")
        if isinstance(record, Fault):
            raise InputError(f"{record.line()}. Run: empatheia data validate {self._path}")
        return manifest.from_record(record, self._path.parent)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def seconds(self) -> Sequence[float]:
        """Length of each reply's sound, for buckets of similar duration."""
        return self._seconds

    def __getitem__(self, index: Any) -> Any:
        """Example number ``index``."""
        offset, place = self._places[index]
        with self._path.open("rb") as handle:
            handle.seek(offset)
            dialogue = self._decode(handle.readline().removeprefix(b"\xef\xbb\xbf"), 0)
        return Example(
            dialogue_id=dialogue.id,
            place=place,
            history=dialogue.turns[:place],
            reply=dialogue.turns[place],
            emotion=dialogue.emotion,
            speaker=dialogue.speaker,
            listener=dialogue.listener,
            seconds=self._seconds[index],
        )


def _replies(dialogue: Dialogue) -> list[int]:
    turns = dialogue.turns
    return [
        place
        for place in range(1, len(turns))
        if turns[place].role == "listener" and turns[place - 1].role == "speaker"
    ]


def load_speech(turn: Turn, sample_rate: int | None = None) -> Speech:
    """The turn's sound, with phoneme times where they are known. Raises MediaError."""
    if turn.audio is None:
        raise MediaError(f"the turn {turn.text[:40]!r} has no sound")
    speech = read_audio(turn.audio, sample_rate)
    if turn.times is None:
        return speech
    try:
        told = json.loads(turn.times.read_text(encoding="utf-8"))
        rows = tuple(TimedPhoneme(str(s), float(a), float(b), int(w))
                     for s, a, b, w in told["phonemes"])  # fmt: skip
        return replace(speech, phonemes=rows, words=tuple(map(str, told.get("words", ()))))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"{turn.times} has no phoneme times: {error}") from error


def load_video(turn: Turn, fps: float | None = None, size: int | None = None) -> Video:
    """The turn's pictures. Raises MediaError."""
    if turn.video is None:
        raise MediaError(f"the turn {turn.text[:40]!r} has no video")
    return read_video(turn.video, fps, size)
