"""How real actors' emotions move the voice: RAVDESS, each actor against their own neutral.

``measure_actors`` writes ``speech/world/emotions.json``, from which the voice's plan of emotions is
made. Naming of the clips: ``03-01-EMOTION-INTENSITY-STATEMENT-REPETITION-ACTOR``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from empatheia.data.actors import actor_clips
from empatheia.errors import InputError
from empatheia.media.audio import read_audio
from empatheia.speech.acoustics import Acoustics, measure

EFFECTS = ("pitch", "span", "rate", "energy", "tilt")


def effects(clip: Acoustics, neutral: Acoustics) -> dict[str, float]:
    """Ratios of pitch, span and rate, differences of energy and tilt in dB."""
    return {
        "pitch": clip.pitch / neutral.pitch,
        "span": clip.span / max(neutral.span, 0.5),
        "rate": neutral.seconds / clip.seconds,
        "energy": clip.energy - neutral.energy,
        "tilt": clip.tilt - neutral.tilt,
    }


def mean_acoustics(items: Sequence[Acoustics]) -> Acoustics:
    """Geometric means of pitch, span and seconds, plain means of energy and tilt."""
    values = np.array([astuple(a) for a in items])
    logs = np.exp(np.log(np.maximum(values[:, :3], 1e-3)).mean(0))
    return Acoustics(*(float(v) for v in (*logs, *values[:, 3:].mean(0))))


def measure_actors(folder: Path, actors: Sequence[int] | None = None) -> dict[str, object]:
    """Median over actors of every effect, by emotion and level, with the quartiles."""
    heard: dict[tuple[int, str, str, str], list[Acoustics]] = defaultdict(list)
    clips, left_out = 0, 0
    for clip in actor_clips(folder):
        if actors is not None and clip.actor not in actors:
            continue
        try:
            found = measure(read_audio(clip.path))
        except InputError:  # whispered: there is no pitch to compare
            left_out += 1
            continue
        heard[clip.actor, clip.statement, clip.emotion, clip.level].append(found)
        clips += 1
    rows: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    people = sorted({key[0] for key in heard})
    for (actor, statement, emotion, level), items in heard.items():
        neutral = mean_acoustics(heard[actor, statement, "neutral", "normal"])
        rows[emotion, level].append(effects(mean_acoustics(items), neutral))
    return {
        "source": "RAVDESS speech (Livingstone and Russo 2018), CC BY-NC-SA 4.0",
        "clips": clips,
        "left_out": left_out,
        "actors": len(people),
        "effects": _summary(rows),
    }


def _summary(
    rows: Mapping[tuple[str, str], Sequence[Mapping[str, float]]],
) -> dict[str, dict[str, dict[str, list[float]]]]:
    out: dict[str, dict[str, dict[str, list[float]]]] = {}
    for (emotion, level), items in sorted(rows.items()):
        if emotion == "neutral":
            continue
        out.setdefault(emotion, {})[level] = {
            name: [round(float(q), 3) for q in _quartiles([item[name] for item in items])]
            for name in EFFECTS
        }
    return out


def _quartiles(values: Sequence[float]) -> Sequence[float]:
    return [float(q) for q in np.percentile(values, [50, 25, 75])]


def write_effects(figures: Mapping[str, object], path: Path) -> None:
    """Write the figures as JSON, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
