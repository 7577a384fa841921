"""The speech table: understood words, signal quality, the speaker's likeness, prosody, emotion.

MOS and SMOS stay empty: only people's votes fill them. DNSMOS is the quality of a signal, not
naturalness (it puts formant synthesis level with recordings), and is named so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from empatheia.errors import InputError, MissingExtraError
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.hearing import LEAST, Cues, hear_actors, heard
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.recogniser import Recogniser, WordErrors, errors_of
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.sound_models import (
    NO_DNSMOS,
    NO_SPEAKER,
    SignalQuality,
    SpeakerLikeness,
)
from empatheia.evaluation.statistics import ratio_score
from empatheia.media.audio import check_heard, read_audio
from empatheia.speech.acoustics import Acoustics, measure
from empatheia.types import Speech

HUMAN = "human votes, from a rating study"
NO_VOICE = "reference recordings, which this data does not have"
NO_ACTORS = "RAVDESS speech to train the classifier on, given by --ravdess"
NO_SPHINX = "PocketSphinx, from pip install pocketsphinx"
FEW = f"fewer than {LEAST} recordings to hear feelings beside"
APART = 0.1  # seconds by which two lengths may differ: a coder pads a packet or two
BY_ACTORS = "discriminant analysis on RAVDESS, each person's recordings beside their own"
_UNITS = {"pitch": "Hz", "span": "semitones", "seconds": "s", "energy": "dB", "tilt": "dB/octave"}

METRICS = (
    Metric("mos", "MOS", "up"),
    Metric("smos", "SMOS", "up"),
    Metric("wer", "WER", "down", 1, settings={"recogniser": "PocketSphinx 5, en-us", "scale": 100}),
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


def speech_table(
    name: str, pairs: Sequence[Pair], settings: Mapping[str, Any], ravdess: Path | None = None
) -> tuple[Table, dict[str, list[str]]]:
    """Table and faults of one system. Raises InputError where it has no sound at all."""
    faults = Faults()
    ours, truth = [], []
    forced = bool(settings.get("teacher_forced"))
    for reference, answer in pairs:
        sound = answer.audio or answer.video
        if sound is None or not sound.is_file():
            faults.add("no sound", reference.id)
        else:
            feeling = answer.chain.get("response_emotion")
            ours.append(Said(reference.id, sound, answer.reply, feeling, answer.person))
            _odd(reference.id, sound, answer.video, reference.audio, forced, faults)
        if reference.audio is not None and reference.audio.is_file() and reference.response:
            truth.append(Said(reference.id, reference.audio, reference.response))
    if not ours:
        raise InputError(
            f"none of {len(pairs)} predictions has sound that is there: `empatheia predict --media`"
            " makes it, 'audio' in a line names one"
        )
    weights = str(settings.get("weights", "none"))
    ear = _Words()
    voice = _own(ours, ear, faults, weights)
    voice["secs"] = _likeness(pairs, faults)
    voice["emotion"] = _emotion(ours, ravdess, faults)
    rows = [Row(name, voice, str(settings.get("mark", "")))]
    if truth:
        theirs = Faults()
        rows.append(Row("Ground truth", _own(truth, ear, theirs), "ceiling"))
        faults.of("reference", theirs)
    if len(ours) > 1:
        away = [*ours[1:], ours[0]]
        mixed = [Said(a.item, a.sound, b.text) for a, b in zip(ours, away, strict=True)]
        rows.append(Row(f"{name}, other words", {"wer": ear.errors(mixed, Faults())}, "floor"))
    return Table("speech", "Speech", METRICS, tuple(rows)), dict(faults.found)


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


def _own(
    said: Sequence[Said], ear: _Words, faults: Faults, weights: str = "none"
) -> dict[str, Figure]:
    found = {"mos": Figure.missing(HUMAN), "smos": Figure.missing(HUMAN)}
    found["wer"] = ear.errors(said, faults, weights)
    found["dnsmos"] = _signal_quality(said, faults)
    heard = [
        m for s in said if (m := faults.measure("prosody", s.item, partial(acoustics_of, s.sound)))
    ]
    return found | prosody(heard, weights)


def acoustics_of(sound: Path) -> Acoustics:
    """Of one file. Raises InputError where it has no voice."""
    return measure(read_audio(sound))


def prosody(heard: Sequence[Acoustics], weights: str = "none") -> dict[str, Figure]:
    """Means over recordings of pitch, its span, length, energy and spectral tilt."""
    if not heard:
        return {}
    names = [f.name for f in fields(Acoustics)]
    return {
        f"prosody_{n}": Figure.of(item_score([getattr(m, n) for m in heard]), weights)
        for n in names
    }


class _Words:
    """What a recogniser hears, once a recording, also where it is laid beside other words."""

    def __init__(self) -> None:
        self._known: dict[Path, list[str]] = {}
        try:
            self._recogniser: Recogniser | None = Recogniser()
        except MissingExtraError:
            self._recogniser = None

    def errors(self, said: Sequence[Said], faults: Faults, weights: str = "none") -> Figure:
        """Errors over words of all recordings; the interval draws recordings again."""
        if self._recogniser is None:
            return Figure.missing(NO_SPHINX, len(said))
        parts: list[WordErrors] = []
        for s in said:
            heard = faults.measure("WER", s.item, partial(self._hear, self._recogniser, s.sound))
            errors = errors_of(heard, s.text) if heard is not None else None
            parts += [errors] if errors is not None and errors.words else []
        if not parts:
            return Figure.missing("replies with words and sound", len(said))
        top, bottom = [100.0 * p.errors for p in parts], [float(p.words) for p in parts]
        return Figure.of(ratio_score(top, bottom, range(len(parts))), weights)

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
        values += [value] if value is not None else []
    needs = "recordings that can be heard"
    return Figure.of(item_score(values), rate.digest) if values else Figure.missing(needs)


def _likeness(pairs: Sequence[Pair], faults: Faults) -> Figure:
    both = [
        (r.id, sound, r.audio)
        for r, a in pairs
        if (sound := a.audio or a.video) and r.audio and sound.is_file() and r.audio.is_file()
    ]
    if not both:
        return Figure.missing(NO_VOICE)
    alike = SpeakerLikeness.installed()
    if alike is None:
        return Figure.missing(NO_SPEAKER, len(both))
    cosines = []
    for item, *paths in both:
        value = faults.measure(
            "speaker similarity",
            item,
            lambda p=paths: alike(*map(read_audio, p)),  # type: ignore[misc]
        )
        cosines += [value] if value is not None else []
    needs = "recordings that can be heard"
    return Figure.of(item_score(cosines), alike.digest) if cosines else Figure.missing(needs)


def _emotion(said: Sequence[Said], ravdess: Path | None, faults: Faults) -> Figure:
    """Share of recordings in which a classifier trained on actors hears what was meant."""
    if ravdess is None:
        return Figure.missing(NO_ACTORS, len(said))
    ear = hear_actors(ravdess)
    known = [
        (s, row)
        for s in said
        if (row := faults.measure("emotion", s.item, partial(heard_in, s.sound))) is not None
    ]
    named = ear.feelings([row for _, row in known], [s.person for s, _ in known])
    hits = []
    for (one, _), name in zip(known, named, strict=True):
        if one.emotion not in ear.emotions:
            faults.add("emotion without actors' examples", one.item)
        elif name is None:
            faults.add(FEW, one.item)
        else:
            hits.append(100.0 * (name == one.emotion))
    if not hits:
        told = f"{LEAST} and more replies meant as one of {', '.join(ear.emotions)}"
        return Figure.missing(told, len(said))
    return Figure.of(item_score(hits))


def heard_in(sound: Path) -> Cues:
    """What :func:`hearing.heard` says of one file. Raises InputError where it has no voice."""
    return heard(read_audio(sound))
