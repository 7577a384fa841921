"""What can be repaired in a manifest without asking anybody, into a new file.

- V1: a record whose layout is broken is left out (and named); a line that is no JSON as well.
- V2: a repeated id gets ``-2``, ``-3`` …; V13: a dialogue told again word for word is left out.
- V4: turns that one person says in a row are joined; listener turns before the speaker are dropped.
- V5: texts are tidied; a turn without words is dropped, its neighbours are joined.
- V6, V7, V9: labels with other capitals or AvaMERG's timbre are renamed; unknown ones are dropped.
- V8: a speaker's turn takes the dialogue's emotion. V10: paths that lead nowhere are dropped.
- V15: the coarse key follows the fine emotion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empatheia.data import manifest
from empatheia.data.dialogue import ROLES
from empatheia.data.feelings import label_speaker
from empatheia.data.labels import (
    AVAMERG_32_TO_7,
    EMOTIONS8,
    EMOTIONS32,
    PROFILE_FIELDS,
    TIMBRE_TO_TONE,
)
from empatheia.data.manifest import MEDIA, Record
from empatheia.data.requests import CHAIN_FIELDS
from empatheia.data.rules import Fault
from empatheia.data.text_input import tidy_text
from empatheia.data.tidy import normal_form
from empatheia.errors import ConfigError, InputError
from empatheia.types import Dialogue

_LABELS = {"emotion": EMOTIONS32, "emotion8": EMOTIONS8}


def fix(path: Path, out: Path) -> Counter[str]:
    """Write the repaired manifest to ``out``; returns how often each rule was repaired.

    Raises ConfigError where ``out`` is ``path``, InputError where a file cannot be used.
    """
    if out.resolve() == path.resolve():
        raise ConfigError(f"--fix {out} is the manifest itself: name another file.")
    done: Counter[str] = Counter()
    manifest.write(out, _fixed(path, done))
    return done


def _fixed(path: Path, done: Counter[str]) -> Iterator[Dialogue]:
    ids: Counter[str] = Counter()
    told: set[int] = set()
    for record, number in manifest.records(path):
        if isinstance(record, Fault):
            done[record.rule] += 1
            continue
        try:
            dialogue = _dialogue(record, number, path.parent, done)
        except InputError:
            done["V1"] += 1
            continue
        words = hash(tuple(normal_form(turn.text) for turn in dialogue.turns))
        if dialogue.turns and words in told:
            done["V13"] += 1
            continue
        told.add(words)
        ids[dialogue.id] += 1
        if ids[dialogue.id] > 1:
            done["V2"] += 1
            record_id = f"{dialogue.id}-{ids[dialogue.id]}"
            dialogue = manifest.from_record({**manifest.to_record(dialogue), "id": record_id})
        yield dialogue


def _dialogue(record: Record, number: int, folder: Path, done: Counter[str]) -> Dialogue:
    record = dict(record)
    record["id"] = str(record.get("id") or f"line-{number}")
    if not isinstance(record.get("turns"), list):
        raise InputError("no turns")
    turns: list[Record] = []
    for turn in record["turns"]:
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            done["V1"] += 1
            continue
        _append(turns, _turn(turn, folder, done), done)
    record["turns"] = turns
    _label(record, "emotion", EMOTIONS32, "V6", done)
    for side in ROLES:
        _profile(record, f"{side}_profile", done)
    _coarse(turns, "V8" if record.get("emotion") else "V15", done)
    before = manifest.from_record(record, folder)
    wrong = any(t.role == "speaker" and t.emotion != before.emotion for t in before.turns)
    if before.emotion and wrong:
        done["V8"] += 1
        for turn in turns:
            if turn["role"] == "speaker":
                for name in ("emotion", "emotion8", "emotion_source"):
                    turn.pop(name, None)
        before = manifest.from_record(record, folder)
    return label_speaker(before)


def _coarse(turns: list[Record], speaker_rule: str, done: Counter[str]) -> None:
    for turn in turns:
        key = AVAMERG_32_TO_7.get(turn.get("emotion", ""))
        if key and turn.get("emotion8") not in (key, None):
            turn["emotion8"] = key
            done[speaker_rule if turn["role"] == "speaker" else "V15"] += 1


def _turn(turn: Record, folder: Path, done: Counter[str]) -> Record:
    turn = dict(turn)
    role = str(turn.get("role")).lower()
    turn["role"] = role if role in ROLES else "speaker"
    done["V1"] += role not in ROLES
    try:
        tidied = tidy_text(turn["text"])
    except InputError:
        tidied = ""
    if not any(map(str.isalnum, tidied)):
        tidied = ""
    done["V5"] += tidied != turn["text"]
    turn["text"] = tidied
    for name, allowed in _LABELS.items():
        _label(turn, name, allowed, "V6", done)
    if not turn.get("emotion") and not turn.get("emotion8"):
        turn.pop("emotion_source", None)
    strength = turn.get("intensity", 0.0)
    if not (isinstance(strength, int | float) and 0 <= strength <= 1):
        del turn["intensity"]
        done["V16"] += 1
    chain = turn.get("chain_of_empathy")
    if chain is not None:
        _chain(turn, chain, done)
    for kind in MEDIA:
        if turn.get(kind) and not (folder / str(turn[kind])).is_file():
            del turn[kind]
            done["V10"] += 1
    return turn


def _append(turns: list[Record], turn: Record, done: Counter[str]) -> None:
    """Join what one person says in a row; media of joined turns would no longer fit."""
    if not turn["text"]:
        return
    if not turns and turn["role"] == "listener":
        done["V4"] += 1
        return
    if turns and turns[-1]["role"] == turn["role"]:
        done["V4"] += 1
        turns[-1] = {
            **{k: v for k, v in turns[-1].items() if k not in MEDIA},
            "text": f"{turns[-1]['text']} {turn['text']}",
        }
        return
    turns.append(turn)


def _chain(turn: Record, chain: Any, done: Counter[str]) -> None:
    if turn["role"] != "listener" or not isinstance(chain, dict):
        del turn["chain_of_empathy"]
        done["V9"] += 1
        return
    chain = {name: chain[name] for name in CHAIN_FIELDS if isinstance(chain.get(name), str)}
    _label(chain, "speaker_emotion", EMOTIONS32, "V9", done)
    _label(chain, "response_emotion", EMOTIONS8, "V9", done)
    turn["chain_of_empathy"] = chain
    if not all(chain.get(name) for name in CHAIN_FIELDS[:-1]):
        del turn["chain_of_empathy"]
        done["V9"] += 1


def _label(
    record: Record, name: str, allowed: tuple[str, ...], rule: str, done: Counter[str]
) -> None:
    value = record.get(name)
    if value is None or value in allowed:
        return
    done[rule] += 1
    lower = value.strip().lower() if isinstance(value, str) else ""
    if lower in allowed:
        record[name] = lower
    else:
        del record[name]


def _profile(record: Record, name: str, done: Counter[str]) -> None:
    """A profile with an unknown value is dropped: half a person is nobody."""
    profile = record.get(name)
    if profile is None:
        return
    values = {k: str(v).strip().lower() for k, v in profile.items()} if profile else {}
    if "timbre" in values:
        values["tone"] = TIMBRE_TO_TONE.get(values["timbre"], values["timbre"])
    values = {k: v for k, v in values.items() if k in PROFILE_FIELDS}
    whole = all(values.get(k) in allowed for k, allowed in PROFILE_FIELDS.items())
    if values != profile:
        done["V7"] += 1
    if whole:
        record[name] = values
    else:
        del record[name]
        done["V7"] += values == profile
