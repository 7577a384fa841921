"""AvaMERG's released layout, read and written.

A file is a JSON array of conversations. Each has ``conversation_id``, and in the full release
``speaker_profile``, ``listener_profile`` (``age, gender, timbre, ID``) and ``topic``; its
``turns`` are the listener's turns to come: ``context`` (the situation, or the first utterance),
``dialogue_history`` up to the speaker's turn, and, where given, ``response`` and
``chain_of_empathy``. The test file drops everything but context and history, and keeps
conversations without any turn. So a conversation is its last history, and the last response.

Files that :func:`to_released` writes carry a few keys more (race, situation, feelings), which
other readers of the layout pass over, so that nothing is lost between writing and reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from empatheia.data import json_stream, plan
from empatheia.data.empathetic import clean
from empatheia.data.labels import EMOTIONS32, TIMBRE_TO_TONE
from empatheia.data.manifest import chain_of
from empatheia.data.rules import Fault
from empatheia.errors import InputError
from empatheia.types import ChainOfEmpathy, Dialogue, Profile, Turn

SPLITS: Final = ("train", "valid", "test")
TONE_TO_TIMBRE: Final = {tone: timbre for timbre, tone in TIMBRE_TO_TONE.items()}
_EXTRA: Final = ("emotion", "emotion8", "emotion_source", "intensity")


def files_of(path: Path) -> list[tuple[Path, str | None]]:
    """The JSON files under ``path`` with the split that each one's name says.

    Raises InputError where there is none.
    """
    if path.is_file():
        return [(path, split_of(path))]
    found = sorted(path.glob("*.json")) if path.is_dir() else []
    found = [file for file in found if not file.name.endswith(".report.json")]
    named = [(file, split_of(file)) for file in found]
    chosen = [item for item in named if item[1]] or named
    if not chosen:
        raise InputError(f"no AvaMERG file at {path}: give train.json, or the folder it is in.")
    order = {split: place for place, split in enumerate(SPLITS)}
    return sorted(chosen, key=lambda item: (order.get(item[1] or "", 9), item[0].name))


def split_of(path: Path) -> str | None:
    """``train.json`` and ``avamerg_test_300.json`` say their split."""
    words = path.stem.lower().replace("-", "_").split("_")
    aliases = {"dev": "valid", "val": "valid", "validation": "valid"}
    return next((s for w in words if (s := aliases.get(w, w)) in SPLITS), None)


def read(path: Path) -> Iterator[Dialogue | Fault]:
    """Conversations of a file or a folder of files, as a stream, with what is wrong between them.

    What follows a place where a file breaks cannot be read; that is a fault too (rule R1).
    """
    for file, split in files_of(path):
        conversations = json_stream.elements(file)
        number = 0
        while True:
            number += 1
            try:
                item = next(conversations)
            except StopIteration:
                break
            except InputError as error:
                rule = "R2" if "UTF-8" in str(error) else "R1"
                yield Fault(rule, f"{file.name} conversation {number}", str(error))
                break
            yield from from_released(item, split, f"{file.name} conversation {number}")


def from_released(item: object, split: str | None, where: str) -> Iterator[Dialogue | Fault]:
    """One conversation, and faults where its histories contradict each other."""
    try:
        if not isinstance(item, Mapping):
            raise TypeError("an object is expected")
        identity = str(item["conversation_id"])
        samples = item["turns"]
        history = [clean(str(h["utterance"])) for h in _longest(samples)]
        roles = [h["role"] for h in _longest(samples)]
        dialogue = _dialogue(item, identity, split, samples, list(zip(roles, history, strict=True)))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
        yield Fault("R3", where, f"not a conversation of AvaMERG: {what}")
        return
    yield dialogue
    for number, sample in enumerate(samples):
        said = [clean(str(h["utterance"])) for h in sample["dialogue_history"]]
        if said != history[: len(said)]:
            message = f"the history of turn {number} is not the beginning of the last one"
            yield Fault("R4", identity, message)
    if not samples:
        yield Fault("R8", identity, "no turns, as released")


def _longest(samples: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    histories = [sample["dialogue_history"] for sample in samples]
    return max(histories, key=len) if histories else []


def _dialogue(
    item: Mapping[str, Any],
    identity: str,
    split: str | None,
    samples: Sequence[Mapping[str, Any]],
    history: list[tuple[str, str]],
) -> Dialogue:
    chains = {len(s["dialogue_history"]): s.get("chain_of_empathy") for s in samples}
    extras = {h["index"]: h for s in samples for h in s["dialogue_history"] if "index" in h}
    responses = {len(s["dialogue_history"]): s for s in samples if s.get("response")}
    if len(history) in responses:
        history.append(("listener", clean(str(responses[len(history)]["response"]))))
    turns = []
    for place, (role, text) in enumerate(history):
        told = extras.get(place) or responses.get(place, {}).get("response_labels") or {}
        chain = chains.get(place) if role == "listener" else None
        turns.append(
            Turn(
                role=role,  # type: ignore[arg-type]  # unknown roles are reported by validate
                text=text,
                chain=None if chain is None else _chain(chain),
                **{name: told.get(name) for name in _EXTRA},
            )
        )
    context = clean(str(samples[0].get("context") or "")) if samples else ""
    named = [c["speaker_emotion"] for c in chains.values() if c and c.get("speaker_emotion")]
    emotion = item.get("emotion") or next((e for e in named if e in EMOTIONS32), None)
    speaker, speaker_id, drawn = _person(item.get("speaker_profile"), "speaker")
    listener, listener_id, also = _person(item.get("listener_profile"), "listener")
    return Dialogue(
        id=identity,
        turns=tuple(turns),
        emotion=emotion,
        situation=item.get("situation") or (context if context != _first(turns) else None) or None,
        topic=item.get("topic"),
        subtopic=item.get("subtopic"),
        speaker=speaker,
        listener=listener,
        split=item.get("split") or split,
        source=item.get("source") or "avamerg",
        speaker_id=speaker_id,
        listener_id=listener_id,
        drawn=tuple(item.get("drawn", drawn + also)),
        label_sources=tuple(dict(item.get("label_sources", ())).items()),
    )


def _first(turns: Sequence[Turn]) -> str:
    return turns[0].text if turns else ""


def _chain(values: Mapping[str, Any]) -> ChainOfEmpathy:
    return chain_of({name: clean(str(value)) for name, value in values.items()})


def _person(
    values: Mapping[str, Any] | None, side: str
) -> tuple[Profile | None, str | None, tuple[str, ...]]:
    """Profile, id of the person, and what the release does not say and is drawn: the race."""
    if values is None:
        return None, None, ()
    tone = str(values.get("tone") or values["timbre"])
    profile = Profile(
        age=str(values["age"]),
        gender=str(values["gender"]),
        tone=TIMBRE_TO_TONE.get(tone, tone),
        race=str(values.get("race") or plan.race_of(str(values.get("ID")))),
    )
    person = values.get("ID")
    missing = () if values.get("race") else (f"{side}.race",)
    return profile, None if person is None else str(person), missing


def to_released(dialogue: Dialogue) -> dict[str, Any]:
    """A dialogue in the released layout, with the additional keys."""
    item: dict[str, Any] = {"conversation_id": dialogue.id}
    for side in ("speaker", "listener"):
        profile: Profile | None = getattr(dialogue, side)
        if profile is not None:
            item[f"{side}_profile"] = _person_out(profile, getattr(dialogue, f"{side}_id"))
            if f"{side}.race" in dialogue.drawn:
                item[f"{side}_profile"]["race"] = profile.race
    names = ("topic", "subtopic", "emotion", "situation", "split", "source")
    item |= {k: v for k in names if (v := getattr(dialogue, k)) is not None}
    if dialogue.drawn:
        item["drawn"] = list(dialogue.drawn)
    if dialogue.label_sources:
        item["label_sources"] = dict(dialogue.label_sources)
    item["turns"] = list(_samples(dialogue))
    return item


def _person_out(profile: Profile, person: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "age": profile.age,
        "gender": profile.gender,
        "timbre": TONE_TO_TIMBRE[profile.tone],
        "race": profile.race,
    }
    if person is not None:
        values["ID"] = int(person) if person.isdecimal() and str(int(person)) == person else person
    return values


def _samples(dialogue: Dialogue) -> Iterator[dict[str, Any]]:
    """One sample for each speaker's turn: its history and the response where there is one."""
    turns = dialogue.turns
    context = dialogue.situation or _first(turns)
    number = 0
    for place, turn in enumerate(turns):
        answered = place + 1 < len(turns) and turns[place + 1].role == "listener"
        if turn.role != "speaker" or not (answered or place + 1 == len(turns)):
            continue
        sample: dict[str, Any] = {
            "turn_id": str(number),
            "context": context,
            "dialogue_history": [
                {"index": i, "role": t.role, "utterance": t.text, **_told(t)}
                for i, t in enumerate(turns[: place + 1])
            ],
        }
        if answered:
            reply = turns[place + 1]
            sample["response"] = reply.text
            if told := _told(reply):
                sample["response_labels"] = told
            if reply.chain is not None:
                sample["chain_of_empathy"] = {
                    name: value
                    for name in ChainOfEmpathy.__dataclass_fields__
                    if (value := getattr(reply.chain, name))
                }
        number += 1
        yield sample


def _told(turn: Turn) -> dict[str, str | float]:
    return {name: value for name in _EXTRA if (value := getattr(turn, name)) is not None}
