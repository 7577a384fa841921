"""What a system said to a set of contexts, as files: how anybody's system can be scored.

A folder with ``predictions.jsonl`` and, where there is media, the files that its lines name::

    {"settings": {"system": "mine", "weights": "1f2e..."}}
    {"id": "hit:3_conv:6#1", "reply": "Oh no! Are you all right?", "emotion": "terrified",
     "top5": ["terrified", "afraid", "anxious", "apprehensive", "devastated"],
     "chain": {"event_scenario": "a tyre burst", "emotion_cause": "nearly an accident",
               "goal_to_response": "to ask how they are", "response_emotion": "fear"},
     "audio": "media/hit_3_conv_6_1.wav", "video": "media/hit_3_conv_6_1.mp4"}

The first line is optional. ``id`` is the dialogue's id, ``#``, and the number of turns before the
reply. Only ``id`` and ``reply`` are needed; ``nll`` (nats of the human reply), ``profile``
(age, gender, tone, race), ``avatar`` and ``perceived`` (what text, speech, video and all of them,
``fused``, say of the speaker: one of the eight keys each) are understood as well. Paths are
relative to the folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from empatheia.data.labels import PROFILE_FIELDS
from empatheia.errors import InputError
from empatheia.files import cannot_write, make_folder, replacing

FILE: Final = "predictions.jsonl"
_TEXTS: Final = ("emotion", "avatar")
_PATHS: Final = ("audio", "video")


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of a system. ``top5`` are emotions, the likeliest first."""

    id: str
    reply: str
    emotion: str | None = None
    top5: tuple[str, ...] = ()
    chain: Mapping[str, str] = field(default_factory=dict)
    nll: float | None = None
    audio: Path | None = None
    video: Path | None = None
    profile: Mapping[str, str] = field(default_factory=dict)
    avatar: str | None = None
    perceived: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> str:
        """Who speaks, as far as the line says: the avatar, else the profile."""
        return self.avatar or " ".join(self.profile.get(name, "") for name in PROFILE_FIELDS)


@dataclass(frozen=True, slots=True)
class Answers:
    """All lines of a file in order (ids may repeat), what made them, and the file's digest."""

    items: tuple[Answer, ...]
    settings: Mapping[str, Any]
    digest: str

    @property
    def asked(self) -> int | None:
        """Of how many references these were asked, as `predict` writes; None where it is not told.

        So many, spread over the data as ``--limit`` does, are the ones that may be missing.
        """
        told = self.settings.get("references")
        return told if type(told) is int and told > 0 else None


def file_of(path: Path) -> Path:
    """The file itself, or the one in a folder. Raises InputError."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"no {file.name} at {file.parent}: give a folder of `empatheia predict`")
    return file


def read_answers(path: Path) -> Answers:
    """Read a folder or file of predictions. Raises InputError naming line and fault."""
    file = file_of(path)
    content = file.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text (byte {error.start})") from error
    settings: Mapping[str, Any] = {}
    items = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file.name} line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where} is not complete JSON: {error.msg}") from error
        if not isinstance(record, dict):
            raise InputError(f"{where}: one JSON object a line is expected")
        if number == 1 and "settings" in record and "id" not in record:
            settings = _settings(record["settings"], where)
            continue
        items.append(_answer(record, where, file.parent))
    if not items:
        raise InputError(f"{file} holds no prediction: nothing can be scored")
    return Answers(tuple(items), settings, hashlib.sha256(content).hexdigest()[:16])


def _settings(told: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise InputError(f'{where}: \'settings\' must be an object, as {{"system": "mine"}}')
    return told


def _answer(record: Mapping[str, Any], where: str, folder: Path) -> Answer:
    for name in ("id", "reply"):
        if not isinstance(record.get(name), str):
            raise InputError(f"{where}: {name!r} must be given as a string")
    for name in (*_TEXTS, *_PATHS):
        if record.get(name) is not None and not isinstance(record[name], str):
            raise InputError(f"{where}: {name!r} must be a string")
    for name in _PATHS:
        path = PurePosixPath(record.get(name) or "")
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{where}: {name!r} must lie in the predictions' folder, not {path}")
    top = record.get("top5", ())
    if not isinstance(top, list | tuple) or not all(isinstance(name, str) for name in top):
        raise InputError(f"{where}: 'top5' must be a list of emotions, the likeliest first")
    nll = record.get("nll")
    if nll is not None and (isinstance(nll, bool) or not isinstance(nll, int | float)):
        raise InputError(f"{where}: 'nll' must be a number")
    return Answer(
        id=record["id"],
        reply=" ".join(record["reply"].split()),
        top5=tuple(top),
        chain=_strings(record, "chain", where),
        nll=None if nll is None else float(nll),
        profile=_strings(record, "profile", where),
        perceived=_strings(record, "perceived", where),
        emotion=record.get("emotion"),
        avatar=record.get("avatar"),
        **{name: folder / record[name] if record.get(name) else None for name in _PATHS},
    )


def _strings(record: Mapping[str, Any], name: str, where: str) -> dict[str, str]:
    values = {} if record.get(name) is None else record[name]
    if not isinstance(values, dict):
        raise InputError(f"{where}: {name!r} must be an object of strings")
    return {str(key): str(value) for key, value in values.items() if value is not None}


def write_answers(folder: Path, items: Iterable[Answer], settings: Mapping[str, Any]) -> Path:
    """Write ``predictions.jsonl`` whole. Media must lie under ``folder`` already."""
    path = folder / FILE
    with replacing(path) as handle:
        handle.write(json.dumps({"settings": dict(settings)}, ensure_ascii=False) + "\n")
        for item in items:
            handle.write(json.dumps(to_record(item, folder), ensure_ascii=False) + "\n")
    return path


@contextmanager
def growing(
    folder: Path, settings: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Answer], Callable[[Answer], None]]]:
    """Answers of an earlier run by id, and a function that adds one to the end of the file.

    A half-written last line is dropped, so that a run that was killed goes on. Raises InputError
    where the file was made with other settings.
    """
    make_folder(folder)
    done = _taken_up(folder / FILE, settings)
    with (folder / FILE).open("a", encoding="utf-8") as handle:

        def add(item: Answer) -> None:
            try:
                handle.write(json.dumps(to_record(item, folder), ensure_ascii=False) + "\n")
                handle.flush()
            except OSError as error:
                raise cannot_write(folder, error) from error

        yield done, add


def _taken_up(path: Path, settings: Mapping[str, Any]) -> dict[str, Answer]:
    head = json.dumps({"settings": dict(settings)}, ensure_ascii=False) + "\n"
    try:
        lines = path.read_text("utf-8").splitlines(keepends=True) if path.is_file() else []
        whole = [line for line in lines if line.endswith("}\n")] or [head]
        same = whole[0] == head
        if same and whole != lines:
            path.write_text("".join(whole), encoding="utf-8")
    except UnicodeDecodeError:
        same = False
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    if not same:
        raise InputError(f"{path} was made with other weights, data or settings; choose another -o")
    return {a.id: a for a in read_answers(path).items} if len(whole) > 1 else {}


def to_record(item: Answer, folder: Path) -> dict[str, Any]:
    """One line of the file; what is unknown is left out."""
    record: dict[str, Any] = {"id": item.id, "reply": item.reply}
    record |= {name: v for name in _TEXTS if (v := getattr(item, name)) is not None}
    record |= {"top5": list(item.top5)} if item.top5 else {}
    record |= {"chain": dict(item.chain)} if item.chain else {}
    record |= {"profile": dict(item.profile)} if item.profile else {}
    record |= {"perceived": dict(item.perceived)} if item.perceived else {}
    record |= {"nll": item.nll} if item.nll is not None else {}
    for name in _PATHS:
        path = getattr(item, name)
        if path is not None:
            record[name] = path.relative_to(folder).as_posix()
    return record
