"""The speech table: understood words, signal quality, the speaker's likeness, prosody, emotion.

MOS and SMOS stay empty: only people's votes fill them. DNSMOS is the quality of a signal, not
naturalness (it puts formant synthesis level with recordings), and is named so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.data.references import Reference
from empatheia.errors import InputError, MissingExtraError
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.figures import detailed, dialogue_of, mean_figure
from empatheia.evaluation.hearing import LEAST, Cues, Hearing, hear_actors, heard
from empatheia.evaluation.likeness import (
    NO_OTHER,
    NO_SAME,
    Voices,
    of_one_listener,
    of_two_listeners,
)
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.recogniser import Recogniser, character_errors_of, errors_of
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.sound_models import NO_DNSMOS, SignalQuality
from empatheia.evaluation.statistics import ratio_score
from empatheia.evaluation.synthetic import reference_name
from empatheia.media.audio import check_heard, read_audio
from empatheia.speech.acoustics import measured
from empatheia.speech.normalise import spoken_words
from empatheia.types import Speech

HUMAN = "human votes, from a rating study"
NO_VOICE = "reference recordings, which this data does not have"
NO_ACTORS = "RAVDESS speech to train the classifier on, given by --ravdess"
NO_SPHINX = "PocketSphinx, from pip install pocketsphinx"
FEW = f"fewer than {LEAST} recordings to hear feelings beside"
APART = 0.1  # seconds by which two lengths may differ: a coder pads a packet or two
BY_ACTORS = "discriminant analysis on RAVDESS, each person's recordings beside their own"
NO_OWN = "sound of the system's own: these replies carry the reference's (teacher-forced)"
BORROWED = "the reference's own sound (teacher-forced)"
TWO_SOUNDS = "two recordings and more"
WORDS = {"recogniser": "PocketSphinx 5, en-us", "scale": 100}
_UNITS = {
    "pitch": "Hz", "deviation": "F0 sd, semitones", "span": "semitones", "seconds": "s",
    "rate": "words/s", "energy": "dB", "tilt": "dB/octave",
}  # fmt: skip
_HUMAN = {"mos": Figure.missing(HUMAN), "smos": Figure.missing(HUMAN)}

METRICS = (
    Metric("mos", "MOS", "up"),
    Metric("smos", "SMOS", "up"),
    Metric("wer", "WER", "down", 1, settings=WORDS),
    Metric("cer", "CER", "down", 1, settings=WORDS | {"spaces": "count as characters"}),
    Metric("dnsmos", "Signal quality (DNSMOS)", "up", 2, settings={"model": "P.835, overall"},
           note="signal quality, not naturalness"),
    Metric("secs", "Speaker similarity", "up", 3,
           settings={"embedding": "Resemblyzer", "of": "reply and reference recording"}),
    Metric("emotion", "Emotion acc (proxy)", "up", 1,
           version=2, settings={"classifier": BY_ACTORS, "of": "the feeling that was meant"}),
    *(Metric(f"prosody_{n}", f"{n} ({u})", "none", 1) for n, u in _UNITS.items()),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A recording and the words it should say."""

    item: str
    sound: Path
    text: str
    emotion: str | None = None  # one of the eight keys, that was meant
    person: str = ""


Sounds = Sequence[tuple[Reference, Said]]


def speech_table(
    name: str, pairs: Sequence[Pair], settings: Mapping[str, Any], ravdess: Path | None = None
) -> tuple[Table, dict[str, list[str]]]:
    """Table and faults of one system. Raises InputError where it has no sound at all."""
    faults = Faults()
    ours: list[tuple[Reference, Said]] = []
    truth: list[tuple[Reference, Said]] = []
    silent, forced = True, bool(settings.get("teacher_forced"))
    for reference, answer in pairs:
        sound = answer.audio or answer.video
        if sound is None or not sound.is_file():
            faults.add("no sound", reference.id)
        else:
            feeling = answer.chain.get("response_emotion")
            said = Said(reference.id, sound, answer.reply, feeling, answer.person)
            silent = False
            _odd(reference.id, sound, answer.video, reference.audio, forced, faults)
            if forced and _borrowed(sound, reference.audio):
                faults.add(BORROWED, reference.id)
            else:
                ours.append((reference, said))
        if reference.audio is not None and reference.audio.is_file() and reference.response:
            meant, who = (reference.chain or {}).get("response_emotion"), reference.listener_id
            said = Said(reference.id, reference.audio, reference.response, meant, who or "")
            truth.append((reference, said))
    if silent:
        raise InputError(
            f"none of {len(pairs)} predictions has sound that is there: `empatheia predict --media`"
            " makes it, 'audio' in a line names one"
        )
    tools = _Tools(_Words(), Voices(), hear_actors(ravdess) if ravdess else None)
    if ours:
        voice = _own([s for _, s in ours], tools, faults)
        voice["secs"] = _likeness(ours, tools, faults)
    else:
        voice = {m.id: Figure.missing(NO_OWN, len(pairs)) for m in METRICS}
    rows = [Row(name, voice | _HUMAN, str(settings.get("mark", ""))), _truth(truth, tools, faults)]
    rows += _floors(name, ours, tools)
    rows.append(Row("Actors not learnt from", {"emotion": _held_out(tools.ear)}, "ceiling"))
    return Table("speech", "Speech", METRICS, tuple(rows)), dict(faults.found)


@dataclass(frozen=True, slots=True)
class _Tools:
    """What listens; ``ear`` is None where nothing teaches it."""

    words: _Words
    voices: Voices
    ear: Hearing | None


def _truth(truth: Sounds, tools: _Tools, faults: Faults) -> Row:
    """The references' own row, also where there are none."""
    name, mark = reference_name([said.sound for _, said in truth])
    if not truth:
        return Row(name, {m.id: Figure.missing(NO_VOICE) for m in METRICS} | _HUMAN, mark)
    theirs = Faults()
    figures = _own([said for _, said in truth], tools, theirs) | _HUMAN
    same = of_one_listener([reference for reference, _ in truth])
    figures["secs"] = tools.voices.figure(same, NO_SAME, theirs)
    faults.of("reference", theirs)
    return Row(name, figures, mark)


def _floors(name: str, ours: Sounds, tools: _Tools) -> list[Row]:
    """Each recording beside another's words, and beside another person's voice."""
    said = [s for _, s in ours]
    away = [*said[1:], *said[:1]]
    mixed = [Said(a.item, a.sound, b.text) for a, b in zip(said, away, strict=True)]
    few = dict.fromkeys(("wer", "cer"), Figure.missing(TWO_SOUNDS))
    words = tools.words.errors(mixed, Faults()) if len(mixed) > 1 else few
    others = of_two_listeners([(reference, s.sound) for reference, s in ours])
    likeness = tools.voices.figure(others, NO_OTHER, Faults())
    return [
        Row(f"{name}, other words", words, "floor"),
        Row(f"{name}, another's voice", {"secs": likeness}, "floor"),
    ]


def _held_out(ear: Hearing | None) -> Figure:
    """How often the classifier of feelings is right about people whom it did not learn from."""
    if ear is None:
        return Figure.missing(NO_ACTORS)
    if not ear.held_out:
        return Figure.missing("recordings of five actors and more")
    return Figure.of(item_score([emotion for emotion, _ in ear.held_out]), ear.digest)


def _borrowed(sound: Path, real: Path | None) -> bool:
    """Whether a recording is the reference's own, sample by sample."""
    own, theirs = _quiet(sound), _quiet(real) if real is not None else None
    if own is None or theirs is None or own.sample_rate != theirs.sample_rate:
        return False
    count = min(len(own.audio), len(theirs.audio))
    alike = abs(own.seconds - theirs.seconds) <= APART
    return alike and bool(np.allclose(own.audio[:count], theirs.audio[:count], atol=1e-3))


def _odd(
    item: str, sound: Path, video: Path | None, real: Path | None, forced: bool, faults: Faults
) -> None:
    """What is measured all the same, but should be known of a recording.

    Beside the reply's own video it must be as long, beside the reference's ``real`` sound of one
    rate, and as long where the words are the same (``forced``).
    """
    own = faults.measure("sound", item, partial(read_audio, sound))
    if own is None:
        return
    try:
        check_heard(own)
    except InputError:
        faults.add("silent or shorter than 0.2 s", item)
    if video is not None and video != sound and video.is_file():
        shown = faults.measure("sound of the video", item, partial(read_audio, video))
        if shown is not None and abs(shown.seconds - own.seconds) > APART:
            told = f"{item}: {own.seconds:.2f} s and {shown.seconds:.2f} s"
            faults.add("sound of other length than its video", told)
    their = real is not None and real.is_file() and _quiet(real)
    if not their:
        return
    if their.sample_rate != own.sample_rate:
        told = f"{item}: {own.sample_rate} and {their.sample_rate} Hz"
        faults.add("sound of other rate than the reference", told)
    if forced and abs(their.seconds - own.seconds) > APART:
        told = f"{item}: {own.seconds:.2f} s and {their.seconds:.2f} s"
        faults.add("sound of other length than the reference", told)


def _quiet(sound: Path) -> Speech | None:
    """A recording, or None: what is wrong with a reference is told with its row."""
    try:
        return read_audio(sound)
    except InputError:
        return None


def _own(said: Sequence[Said], tools: _Tools, faults: Faults) -> dict[str, Figure]:
    """What is measured of recordings alone."""
    found = tools.words.errors(said, faults)
    found["dnsmos"] = _signal_quality(said, faults)
    found["emotion"] = _emotion(said, tools.ear, faults)
    return found | prosody(said, faults)


def prosody(said: Sequence[Said], faults: Faults) -> dict[str, Figure]:
    """Means over recordings of pitch, its spread, length, speaking rate, energy and tilt."""
    found = {
        s.item: told
        for s in said
        if (told := faults.measure("prosody", s.item, partial(prosody_of, s.sound, s.text)))
    }
    return {
        f"prosody_{name}": mean_figure(
            [(item, told[name]) for item, told in found.items()], "recordings with a voice"
        )
        for name in _UNITS
    }


def prosody_of(sound: Path, text: str) -> dict[str, float]:
    """Of one file that says ``text``. Raises InputError where it has no voice."""
    found, deviation = measured(read_audio(sound))
    rate = len(spoken_words(text)) / found.seconds
    return asdict(found) | {"deviation": deviation, "rate": rate}


class _Words:
    """What a recogniser hears, once a recording, also where it is laid beside other words."""

    def __init__(self) -> None:
        self._known: dict[Path, list[str]] = {}
        try:
            self._version = f"pocketsphinx {version('pocketsphinx')}"
        except PackageNotFoundError:
            self._version = "pocketsphinx"
        try:
            self._recogniser: Recogniser | None = Recogniser()
        except MissingExtraError:
            self._recogniser = None

    def errors(self, said: Sequence[Said], faults: Faults) -> dict[str, Figure]:
        """Errors over words, and over characters, of all recordings; dialogues are drawn again."""
        if self._recogniser is None:
            return dict.fromkeys(("wer", "cer"), Figure.missing(NO_SPHINX, len(said)))
        found = [
            (s, heard)
            for s in said
            if (h := partial(self._hear, self._recogniser, s.sound))
            and (heard := faults.measure("WER", s.item, h)) is not None
        ]
        figures = {}
        for name, count in (("wer", errors_of), ("cer", character_errors_of)):
            parts = [(dialogue_of(s.item), count(heard, s.text)) for s, heard in found]
            parts = [(dialogue, errors) for dialogue, errors in parts if errors.words]
            if not parts:
                figures[name] = Figure.missing("replies with words and sound", len(said))
                continue
            groups = [dialogue for dialogue, _ in parts]
            top, bottom = zip(*((100.0 * e.errors, float(e.words)) for _, e in parts), strict=True)
            figures[name] = Figure.of(ratio_score(top, bottom, groups), self._version)
        return figures

    def _hear(self, recogniser: Recogniser, sound: Path) -> list[str]:
        if sound not in self._known:
            self._known[sound] = recogniser.hear(read_audio(sound))
        return self._known[sound]


def _signal_quality(said: Sequence[Said], faults: Faults) -> Figure:
    rate = SignalQuality.installed()
    if rate is None:
        return Figure.missing(NO_DNSMOS, len(said))
    values = []
    for s in said:
        value = faults.measure("DNSMOS", s.item, lambda s=s: rate(read_audio(s.sound)))  # type: ignore[misc]
        values += [(s.item, value)] if value is not None else []
    return mean_figure(values, "recordings that can be heard", rate.digest)


def _likeness(ours: Sounds, tools: _Tools, faults: Faults) -> Figure:
    both = [(r.id, s.sound, r.audio) for r, s in ours if r.audio and r.audio.is_file()]
    return tools.voices.figure(both, NO_VOICE, faults)


def _emotion(said: Sequence[Said], ear: Hearing | None, faults: Faults) -> Figure:
    """Share of recordings in which a classifier trained on actors hears what was meant."""
    if ear is None:
        return Figure.missing(NO_ACTORS, len(said))
    if not any(s.emotion for s in said):
        return Figure.missing("the feeling that was meant, in the chain")
    for s in said:
        if not s.emotion:
            faults.add("no feeling in the chain", s.item)
    said = [s for s in said if s.emotion]
    known = [
        (s, row)
        for s in said
        if (row := faults.measure("emotion", s.item, partial(heard_in, s.sound))) is not None
    ]
    named = ear.feelings([row for _, row in known], [s.person for s, _ in known])
    hits = []
    heard_as: dict[str, Counter[str]] = {}
    for (one, _), name in zip(known, named, strict=True):
        if one.emotion not in ear.emotions:
            faults.add("emotion without actors' examples", one.item)
        elif name is None:
            faults.add(FEW, one.item)
        else:
            hits.append((one.item, 100.0 * (name == one.emotion)))
            heard_as.setdefault(str(one.emotion), Counter())[name] += 1
    if not hits:
        told = f"{LEAST} and more replies meant as one of {', '.join(ear.emotions)}"
        return Figure.missing(told, len(said))
    confusion = {meant: dict(row) for meant, row in sorted(heard_as.items())}
    return detailed(mean_figure(hits, FEW, ear.digest), confusion=confusion)


def heard_in(sound: Path) -> Cues:
    """What :func:`hearing.heard` says of one file. Raises InputError where it has no voice."""
    return heard(read_audio(sound))
