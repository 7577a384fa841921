"""What the voice must reach, measured on its sound: words, emotions, profiles, styles, speed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empatheia.data.actors import ActorClip, actor_clips
from empatheia.data.labels import EMOTIONS8
from empatheia.errors import InputError, unknown
from empatheia.evaluation.voice_emotion import effects, mean_acoustics
from empatheia.evaluation.voice_words import (
    Heard,
    Progress,
    exchanged_content,
    say,
    teacher_errors,
    word_errors,
)
from empatheia.media.audio import read_audio, wav_bytes
from empatheia.protocols import SpeechGenerator
from empatheia.speech.acoustics import Acoustics, measure
from empatheia.speech.loudness import TARGET_LUFS, loudness
from empatheia.speech.sentences import join, speak, split
from empatheia.speech.world.styles import actors, profiles
from empatheia.types import Profile, Speech

SIX = ("happy", "sad", "angry", "fear", "surprised", "disgusted")


def reply_sentences(path: Path, count: int) -> list[str]:
    """The first ``count`` usable sentences of listeners in an EmpatheticDialogues file."""
    from empatheia.data.empathetic import clean
    from empatheia.data.teacher_speech import usable_sentence

    if not path.is_file():
        raise InputError(f"no file at {path}: give EmpatheticDialogues as JSON lines")
    out: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        said = [u["text"] for u in json.loads(line)["utterances"] if u["role"] == "listener"]
        sentences = split(clean(said[0])) if said else []
        if sentences and usable_sentence(sentences[0]) and len(sentences[0].split()) >= 5:
            out.append(sentences[0])
        if len(out) == count:
            break
    return out


def emotion_effects(
    voice: SpeechGenerator, sentences: Sequence[str], people: Sequence[Profile]
) -> dict[str, Any]:
    """Effects on the wav, against the actors' medians: sign, and ratio within a factor of two."""
    out: dict[str, Any] = {}
    right, checked = 0, 0
    for emotion in SIX:
        for level, intensity in (("normal", 0.5), ("strong", 1.0)):
            rows = []
            for profile in people:
                plain = _mean(voice, sentences, "neutral", 0.0, profile)
                rows.append(effects(_mean(voice, sentences, emotion, intensity, profile), plain))
            ours = {k: float(np.median([r[k] for r in rows])) for k in rows[0]}
            theirs = {k: v[0] for k, v in actors()[emotion][level].items()}
            judged = {
                k: _agrees(k, ours[k], theirs[k]) for k in ("pitch", "span", "rate", "energy")
            }
            right += sum(judged.values())
            checked += len(judged)
            out[f"{emotion} {level}"] = {
                k: [round(ours[k], 3), theirs[k], judged.get(k)] for k in ours
            }
    return {"right": right, "checked": checked, "cells": out}


def _mean(
    voice: SpeechGenerator, sentences: Sequence[str], emotion: str, intensity: float, who: Profile
) -> Acoustics:
    return mean_acoustics([measure(say(voice, s, emotion, intensity, who)) for s in sentences])


def _agrees(name: str, ours: float, theirs: float) -> bool:
    """Same direction (or both within 5 % or 1 dB of none), and within a factor of two."""
    if name == "energy":
        same = ours * theirs > 0 or (abs(ours) < 1 and abs(theirs) < 1)
        return bool(same and abs(ours - theirs) <= 20 * np.log10(2))
    small = abs(np.log(ours)) < 0.05 and abs(np.log(theirs)) < 0.05
    same = (ours - 1) * (theirs - 1) > 0 or small
    return bool(same and 0.5 <= ours / theirs <= 2.0)


def features_of(speech: Speech) -> list[float]:
    """Means and spreads of log mel bands and of pitch, for plain classifiers."""
    from empatheia.media.audio import resample
    from empatheia.speech.world.mel import log_mel

    mel = log_mel(resample(speech.audio, speech.sample_rate, 24000))
    mel = mel[mel.mean(1) > mel.mean(1).max() - 2.0].reshape(-1, 20, 4).mean(2)
    a = measure(speech)
    own = [np.log(a.pitch), np.log(a.span + 0.5), np.log(a.seconds), a.energy / 10, a.tilt]
    return [*map(float, own), *map(float, mel.mean(0)), *map(float, mel.std(0))]


def classifier() -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale"))


def profile_accuracy(voice: SpeechGenerator, sentences: Sequence[str]) -> dict[str, float]:
    """Train on half of the sentences of every profile, name age, gender and tone of the rest."""
    half = len(sentences) // 2
    rows: dict[bool, list[list[float]]] = {True: [], False: []}
    names: dict[bool, list[Profile]] = {True: [], False: []}
    for profile in profiles():
        for i, text in enumerate(sentences):
            rows[i < half].append(features_of(say(voice, text, "neutral", 0.0, profile)))
            names[i < half].append(profile)
    out: dict[str, float] = {"renders": len(rows[True]) + len(rows[False])}
    for field in ("age", "gender", "tone"):
        model = classifier().fit(rows[True], [getattr(p, field) for p in names[True]])
        wanted = [getattr(p, field) for p in names[False]]
        out[field] = round(float(np.mean(model.predict(rows[False]) == np.array(wanted))) * 100, 1)
    return out


def actor_classifier(
    voice: SpeechGenerator, ravdess: Path, sentences: Sequence[str], people: Sequence[Profile]
) -> dict[str, Any]:
    """A classifier of six emotions trained on actors 1-16 names actors 17-20 and the voice.

    Features are taken relative to the speaker's own neutral speech, on both sides.
    """
    clips = [c for c in actor_clips(ravdess) if c.emotion in (*SIX, "neutral")]
    heard = list(audible(clips))
    base = {
        actor: np.mean([f for c, f in heard if c.actor == actor and c.emotion == "neutral"], axis=0)
        for actor in {c.actor for c in clips}
    }
    acted = [(c, f - base[c.actor]) for c, f in heard if c.emotion != "neutral"]
    train = [(f, c.emotion) for c, f in acted if c.actor <= 16]
    held = [(f, c.emotion) for c, f in acted if c.actor > 16]
    model = classifier().fit([f for f, _ in train], [e for _, e in train])
    own = np.mean(model.predict([f for f, _ in held]) == np.array([e for _, e in held]))
    ours, wanted = [], []
    for profile in people:
        neutral = np.mean(
            [features_of(say(voice, s, "neutral", 0.0, profile)) for s in sentences], axis=0
        )
        for emotion in SIX:
            for text in sentences:
                ours.append(
                    np.array(features_of(say(voice, text, emotion, 1.0, profile))) - neutral
                )
                wanted.append(emotion)
    found = model.predict(ours)
    return {
        "actors_held_out": round(100 * float(own), 1),
        "voice": round(100 * float(np.mean(found == np.array(wanted))), 1),
        "chance": round(100 / len(SIX), 1),
        "n_actors": len(held),
        "n_voice": len(ours),
        "by_emotion": {
            e: round(100 * float(np.mean(found[np.array(wanted) == e] == e)), 1) for e in SIX
        },
    }


def audible(clips: Sequence[ActorClip]) -> Iterator[tuple[ActorClip, NDArray[np.float64]]]:
    """Features of the actors' clips; a whispered one has no pitch and is left out."""
    for clip in clips:
        try:
            yield clip, np.array(features_of(read_audio(clip.path)))
        except InputError:
            continue


def style_round_trip(
    voice: SpeechGenerator, sentences: Sequence[str], folder: Path
) -> dict[str, float]:
    """Cosine of the style heard from a wav file with the style it was rendered with."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i, profile in enumerate(profiles()):
        for j, emotion in enumerate(EMOTIONS8):
            text = sentences[(i * len(EMOTIONS8) + j) % len(sentences)]
            style = voice.style_for(emotion, 1.0, profile)
            path = folder / "style.wav"
            path.write_bytes(wav_bytes(say(voice, text, emotion, 1.0, profile)))
            heard = voice.encode_style(read_audio(path))
            found.append(float((style @ heard) / (style.norm() * heard.norm())))
    return {
        "n": len(found),
        "mean": round(float(np.mean(found)), 4),
        "lowest_tenth": round(float(np.percentile(found, 10)), 4),
        "lowest": round(min(found), 4),
    }


def style_orders_actors(voice: SpeechGenerator, ravdess: Path) -> dict[str, float]:
    """Linear reading of emotion from ``encode_style`` of actors: 1-16 train, 17-20 test."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    clips = [c for c in actor_clips(ravdess) if c.emotion in SIX]
    heard = [(c, voice.encode_style(read_audio(c.path)).numpy()) for c in clips]
    train = [(x, c.emotion) for c, x in heard if c.actor <= 16]
    held = [(x, c.emotion) for c, x in heard if c.actor > 16]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit([x for x, _ in train], [e for _, e in train])
    right = model.predict([x for x, _ in held]) == np.array([e for _, e in held])
    return {"accuracy": round(100 * float(right.mean()), 1), "chance": 16.7, "n": len(held)}


def speed(voice: SpeechGenerator, sentences: Sequence[str]) -> dict[str, float]:
    """Real-time factor and the time to a sentence of ten words, warm, on one thread.

    In seconds of one core's work, so that a busy machine does not count; wall time beside it.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        say(voice, sentences[0], "neutral", 0.0, Profile())
        start, wall = time.process_time(), time.perf_counter()
        made = sum(say(voice, text, "happy", 0.7, Profile()).seconds for text in sentences)
        spent, waited = time.process_time() - start, time.perf_counter() - wall
        ten = "I am so sorry that you had to hear that."
        start = time.process_time()
        say(voice, ten, "sad", 0.7, Profile())
        first = time.process_time() - start
    finally:
        torch.set_num_threads(threads)
    return {
        "real_time_factor": round(spent / made, 4),
        "ten_words_seconds": round(first, 3),
        "wall_real_time_factor": round(waited / made, 4),
    }


def clean_sound(voice: SpeechGenerator, texts: Sequence[str]) -> dict[str, float]:
    """Replies of two sentences in every cell: loudness, peaks, and the step at their join.

    The step is the largest sample difference within 5 ms of the join, as a share of the largest in
    the reply: a click would be near one.
    """
    off, peaks, steps = [], [], []
    for i, profile in enumerate(profiles()):
        for j, emotion in enumerate(EMOTIONS8):
            at = 2 * (i * len(EMOTIONS8) + j)
            text = " ".join(texts[(at + k) % len(texts)] for k in (0, 1))
            parts = list(speak(voice, text, emotion, 1.0, profile))
            off += [abs(loudness(p.audio, p.sample_rate) - TARGET_LUFS) for p in parts]
            whole = join(parts)
            change = np.abs(np.diff(whole.audio))
            near, cut = whole.sample_rate // 200, 0
            for part in parts[:-1]:
                cut += len(part.audio)
                steps.append(float(change[cut - near : cut + near].max() / change.max()))
            peaks.append(float(np.abs(whole.audio).max()))
    return {
        "replies": len(peaks),
        "sentences": len(off),
        "furthest_from_-23_lufs": round(max(off), 2),
        "highest_peak": round(max(peaks), 3),
        "largest_step_at_a_join": round(max(steps), 4),
    }


def some_people() -> list[Profile]:
    """Four adults and children, both genders, one of each age."""
    return [
        Profile("child", "female"),
        Profile("young", "male"),
        Profile("middle-aged", "female"),
        Profile("elderly", "male"),
    ]


def evaluate_voice(
    voice: SpeechGenerator,
    dialogues: Path,
    ravdess: Path | None,
    folder: Path,
    per_cell: int = 2,
    again: int = 5,
    teachers: bool = True,
    only: str | None = None,
    measured: Container[str] = (),
    progress: Progress = lambda _: None,
) -> Iterator[tuple[str, Any]]:
    """Everything above, a measurement at a time: its name and its figures.

    What has no data, or is in ``measured`` already, is left out, unless it is the ``only`` one.
    ``folder`` keeps scratch sound and what was heard: a stopped count of words goes on from there.
    ``per_cell`` and ``again``: see :func:`word_errors`.
    """
    texts = reply_sentences(dialogues, 100)
    if len(texts) < 8:
        raise InputError(f"{dialogues} has {len(texts)} plain sentences: give at least 8")
    some, people = texts[:4], some_people()

    def words() -> dict[str, Any]:
        heard = Heard(folder / "heard.jsonl")
        theirs = teacher_errors(heard, folder, texts) if teachers else {}
        return word_errors(voice, texts, per_cell, again, heard, theirs, progress)

    steps: dict[str, Callable[[], Any]] = {
        "speed": lambda: speed(voice, texts[:20]),
        "exchanged_content": lambda: exchanged_content(voice, texts, Profile()),
        "emotion_effects": lambda: emotion_effects(voice, some, people),
        "profile_accuracy": lambda: profile_accuracy(voice, texts[:8]),
        "clean_sound": lambda: clean_sound(voice, texts),
        "style_round_trip": lambda: style_round_trip(voice, texts, folder),
    }
    if ravdess is not None:
        steps["actor_classifier"] = lambda: actor_classifier(voice, ravdess, some, people)
        steps["style_orders_actors"] = lambda: style_orders_actors(voice, ravdess)
    steps["word_errors"] = words
    if only is not None and only not in steps:
        raise InputError(unknown("measurement", only, steps))
    for name, step in steps.items():
        if name == only or (only is None and name not in measured):
            progress(name)
            yield name, step()
