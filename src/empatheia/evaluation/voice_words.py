"""Whether words can be understood: a recogniser's errors on the voice and on its teachers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.data.labels import EMOTIONS8
from empatheia.evaluation.recogniser import Recogniser, WordErrors, total
from empatheia.evaluation.resampling import summed_score
from empatheia.evaluation.statistics import Score
from empatheia.protocols import SpeechGenerator
from empatheia.speech.world.styles import profiles
from empatheia.types import Profile, Speech

Progress = Callable[[str], None]
INTENSITY = 0.7
TeacherErrors = Mapping[str, Sequence[WordErrors]]  # voice -> errors of each sentence


def say(
    voice: SpeechGenerator, text: str, emotion: str, intensity: float, profile: Profile
) -> Speech:
    """One sentence as the voice makes it, before loudness is evened out."""
    phonemes = voice.phonemize(text)
    style = voice.style_for(emotion, intensity, profile)
    return voice.generate(phonemes, voice.encode_content(phonemes), style)


class Heard:
    """A recogniser that writes down what it heard, so that a stopped count goes on where it was.

    ``path``: JSON lines of the digest of a sound with its text, errors and words.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._recogniser = path, Recogniser()
        self._known: dict[str, WordErrors] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self._known[row["sound"]] = WordErrors(row["errors"], row["words"])

    def errors(self, speech: Speech, text: str) -> WordErrors:
        """As :meth:`Recogniser.errors`."""
        sound = sha256(text.encode() + speech.audio.tobytes()).hexdigest()[:24]
        found = self._known.get(sound)
        if found is None:
            found = self._known[sound] = self._recogniser.errors(speech, text)
            row = {"sound": sound, "errors": found.errors, "words": found.words}
            with self._path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
        return found


def teacher_errors(heard: Heard, folder: Path, sentences: Sequence[str]) -> TeacherErrors:
    """The same sentences said by the teacher voices (Flite and Festival must be installed)."""
    from empatheia.data.teacher_speech import VOICES, read_wav, render

    out = {}
    for teacher in VOICES:
        clips = render(sentences, teacher, folder)
        out[teacher] = [heard.errors(Speech(*read_wav(folder / c.wav)), c.text) for c in clips]
    return out


@dataclass(frozen=True, slots=True)
class Cell:
    """A profile with an emotion."""

    profile: Profile
    emotion: str

    @property
    def speaker(self) -> str:
        return f"{self.profile.age} {self.profile.gender}"

    @property
    def who(self) -> str:
        return f"{self.speaker} {self.profile.tone}"

    def __str__(self) -> str:
        return f"{self.who} {self.emotion}"


Counts = Mapping[Cell, Mapping[int, WordErrors]]  # of each cell, by the number of the sentence


def word_errors(
    voice: SpeechGenerator,
    sentences: Sequence[str],
    per_cell: int,
    again: int,
    heard: Heard,
    teachers: TeacherErrors,
    progress: Progress,
) -> dict[str, Any]:
    """Word error rate of 24 profiles x 8 emotions, against the teachers on the same sentences.

    Every cell says ``per_cell`` sentences, all ``sentences`` taken in turn: the mean is over these.
    That is too little to tell which cell is the worst. So the ``again`` least understood cells say
    *all* sentences, and the worst of them is the worst cell. They are those with the highest mean
    of two figures: the cell's own, and what its profile and its emotion lead one to expect.
    """
    counts: dict[Cell, dict[int, WordErrors]] = {}

    def hear(cell: Cell, place: int) -> WordErrors:
        text = sentences[place]
        return heard.errors(say(voice, text, cell.emotion, INTENSITY, cell.profile), text)

    number = 0
    for profile in profiles():
        for emotion in EMOTIONS8:
            cell = Cell(profile, emotion)
            places = [(number + i) % len(sentences) for i in range(per_cell)]
            counts[cell] = {place: hear(cell, place) for place in places}
            number += per_cell
        own = total([e for c, row in counts.items() if c.profile == profile for e in row.values()])
        progress(f"words {cell.who}: {own.rate:.1f} % of {own.words} wrong")
    out = {"sentences_a_cell": per_cell} | _summary(counts, teachers)
    judged: dict[str, Any] = {}
    for cell in least_understood(counts)[:again]:
        whole = {place: hear(cell, place) for place in range(len(sentences))}
        judged[str(cell)] = _judged(whole, teachers)
        progress(f"words {cell}: {judged[str(cell)]}")
    key = "above_teachers" if teachers else "errors"
    if judged:
        worst = max(judged, key=lambda name: judged[name][key]["value"])
        out["worst_cell"] = {worst: judged[worst]}
    return out | {"least_understood": judged}


def least_understood(counts: Counts) -> list[Cell]:
    """Cells, worst first, by the mean of their own rate and of what profile and emotion predict."""
    everything = total([e for row in counts.values() for e in row.values()]).rate
    by_profile = _grouped(counts, lambda c: c.who)
    by_emotion = _grouped(counts, lambda c: c.emotion)

    def score(cell: Cell) -> float:
        own = total(list(counts[cell].values())).rate
        return own + by_profile[cell.who] + by_emotion[cell.emotion] - everything

    return sorted(counts, key=score, reverse=True)


def _grouped(counts: Counts, key: Callable[[Cell], str]) -> dict[str, float]:
    """Rates of the cells that ``key`` gives the same name."""
    groups: dict[str, list[WordErrors]] = defaultdict(list)
    for cell, row in counts.items():
        groups[key(cell)] += row.values()
    return {name: total(parts).rate for name, parts in groups.items()}


def _summary(counts: Counts, teachers: TeacherErrors) -> dict[str, Any]:
    flat = [item for row in counts.values() for item in row.items()]
    out: dict[str, Any] = {
        "sentences": len(flat),
        "words": sum(e.words for _, e in flat),
        "mean": round(total([e for _, e in flat]).rate, 2),
        "by_emotion": _rounded(_grouped(counts, lambda c: c.emotion)),
        "by_speaker": _rounded(_grouped(counts, lambda c: c.speaker)),
        "by_tone": _rounded(_grouped(counts, lambda c: c.profile.tone)),
    }
    if teachers:
        same = total([own[place] for own in teachers.values() for place, _ in flat])
        out |= {
            "teachers": {name: round(total(e).rate, 2) for name, e in teachers.items()},
            "teachers_same_sentences": round(same.rate, 2),
            "points_above_teachers": _above(flat, teachers).as_dict(),
        }
    return out


def _rounded(rates: Mapping[str, float]) -> dict[str, float]:
    return {name: round(rate, 2) for name, rate in rates.items()}


def _judged(row: Mapping[int, WordErrors], teachers: TeacherErrors) -> dict[str, Any]:
    whole = total(list(row.values()))
    counts = [np.array([e.errors, e.words], float) for e in row.values()]
    rate = summed_score(counts, list(row), lambda sums: 100 * float(sums[0] / sums[1]))
    out: dict[str, Any] = {"words": whole.words, "errors": rate.as_dict()}
    if teachers:
        out["above_teachers"] = _above(list(row.items()), teachers).as_dict()
    return out


def _above(said: Sequence[tuple[int, WordErrors]], teachers: TeacherErrors) -> Score:
    """Points above all teachers on the same sentences; the sentences are drawn again."""
    counts = []
    for place, own in said:
        theirs = total([errors[place] for errors in teachers.values()])
        counts.append(np.array([own.errors, own.words, theirs.errors, theirs.words], float))
    return summed_score(
        counts,
        [place for place, _ in said],
        lambda sums: 100 * float(sums[0] / sums[1] - sums[2] / sums[3]),
    )


def exchanged_content(
    voice: SpeechGenerator, sentences: Sequence[str], profile: Profile
) -> dict[str, float]:
    """Timing of one sentence, content of another: which one does a recogniser hear?"""
    recogniser = Recogniser()
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in sentences:
        by_length[len(voice.phonemize(text))].append(text)
    pairs = [
        (texts[i], texts[i + 1])
        for texts in by_length.values()
        for i in range(0, len(texts) - 1, 2)
    ]
    style = voice.style_for("neutral", 0.0, profile)
    content_errors, timing_errors = [], []
    for timing, words in pairs:
        phonemes = voice.phonemize(timing)
        content = voice.encode_content(voice.phonemize(words))
        speech = voice.generate(phonemes, content, style)
        content_errors.append(recogniser.errors(speech, words))
        timing_errors.append(recogniser.errors(speech, timing))
    return {
        "pairs": len(pairs),
        "errors_against_content": round(total(content_errors).rate, 1),
        "errors_against_timing": round(total(timing_errors).rate, 1),
    }
