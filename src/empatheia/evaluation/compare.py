"""Two and more systems on the same items: differences with intervals and Holm's p-values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from empatheia.errors import InputError
from empatheia.evaluation import avsync
from empatheia.evaluation.landmark_measures import points_of
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import Comparison, paired
from empatheia.evaluation.text_metrics import rouge_l, tokens
from empatheia.media.audio import read_audio

Measure = Callable[[Pair], float | None]


def _accuracy(pair: Pair) -> float | None:
    reference, answer = pair
    return None if reference.emotion is None else 100.0 * (answer.emotion == reference.emotion)


def _rouge(pair: Pair) -> float | None:
    reference, answer = pair
    if reference.response is None:
        return None
    return rouge_l(tokens(answer.reply), tokens(reference.response))


MEASURES: Final[Mapping[str, Measure]] = {
    "accuracy": _accuracy,
    "rouge_l": _rouge,
    "words": lambda pair: float(len(pair[1].reply.split())),
}


def lips(model: avsync.AVSync) -> Measure:
    """AVSync-L r of a reply's video; None where it has none, no landmarks, or is too short."""

    def measure(pair: Pair) -> float | None:
        video = pair[1].video
        if video is None or not video.is_file():
            return None
        try:
            points = points_of(video)
            if points is None:
                return None
            seen = avsync.mouth(points)
            return avsync.score(model, avsync.sound(read_audio(video), len(seen)), seen).sync_r
        except InputError:
            return None

    return measure


def compare(
    systems: Mapping[str, Sequence[Pair]], measures: Mapping[str, Measure] = MEASURES
) -> dict[str, list[Comparison]]:
    """Every pair of systems by every measure; an item is a dialogue (the mean of its replies).

    Replies of one dialogue are alike, so dialogues and not replies are compared: those in which
    the measure says something of every system, two and more. Holm's correction is over the pairs
    of one measure. A system that a measure says nothing of, as one that names no emotion, is left
    out there. Raises InputError for fewer than two systems or dialogues.
    """
    if len(systems) < 2:
        raise InputError(f"{len(systems)} system; two and more are compared")
    if len({reference.dialogue for pairs in systems.values() for reference, _ in pairs}) < 2:
        raise InputError("one dialogue says nothing of a difference: give data with two and more")
    out = {}
    for name, measure in measures.items():
        means = {
            system: found
            for system, pairs in systems.items()
            if (name != "accuracy" or any(answer.emotion for _, answer in pairs))
            and (found := _by_dialogue(pairs, measure))
        }
        common = [d for d in next(iter(means.values()), ()) if all(d in m for m in means.values())]
        if len(means) > 1 and len(common) > 1:
            out[name] = paired({s: [found[d] for d in common] for s, found in means.items()})
    return out


def _by_dialogue(pairs: Sequence[Pair], measure: Measure) -> dict[str, float]:
    rows: dict[str, list[float]] = {}
    for pair in pairs:
        value = measure(pair)
        if value is not None:
            rows.setdefault(pair[0].dialogue, []).append(value)
    return {dialogue: float(np.mean(values)) for dialogue, values in rows.items()}


def told(found: Mapping[str, Sequence[Comparison]]) -> str:
    """A Markdown table."""
    lines = ["| measure | A | B | A - B | 95 % | p | p (Holm) | dialogues |", "|---" * 8 + "|"]
    for name, rows in found.items():
        lines += [
            f"| {name} | {c.a} | {c.b} | {c.difference:.3g} | [{c.ci95[0]:.3g}, {c.ci95[1]:.3g}] "
            f"| {c.p:.4f} | {c.p_holm:.4f} | {c.n} |"
            for c in rows
        ]
    return "\n".join(lines)
