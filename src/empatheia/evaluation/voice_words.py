"""Whether words can be understood: a recogniser's errors on the voice and on its teachers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from empatheia.data.labels import EMOTIONS8
from empatheia.evaluation.recogniser import Recogniser, WordErrors, total
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


def teacher_errors(folder: Path, sentences: Sequence[str]) -> TeacherErrors:
    """The same sentences said by the teacher voices (Flite and Festival must be installed)."""
    from empatheia.data.teacher_speech import VOICES, read_wav, render

    recogniser = Recogniser()
    out = {}
    for teacher in VOICES:
        clips = render(sentences, teacher, folder)
        out[teacher] = [recogniser.errors(Speech(*read_wav(folder / c.wav)), c.text) for c in clips]
    return out


def word_errors(
    voice: SpeechGenerator,
    sentences: Sequence[str],
    per_cell: int,
    teachers: TeacherErrors,
    progress: Progress,
) -> dict[str, Any]:
    """Word error rate of 24 profiles x 8 emotions, ``per_cell`` sentences each, taken in turn.

    ``points_above_teachers`` compares each cell with all teachers on that cell's own sentences,
    because sentences differ more in difficulty than voices do.
    """
    recogniser = Recogniser()
    cells: dict[str, WordErrors] = {}
    theirs: dict[str, WordErrors] = {}
    number = 0
    for profile in profiles():
        for emotion in EMOTIONS8:
            parts, same = [], []
            for _ in range(per_cell):
                place = number % len(sentences)
                text = sentences[place]
                speech = say(voice, text, emotion, INTENSITY, profile)
                parts.append(recogniser.errors(speech, text))
                same += [errors[place] for errors in teachers.values()]
                number += 1
            name = f"{profile.age} {profile.gender} {profile.tone} {emotion}"
            cells[name], theirs[name] = total(parts), total(same)
        who = f"{profile.age} {profile.gender} {profile.tone}"
        own = total([errors for name, errors in cells.items() if name.startswith(who)])
        progress(f"words {who}: {own.rate:.1f} % of {own.words} wrong")
    worst = max(cells, key=lambda name: cells[name].rate)
    out: dict[str, Any] = {
        "sentences": number,
        "words": total(list(cells.values())).words,
        "mean": round(total(list(cells.values())).rate, 2),
        "worst_cell": worst,
        "worst": round(cells[worst].rate, 2),
        "worst_words": cells[worst].words,
        "by_emotion": _grouped(cells, lambda name: name.split()[-1]),
        "by_speaker": _grouped(cells, lambda name: " ".join(name.split()[:2])),
        "by_tone": _grouped(cells, lambda name: name.split()[2]),
    }
    return out | (_against(cells, theirs, teachers) if teachers else {})


def _against(
    cells: Mapping[str, WordErrors], theirs: Mapping[str, WordErrors], teachers: TeacherErrors
) -> dict[str, Any]:
    """How far cells, and speakers with an emotion, are above the teachers on the same sentences."""

    def speaker_emotion(name: str) -> str:
        words = name.split()
        return f"{words[0]} {words[1]} {words[3]}"

    above = {name: cells[name].rate - theirs[name].rate for name in cells}
    ours, same = _grouped(cells, speaker_emotion), _grouped(theirs, speaker_emotion)
    merged = {name: ours[name] - same[name] for name in ours}
    highest, wide = max(above, key=above.__getitem__), max(merged, key=merged.__getitem__)
    teachers_mean = total(list(theirs.values())).rate
    return {
        "teachers": {name: round(total(e).rate, 2) for name, e in teachers.items()},
        "teachers_same_sentences": round(teachers_mean, 2),
        "points_above_teachers": round(total(list(cells.values())).rate - teachers_mean, 2),
        "worst_cell_above": {highest: round(above[highest], 1)},
        "cells_above_25": sum(a > 25 for a in above.values()),
        "worst_speaker_emotion_above": {wide: round(merged[wide], 1)},
    }


def _grouped(cells: Mapping[str, WordErrors], key: Callable[[str], str]) -> dict[str, float]:
    groups: dict[str, list[WordErrors]] = defaultdict(list)
    for name, errors in cells.items():
        groups[key(name)].append(errors)
    return {name: round(total(parts).rate, 2) for name, parts in groups.items()}


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
