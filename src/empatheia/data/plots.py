"""The distributions of the paper's Figure 2 as one picture. Needs the extra ``data``."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from empatheia.data.labels import AGES, GENDERS, RACES, TONES
from empatheia.data.statistics import PAPER_SEVEN, Statistics
from empatheia.errors import MissingExtraError

OURS, PAPERS = "#2b6777", "#e0a458"


def figure(statistics: Statistics, name: str) -> bytes:
    """A PNG of nine panels. Raises MissingExtraError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "data") from error
    picture = Figure(figsize=(15, 13), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots(3, 3).ravel()
    _emotions(axes[0], statistics)
    _seven(axes[1], statistics)
    _bars(axes[2], statistics.topics.most_common(12), "topics (12 most common)")
    _avatars(axes[3], statistics)
    _profile(axes[4], statistics, "tone", TONES)
    _profile(axes[5], statistics, "race", RACES)
    _histogram(axes[6], statistics.words, "words per utterance", 60)
    _histogram(axes[7], statistics.lengths, "utterances per dialogue", 20)
    _histogram(axes[8], statistics.tenths, "tenths of a second per sound", 200)
    picture.suptitle(name)
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()


def _bars(axis: Any, counts: Sequence[tuple[str, float]], title: str) -> None:
    axis.set_title(title)
    if not any(n for _, n in counts):
        _nothing(axis)
        return
    axis.barh([label for label, _ in counts], [n for _, n in counts], color=OURS)
    axis.invert_yaxis()
    axis.tick_params(labelsize=8)


def _emotions(axis: Any, statistics: Statistics) -> None:
    counts = statistics.emotions.most_common(32)
    _bars(axis, counts, "emotion of dialogues")
    axis.tick_params(axis="y", labelsize=6)


def _seven(axis: Any, statistics: Statistics) -> None:
    ours = statistics.shares_of_seven()
    keys = list(PAPER_SEVEN)
    places = range(len(keys))
    axis.set_title("seven keys, per cent (map: avamerg)")
    axis.bar([p - 0.2 for p in places], [ours.get(k, 0) for k in keys], 0.4, color=OURS)
    axis.bar([p + 0.2 for p in places], [PAPER_SEVEN[k] for k in keys], 0.4, color=PAPERS)
    axis.set_xticks(list(places), keys, rotation=30, fontsize=8)
    axis.legend(["ours", "paper"])


def _avatars(axis: Any, statistics: Statistics) -> None:
    counts = [
        (f"{age}, {gender}", _sum(statistics, age=age, gender=gender))
        for age in AGES
        for gender in GENDERS
    ]
    _bars(axis, counts, "utterances by age and gender")


def _profile(axis: Any, statistics: Statistics, name: str, allowed: Sequence[str]) -> None:
    counts = [(value, _sum(statistics, **{name: value})) for value in allowed]
    _bars(axis, counts, f"utterances by {name}")


def _sum(statistics: Statistics, **wanted: str) -> int:
    return sum(
        n
        for profile, n in statistics.said_by.items()
        if all(getattr(profile, k) == v for k, v in wanted.items())
    )


def _histogram(axis: Any, counts: Counter[int], title: str, most: int) -> None:
    axis.set_title(title)
    if not counts:
        _nothing(axis)
        return
    values = [min(value, most) for value in counts]
    axis.bar(values, list(counts.values()), width=1.0, color=OURS)


def _nothing(axis: Any) -> None:
    axis.text(0.5, 0.5, "the set does not tell", ha="center", va="center", color="grey")
    axis.set_axis_off()
