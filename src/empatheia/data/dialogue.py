"""One dialogue record as JSON, from a person's file to :class:`empatheia.types.Dialogue`.

    {"id": "42",
     "turns": [{"role": "speaker", "text": "I lost my job today."},
               {"role": "listener", "text": "Oh no. What happened?"},
               {"role": "speaker", "text": "They closed the whole shop."}],
     "listener_profile": {"age": "elderly", "gender": "female", "tone": "gentle"}}

Only ``turns`` is needed. A record of EmpatheticDialogues (``conv_id``, ``utterances``) is read as
well. Optional: ``emotion`` (one of 32), ``situation``, ``topic``, ``speaker_profile``,
``listener_profile``; in a turn ``emotion``, ``emotion8``, ``audio`` and ``video`` (paths relative
to the file) and ``chain_of_empathy``. The rules:

D1 the file is readable UTF-8 JSON of at most ``MAX_BYTES``; D2 the record is an object; D3 it has
1 to ``MAX_TURNS`` turns; D4 each has a role and a text, and the last can be answered where it is
the speaker's; D5 the speaker begins and the two take turns; D6 labels and profiles are known
values.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.requests import CHAIN_FIELDS, check_chain_value, check_profile_values
from empatheia.data.text_input import MAX_CHARACTERS, clean_text, tidy_text
from empatheia.errors import InputError, unknown
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Role, Turn

MAX_BYTES: Final = 1_000_000
MAX_TURNS: Final = 100
ROLES: Final = ("speaker", "listener")
_KEYS: Final = (
    "id", "conv_id", "conversation_id", "turns", "utterances", "emotion", "situation", "topic",
    "speaker_profile", "listener_profile",
)  # fmt: skip
_TURN_KEYS: Final = (
    "role", "text", "audio", "video", "emotion", "emotion8", "emotion_source", "chain_of_empathy",
)  # fmt: skip


def read_dialogue(path: Path) -> Dialogue:
    """The one dialogue in a JSON file. Raises InputError naming the file, the place, the rule."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES:,} bytes: one dialogue, please.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read dialogue {path}: {error.strerror}.") from error
    try:
        record = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is not complete JSON: {error.msg} at line {error.lineno}, "
            f"column {error.colno}."
        ) from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a dialogue record.") from error
    return parse_dialogue(record, str(path), path.parent)


def parse_dialogue(record: object, where: str, folder: Path = Path()) -> Dialogue:
    """Check a decoded record (rules D2 to D6). ``where`` begins every message."""
    record = _object(record, where, _KEYS)
    turns = record.get("turns", record.get("utterances"))
    if not isinstance(turns, list) or not turns:
        raise InputError(f'{where}: "turns" must be a list with at least one turn.')
    if len(turns) > MAX_TURNS:
        raise InputError(f"{where}: {len(turns)} turns; {MAX_TURNS} are allowed.")
    parsed = tuple(
        _turn(turn, f"{where}: turn {number}", folder) for number, turn in enumerate(turns, 1)
    )
    check_order(parsed, where)
    if parsed[-1].role == "speaker":
        clean_text(parsed[-1].text, f"{where}: turn {len(parsed)}: the text")
    return Dialogue(
        id=_identity(record),
        turns=parsed,
        emotion=_label(record, "emotion", EMOTIONS32, where),
        situation=_string(record, "situation", where),
        topic=_string(record, "topic", where),
        speaker=_profile(record, "speaker_profile", where),
        listener=_profile(record, "listener_profile", where),
    )


def check_order(turns: Sequence[Turn], where: str) -> None:
    """Rule D5: the speaker begins and the two take turns."""
    for number, turn in enumerate(turns, 1):
        expected = ROLES[(number - 1) % 2]
        if turn.role != expected:
            raise InputError(
                f"{where}: turn {number} is the {turn.role}'s, the {expected}'s was expected. "
                f"The speaker begins and the two take turns; join what one person says in a row."
            )


def add_speaker_turn(dialogue: Dialogue, text: str) -> Dialogue:
    """``dialogue`` with something more said by the speaker, joined to their unanswered turn."""
    turns = dialogue.turns
    if turns and turns[-1].role == "speaker":
        joined = clean_text(f"{turns[-1].text} {text}", "the turn with the text added")
        return replace(dialogue, turns=(*turns[:-1], replace(turns[-1], text=joined)))
    return replace(dialogue, turns=(*turns, Turn("speaker", clean_text(text))))


def _object(value: object, where: str, known: Sequence[str]) -> Mapping[str, Any]:
    """An object whose unknown keys are not misspelt known ones."""
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: a JSON object is expected, not {_kind(value)}.")
    for key in value:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
        if key not in known and near and near[0] not in value:
            raise InputError(f"{where}: unknown key {key!r}. Did you mean {near[0]!r}?")
    return cast("Mapping[str, Any]", value)


def _kind(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _identity(record: Mapping[str, Any]) -> str:
    for key in ("id", "conv_id", "conversation_id"):
        if isinstance(record.get(key), str | int):
            return str(record[key])[:200]
    return "dialogue"


def _string(record: Mapping[str, Any], key: str, where: str) -> str | None:
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {key!r} must be a string, not {_kind(value)}.")
    if value is not None and len(value) > MAX_CHARACTERS:
        raise InputError(f"{where}: {key!r} is longer than {MAX_CHARACTERS:,} characters.")
    return value


def _label(record: Mapping[str, Any], key: str, allowed: Sequence[str], where: str) -> str | None:
    value = record.get(key)
    if value is not None and value not in allowed:
        raise InputError(f"{where}: {unknown(key, value, allowed)}")
    return cast("str | None", value)


def _profile(record: Mapping[str, Any], key: str, where: str) -> Profile | None:
    if record.get(key) is None:
        return None
    values = dict(_object(record[key], f"{where}: {key}", ()))
    values.pop("ID", None)  # the number of an actor in the released AvaMERG files
    try:
        return replace(Profile(), **check_profile_values(values, "profile"))
    except InputError as error:
        raise InputError(f"{where}: {key}: {error}") from error


def _turn(value: object, where: str, folder: Path) -> Turn:
    record = _object(value, where, _TURN_KEYS)
    role, text = record.get("role"), record.get("text")
    if role not in ROLES:
        raise InputError(f"{where}: {unknown('role', role, ROLES)}")
    if not isinstance(text, str):
        raise InputError(f'{where}: "text" must be a string, not {_kind(text)}.')
    return Turn(
        role=cast("Role", role),
        text=tidy_text(text, f"{where}: the text"),
        audio=_path(record, "audio", where, folder),
        video=_path(record, "video", where, folder),
        emotion=_label(record, "emotion", EMOTIONS32, where),
        emotion8=_label(record, "emotion8", EMOTIONS8, where),
        emotion_source=_string(record, "emotion_source", where),
        chain=_chain(record, where),
    )


def _path(record: Mapping[str, Any], key: str, where: str, folder: Path) -> Path | None:
    value = _string(record, key, where)
    return folder / value if value else None


def _chain(record: Mapping[str, Any], where: str) -> ChainOfEmpathy | None:
    if record.get("chain_of_empathy") is None:
        return None
    where = f"{where}: chain_of_empathy"
    chain = _object(record["chain_of_empathy"], where, CHAIN_FIELDS)
    missing = [name for name in CHAIN_FIELDS if not isinstance(chain.get(name), str)]
    if missing:
        raise InputError(f"{where}: {', '.join(missing)} must be given as text.")
    return ChainOfEmpathy(
        **{name: check_chain_value(name, chain[name], where) for name in CHAIN_FIELDS}
    )
