"""Recording with people: who reads which dialogue, what is on their sheet, what must be done again.

Participants are a csv: ``id,age,gender,tone,race`` (tone and race may be empty). Each side of a
dialogue goes to somebody of its age and gender, as near as can be in tone and race, with as little
to read as possible so far; nobody talks to themselves. A participant stays the same person: files
are called ``dia00042utt3_P07.wav`` and ``.mp4``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from empatheia.data import media_index, plan
from empatheia.data.labels import AGES, GENDERS, RACES, TONES
from empatheia.data.media_checks import (
    APART,
    CountFaces,
    lip_faults,
    sound_faults,
    whole_video,
    whole_wav,
)
from empatheia.data.requests import profile_text
from empatheia.data.rules import NOTICES, Fault
from empatheia.data.sound_checks import measure
from empatheia.errors import InputError, MediaError, unknown
from empatheia.media.audio import read_audio
from empatheia.types import Dialogue, Profile, Speech, Turn, Video

CLIPPED: Final = 0.001  # of all samples
LEAST_SNR: Final = 20.0  # dB


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who reads. Empty ``tone`` or ``race``: not told, fits any."""

    id: str
    age: str
    gender: str
    tone: str = ""
    race: str = ""

    def fits(self, profile: Profile) -> int | None:
        """None where age or gender differ; else how much else does (0 is best)."""
        if (self.age, self.gender) != (profile.age, profile.gender):
            return None
        return (self.tone not in ("", profile.tone)) + (self.race not in ("", profile.race))


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance on a sheet."""

    dialogue_id: str
    place: int
    participant: str
    role: str
    text: str
    emotion: str
    tone: str
    profile: str
    said_before: str
    files: str


def read_participants(path: Path) -> list[Participant]:
    """Raises InputError naming the row and the value that cannot be used."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read participants {path}: {error}") from error
    found: dict[str, Participant] = {}
    allowed = {"age": AGES, "gender": GENDERS, "tone": ("", *TONES), "race": ("", *RACES)}
    for number, row in enumerate(rows, 2):
        values = {name: (row.get(name) or "").strip().lower() for name in allowed}
        identity = (row.get("id") or "").strip()
        where = f"{path.name} row {number}"
        if not identity.replace("-", "").isalnum() or identity in found:
            raise InputError(f"{where}: id {identity!r} must be letters and digits, used once.")
        for name, values_allowed in allowed.items():
            if values[name] not in values_allowed:
                raise InputError(f"{where}: {unknown(name, values[name], values_allowed)}")
        found[identity] = Participant(identity, **values)
    if not found:
        raise InputError(f"{path} names nobody: a csv with the columns id,age,gender,tone,race.")
    return list(found.values())


def pair(
    dialogues: Iterable[Dialogue], people: Sequence[Participant]
) -> tuple[list[Dialogue], list[Fault]]:
    """Dialogues with two participants each, and those for whom nobody is there.

    Ids that are no numbers are replaced, as file names want them; ``source`` keeps them.
    """
    told = list(dialogues)
    if not plan.are_numbers([dialogue.id for dialogue in told]):
        told = [plan.numbered(dialogue, place) for place, dialogue in enumerate(told)]
    load = {person.id: 0 for person in people}
    paired, faults = [], []
    for dialogue in told:
        if not dialogue.turns:
            continue
        chosen: dict[str, str] = {}
        for side in ("speaker", "listener"):
            words = sum(len(t.text.split()) for t in dialogue.turns if t.role == side)
            profile: Profile | None = getattr(dialogue, side)
            if profile is None:
                faults.append(Fault("V7", dialogue.id, f"the {side} has no profile: annotate it"))
                break
            fitting = [
                (score, load[person.id], place, person.id)
                for place, person in enumerate(people)
                if person.id not in chosen.values() and (score := person.fits(profile)) is not None
            ]
            if not fitting:
                message = f"nobody is {profile.age} and {profile.gender} for the {side}"
                faults.append(Fault("V7", dialogue.id, message))
                break
            chosen[side] = min(fitting)[-1]
            load[chosen[side]] += words
        if len(chosen) == 2:
            paired.append(
                replace(dialogue, speaker_id=chosen["speaker"], listener_id=chosen["listener"])
            )
    return paired, faults


def lines(dialogues: Iterable[Dialogue]) -> Iterator[Line]:
    """What everybody has to read, in the order of the dialogues."""
    for dialogue in dialogues:
        for place, turn in enumerate(dialogue.turns):
            person = getattr(dialogue, f"{turn.role}_id")
            profile: Profile = getattr(dialogue, turn.role)
            name = media_index.file_name(dialogue.id, place, person, "wav")
            yield Line(
                dialogue_id=dialogue.id,
                place=place,
                participant=person,
                role=turn.role,
                text=turn.text,
                emotion=turn.emotion or turn.emotion8 or "neutral",
                tone=profile.tone,
                profile=profile_text(profile),
                said_before=dialogue.turns[place - 1].text if place else "",
                files=f"{name} {Path(name).with_suffix('.mp4')}",
            )


def sheet(person: str, mine: Sequence[Line]) -> str:
    """One participant's reading sheet, Markdown."""
    out = [
        f"# Reading sheet of {person}",
        "",
        f"{len(mine)} utterances. Read the words as they stand, look at the camera, one face in",
        "view, half a second of silence before and after. Save each take under its two names.",
    ]
    for line in mine:
        out += ["", f"## {line.dialogue_id}, utterance {line.place} ({line.role})", ""]
        if line.said_before:
            out += [f"The other has just said: *{line.said_before}*", ""]
        out += [
            f"> {line.text}",
            "",
            f"feel: **{line.emotion}** · tone: **{line.tone}** · you are: {line.profile}",
            "",
            f"`{line.files}`",
        ]
    return "\n".join(out) + "\n"


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def take_in(
    dialogues: Iterable[Dialogue], places: Sequence[Path], unpack_to: Path, faces: CountFaces | None
) -> Iterator[tuple[Dialogue, list[Fault]]]:
    """Put recordings to their utterances; what is not good enough is left out, with the reasons.

    Raises InputError where a place does not exist.
    """
    found, faults = media_index.index(places, unpack_to)
    by_name: dict[str, list[Path]] = {}
    for items in found.values():
        for item in items:
            by_name.setdefault(item.path.name.lower(), []).append(item.path)
    first = list(faults)
    for dialogue in dialogues:
        turns, wrong = [], first
        first = []
        for place, turn in enumerate(dialogue.turns):
            person = str(getattr(dialogue, f"{turn.role}_id"))
            taken, reasons = _take(dialogue.id, place, turn, person, by_name, faces)
            wrong += [Fault(rule, dialogue.id, text, place) for rule, text in reasons]
            turns.append(taken)
        yield replace(dialogue, turns=tuple(turns)), wrong


def _take(
    identity: str,
    place: int,
    turn: Turn,
    person: str,
    by_name: Mapping[str, Sequence[Path]],
    faces: CountFaces | None,
) -> tuple[Turn, list[tuple[str, str]]]:
    chosen: dict[str, Path] = {}
    reasons: list[tuple[str, str]] = []
    for kind, ending in (("audio", "wav"), ("video", "mp4")):
        name = media_index.file_name(identity, place, person, ending)
        paths = by_name.get(name.lower(), ())
        if not paths:
            reasons.append(("V10", f"{name} is missing"))
        elif len(paths) > 1:
            reasons.append(("R6", f"{len(paths)} files are called {name}: keep the good one"))
        else:
            chosen[kind] = paths[0]
    if len(chosen) == 2:
        reasons += quality(chosen["audio"], chosen["video"], turn.text, faces)
    if any(rule not in NOTICES for rule, _ in reasons):
        return turn, reasons
    return replace(turn, audio=chosen["audio"], video=chosen["video"], times=None), reasons


def quality(
    audio: Path, video: Path, text: str, faces: CountFaces | None
) -> Iterator[tuple[str, str]]:
    """Why a take must be done again, by rule; nothing where it is good."""
    try:
        speech: Speech = read_audio(audio, 16_000)
        whole_wav(audio)
    except MediaError as error:
        yield "M1", str(error)
        return
    try:
        seen: Video = whole_video(video)
    except MediaError as error:
        yield "M2", str(error)
        return
    sound = measure(speech)
    if sound.clipped > CLIPPED:
        yield "M1", f"too loud: {100 * sound.clipped:.1f} % of the sound is clipped"
    if sound.snr < LEAST_SNR:
        yield "M5", f"noisy: {sound.snr:.0f} dB above the noise; {LEAST_SNR:.0f} are needed"
    yield from sound_faults(speech, text)
    apart = abs(len(seen.frames) / seen.fps - speech.seconds)
    if apart > APART:
        yield "M4", f"sound and video differ by {apart:.2f} s"
    count = faces(seen.frames) if faces else None
    if count is not None and count != 1:
        yield "M6", f"{count} faces are seen: look at it"
    yield from lip_faults(seen, speech)
