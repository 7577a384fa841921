"""What is in a manifest: the paper's Table 1 and Figure 2, counted in one pass.

Nothing grows with the set but the names of people and topics.
"""

from __future__ import annotations

import wave
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from empatheia.data.labels import AGES, AVAMERG_32_TO_7, EMOTIONS32, GENDERS, RACES, TONES
from empatheia.types import Dialogue, Profile

# Table 1 of the AvaMERG paper; by age and gender of Figure 2 as the project page tells it.
PAPER: Final[dict[str, Any]] = {
    "dialogues train": 24_696,
    "dialogues valid": 4_373,
    "dialogues test": 3_979,
    "dialogues": 33_048,
    "words per utterance": 14.68,
    "utterances per dialogue": 4.6,
    "utterances": 152_021,
    "sounds": 152_021,
    "videos": 152_021,
    "seconds per sound": 5.67,
    "avatars child (male/female)": "3/3",
    "avatars young (male/female)": "25/17",
    "avatars middle-aged (male/female)": "4/4",
    "avatars elderly (male/female)": "5/4",
    "avatars by tone (emphatic/mild/gentle)": "14/38/13",
    "races": 5,
    "emotions (text/multimodal)": "32/7",
    "topics": 10,
    "utterances child (male/female)": "12563/12577",
    "utterances young (male/female)": "37010/37488",
    "utterances middle-aged (male/female)": "15208/13818",
    "utterances elderly (male/female)": "11763/11763",
}
PAPER_SEVEN: Final = {
    "sad": 56.7, "happy": 20.3, "angry": 7.9, "surprised": 6.3, "fear": 5.1, "contempt": 1.9,
    "disgusted": 1.8,
}  # fmt: skip # per cent


@dataclass(slots=True)
class Statistics:
    """Counts of a set; ``add`` a dialogue at a time."""

    splits: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    utterances: int = 0
    words: Counter[int] = field(default_factory=Counter)  # utterances of so many words
    lengths: Counter[int] = field(default_factory=Counter)  # dialogues of so many utterances
    media: Counter[str] = field(default_factory=Counter)
    tenths: Counter[int] = field(default_factory=Counter)  # sounds of so many tenths of a second
    seconds: float = 0.0
    timed: int = 0
    emotions: Counter[str] = field(default_factory=Counter)  # of dialogues, 32
    feelings: Counter[str] = field(default_factory=Counter)  # of turns, role and key of eight
    topics: Counter[str] = field(default_factory=Counter)
    subtopics: Counter[str] = field(default_factory=Counter)
    people: dict[str, Profile] = field(default_factory=dict)
    said_by: Counter[Profile] = field(default_factory=Counter)  # utterances
    chains: int = 0
    drawn: Counter[str] = field(default_factory=Counter)

    def add(self, dialogue: Dialogue) -> None:
        self.splits[dialogue.split or "none"] += 1
        self.lengths[len(dialogue.turns)] += 1
        self.empty += not dialogue.turns
        self.utterances += len(dialogue.turns)
        if dialogue.emotion:
            self.emotions[dialogue.emotion] += 1
        if dialogue.topic:
            self.topics[dialogue.topic] += 1
        if dialogue.subtopic:
            self.subtopics[dialogue.subtopic] += 1
        self.drawn.update(dialogue.drawn)
        for side in ("speaker", "listener"):
            profile, person = getattr(dialogue, side), getattr(dialogue, f"{side}_id")
            if profile is not None:
                self.said_by[profile] += sum(turn.role == side for turn in dialogue.turns)
                if person is not None:
                    self.people.setdefault(person, profile)
        for turn in dialogue.turns:
            self.words[len(turn.text.split())] += 1
            self.chains += turn.chain is not None
            if turn.emotion8:
                self.feelings[f"{turn.role} {turn.emotion8}"] += 1
            self.media["video"] += turn.video is not None
            self.media["times"] += turn.times is not None
            if turn.audio is not None:
                self.media["audio"] += 1
                self._listen(turn.audio)

    def _listen(self, path: Path) -> None:
        seconds = wav_seconds(path)
        if seconds is not None:
            self.timed += 1
            self.seconds += seconds
            self.tenths[round(seconds * 10)] += 1

    def table(self) -> dict[str, Any]:
        """The rows of Table 1 (and of Figure 2's avatars) by their names in :data:`PAPER`."""
        told = sum(self.lengths.values()) - self.empty
        words = sum(n * count for n, count in self.words.items())
        rows: dict[str, Any] = {
            f"dialogues {split}": self.splits[split] for split in ("train", "valid", "test")
        }
        rows |= {
            "dialogues": sum(self.lengths.values()),
            "words per utterance": _mean(words, self.utterances),
            "utterances per dialogue": _mean(self.utterances, told),
            "utterances": self.utterances,
            "sounds": self.media["audio"],
            "videos": self.media["video"],
            "seconds per sound": _mean(self.seconds, self.timed),
        }
        people = Counter(self.people.values())
        for age in AGES:
            rows[f"avatars {age} (male/female)"] = _pair(people, age)
        tones = [sum(n for p, n in people.items() if p.tone == tone) for tone in TONES]
        rows["avatars by tone (emphatic/mild/gentle)"] = "/".join(map(str, tones))
        rows["races"] = len({p.race for p in self.said_by})
        coarse = {AVAMERG_32_TO_7[e] for e in self.emotions if e in AVAMERG_32_TO_7}
        rows["emotions (text/multimodal)"] = f"{len(self.emotions)}/{len(coarse)}"
        rows["topics"] = len(self.topics)
        for age in AGES:
            rows[f"utterances {age} (male/female)"] = _pair(self.said_by, age)
        return rows

    def shares_of_seven(self) -> dict[str, float]:
        """Per cent of labelled dialogues by the seven keys (map: avamerg)."""
        seven: Counter[str] = Counter()
        for emotion, count in self.emotions.items():
            seven[AVAMERG_32_TO_7.get(emotion, "unknown")] += count
        total = max(sum(seven.values()), 1)
        return {key: round(100 * count / total, 2) for key, count in seven.most_common()}

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values; the paper's figures stand beside ours."""
        return {
            "table": {
                name: {"ours": value, "paper": PAPER[name]} for name, value in self.table().items()
            },
            "empty dialogues": self.empty,
            "people": len(self.people),
            "chains of empathy": self.chains,
            "emotion of dialogues, 32": _sorted(self.emotions, EMOTIONS32),
            "emotion of dialogues, 7, per cent": {
                "map": "avamerg", "ours": self.shares_of_seven(), "paper": PAPER_SEVEN,
            },
            "emotion of turns, 8": dict(sorted(self.feelings.items())),
            "topics": dict(self.topics.most_common()),
            "subtopics": dict(self.subtopics.most_common(100)),
            "utterances by tone": _by(self.said_by, "tone", TONES),
            "utterances by race": _by(self.said_by, "race", RACES),
            "words per utterance": _numbers(self.words),
            "utterances per dialogue": _numbers(self.lengths),
            "tenths of a second per sound": _numbers(self.tenths),
            "profile values drawn, not told": dict(sorted(self.drawn.items())),
        }  # fmt: skip


def count(dialogues: Iterable[Dialogue]) -> Statistics:
    statistics = Statistics()
    for dialogue in dialogues:
        statistics.add(dialogue)
    return statistics


def wav_seconds(path: Path) -> float | None:
    """Length of a sound by its header; other containers are opened. None where it cannot be."""
    try:
        with wave.open(str(path)) as handle:
            return handle.getnframes() / handle.getframerate()
    except (OSError, EOFError, ZeroDivisionError):
        return None
    except wave.Error:
        return _container_seconds(path)


def _container_seconds(path: Path) -> float | None:
    import av

    try:
        with av.open(str(path)) as container:
            return None if container.duration is None else float(container.duration / av.time_base)
    except (av.FFmpegError, OSError):
        return None


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 2) if count else None


def _pair(counts: Mapping[Profile, int], age: str) -> str:
    of = [sum(n for p, n in counts.items() if (p.age, p.gender) == (age, g)) for g in GENDERS]
    return "/".join(map(str, of))


def _by(counts: Mapping[Profile, int], name: str, allowed: Iterable[str]) -> dict[str, int]:
    return {v: sum(n for p, n in counts.items() if getattr(p, name) == v) for v in allowed}


def _sorted(counts: Counter[str], allowed: Iterable[str]) -> dict[str, int]:
    known = {label: counts[label] for label in allowed if counts[label]}
    return known | {label: n for label, n in counts.items() if label not in known}


def _numbers(counts: Counter[int]) -> dict[str, int]:
    return {str(value): counts[value] for value in sorted(counts)}


def markdown(statistics: Statistics, name: str) -> str:
    """The two tables as Markdown."""
    lines = [f"# Statistics of {name}", "", "| | ours | AvaMERG paper |", "|---|---:|---:|"]
    for row, value in statistics.table().items():
        lines.append(f"| {row} | {_shown(value)} | {_shown(PAPER[row])} |")
    lines += ["", "Emotion of dialogues, seven keys (map: avamerg), per cent:", ""]
    lines += ["| | ours | AvaMERG paper |", "|---|---:|---:|"]
    ours = statistics.shares_of_seven()
    lines += [f"| {key} | {ours.get(key, 0.0):.1f} | {PAPER_SEVEN[key]} |" for key in PAPER_SEVEN]
    lines += ["", f"Conversations without turns: {statistics.empty}."]
    lines += [f"Chains of empathy: {statistics.chains}. People: {len(statistics.people)}."]
    if statistics.drawn:
        names = ", ".join(f"{name} {n:,}" for name, n in sorted(statistics.drawn.items()))
        lines.append(f"Profile values that no data told and a plan drew: {names}.")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
