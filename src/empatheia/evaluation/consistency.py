"""Whether chain, voice, face and person of a reply agree, and how emotions are confused.

What the voice and the face feel like is told by classifiers of real people, which never saw our
output; agreement says that parts fit each other, not that people would feel it. The floor puts
every reply beside the voice and the face of the next one: what is reached there is reached by
always sounding and looking the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS32
from empatheia.data.predictions import Answer
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.hearing import Hearing, hear_actors
from empatheia.evaluation.landmark_measures import HOW, read_points
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.seeing import Seeing, features, see_people
from empatheia.evaluation.speech_table import BY_ACTORS, FEW, NO_ACTORS, heard_in

AGREE = ("voice_means_it", "voice_gender", "face_means_it", "voice_face")
MODALITIES = ("text", "speech", "video", "fused")
PROFILE = ("age", "gender", "tone", "race")
METRICS = (
    Metric("voice_means_it", "Voice = chain", "up", 1, version=2, settings={"by": BY_ACTORS}),
    Metric("voice_gender", "Voice = gender", "up", 1, version=2,
           settings={"by": "SVM on RAVDESS, without loudness", "of": "replies of adults"}),
    Metric("face_means_it", "Face = chain", "up", 1, settings={"by": "landmarks of MEAD"}),
    Metric("voice_face", "Voice = face", "up", 1, version=2,
           settings={"by": f"{BY_ACTORS}; landmarks of MEAD"}),
    *(Metric(f"profile_{n}", f"{n} as asked", "up", 1) for n in PROFILE),
    Metric("speaker_emotion", "Speaker's emotion", "up", 1, settings={"labels": 32}),
    *(
        Metric(f"user_{n}", f"by {n}", "up", 1, settings={"labels": 7, "map": "avamerg"})
        for n in MODALITIES
    ),
)  # fmt: skip
NO_MEAD = "landmarks of MEAD clips to train the classifier on, given by --mead"
NO_CHAIN = "a chain in the predictions, and sound and landmarks of faces beside it"
NO_PERCEIVED = "'perceived' by this modality in the predictions, and its media in the data"


def confusion(pairs: Sequence[Pair]) -> dict[str, dict[str, int]]:
    """True label -> named label -> count, of labels that occur."""
    counts = Counter((r.emotion, a.emotion) for r, a in pairs if r.emotion and a.emotion)
    out: dict[str, dict[str, int]] = {}
    for truth in EMOTIONS32:
        row = {said: counts[truth, said] for said in EMOTIONS32 if counts[truth, said]}
        if row:
            out[truth] = row
    return out


def consistency_table(
    name: str,
    pairs: Sequence[Pair],
    settings: Mapping[str, Any],
    ravdess: Path | None = None,
    mead: Path | None = None,
) -> tuple[Table, dict[str, list[str]]]:
    """Table and faults; the confusion matrix stands in the notes of the JSON."""
    faults = Faults()
    weights = str(settings.get("weights", "none"))
    tools = Senses(hear_actors(ravdess) if ravdess else None, see_people(mead) if mead else None)
    told = tools.read(pairs, faults)
    figures = _agreement(pairs, told, tools, faults)
    for field in PROFILE:
        hits = [
            100.0 * (a.profile[field] == getattr(r.listener, field))
            for r, a in pairs
            if r.listener is not None and field in a.profile
        ]
        needs = "listener profiles in the data and 'profile' in the predictions"
        figures[f"profile_{field}"] = (
            Figure.of(item_score(hits), weights) if hits else Figure.missing(needs)
        )
    known = [100.0 * (r.emotion == a.emotion) for r, a in pairs if r.emotion and a.emotion]
    figures["speaker_emotion"] = (
        Figure.of(item_score(known), weights) if known else Figure.missing("emotion labels")
    )
    for modality in MODALITIES:
        heard = [
            100.0 * (AVAMERG_32_TO_7.get(r.emotion) == a.perceived[modality])
            for r, a in pairs
            if r.emotion and modality in a.perceived
        ]
        figures[f"user_{modality}"] = (
            Figure.of(item_score(heard), weights) if heard else Figure.missing(NO_PERCEIVED)
        )
    rows = [Row(name, figures, str(settings.get("mark", "")))]
    rows += tools.ceiling()
    if len(pairs) > 1 and any(t.voice or t.face for t in told):
        moved = _agreement(pairs, [*told[1:], told[0]], tools)
        rows.append(Row(f"{name}, voice and face of another reply", moved, "floor"))
    confused = [f"{truth} is named {_tally(row)}" for truth, row in confusion(pairs).items()]
    shares = {
        kind: Counter(label for t in told if (label := getattr(t, kind)) is not None)
        for kind in ("voice", "face")
    }
    said = [f"{kind}s named: {_tally(row)}" for kind, row in shares.items() if row]
    notes = (*said, *confused)
    table = Table("consistency", "Consistency (proxies)", METRICS, tuple(rows), notes)
    return table, dict(faults.found)


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in counts.items())


Voice = tuple[str | None, str | None]  # emotion and gender


@dataclass(frozen=True, slots=True)
class Told:
    """What classifiers hear and see in one reply; None where they cannot say."""

    voice: str | None = None
    gender: str | None = None
    face: str | None = None


@dataclass(frozen=True, slots=True)
class Senses:
    """The two classifiers, None where what teaches them was not given."""

    ear: Hearing | None
    eye: Seeing | None

    def read(self, pairs: Sequence[Pair], faults: Faults) -> list[Told]:
        """Of all replies: a voice is heard beside the same person's others."""
        nothing: list[Voice] = [(None, None)] * len(pairs)
        voices = _heard(pairs, self.ear, faults) if self.ear else nothing
        return [
            Told(*voice, _seen(r.id, a, self.eye, faults) if self.eye else None)
            for voice, (r, a) in zip(voices, pairs, strict=True)
        ]

    def ceiling(self) -> list[Row]:
        """What the classifiers reach on real people whom they did not learn from."""
        known: dict[str, list[float]] = {}
        if self.ear is not None and self.ear.held_out:
            known["voice_means_it"] = [emotion for emotion, _ in self.ear.held_out]
            known["voice_gender"] = [gender for _, gender in self.ear.held_out]
        if self.eye is not None and self.eye.held_out:
            known["face_means_it"] = list(self.eye.held_out)
        figures = {name: Figure.of(item_score(hits)) for name, hits in known.items()}
        return [Row("Actors not learnt from", figures, "ceiling")] if figures else []


def _heard(pairs: Sequence[Pair], ear: Hearing, faults: Faults) -> list[Voice]:
    """Emotion and gender of each reply."""
    out: list[Voice] = [(None, None)] * len(pairs)
    places, rows = [], []
    for place, (reference, answer) in enumerate(pairs):
        sound = answer.audio or answer.video
        if sound is None:
            faults.add("no sound", reference.id)
            continue
        row = faults.measure("voice", reference.id, partial(heard_in, sound))
        if row is not None:
            places.append(place)
            rows.append(row)
    feelings = ear.feelings(rows, [pairs[place][1].person for place in places])
    for place, row, feeling in zip(places, rows, feelings, strict=True):
        out[place] = (feeling, ear.gender(row))
        if feeling is None:
            faults.add(FEW, pairs[place][0].id)
    return out


def _seen(item: str, answer: Answer, eye: Seeing, faults: Faults) -> str | None:
    video = answer.video
    points = faults.measure("landmarks", item, partial(read_points, video)) if video else None
    face = eye.emotion(features(points)) if points is not None else None
    if face is None:
        faults.add("no face to name", item)
    return face


def _agreement(
    pairs: Sequence[Pair], told: Sequence[Told], tools: Senses, faults: Faults | None = None
) -> dict[str, Figure]:
    """Shares of replies whose voice and face are named as the chain says, and as each other.

    A feeling that a classifier was not taught is left out, and so is the gender of children: the
    actors who taught the ear are adults.
    """
    hits: dict[str, list[float]] = {name: [] for name in AGREE}
    for (reference, answer), t in zip(pairs, told, strict=True):
        meant = answer.chain.get("response_emotion")
        if faults is not None and not meant:
            faults.add("no feeling in the chain", reference.id)
        for name, said, known in (
            ("voice_means_it", t.voice, tools.ear and tools.ear.emotions),
            ("face_means_it", t.face, tools.eye and tools.eye.emotions),
        ):
            if meant and said and known and meant in known:
                hits[name].append(100.0 * (said == meant))
            elif faults is not None and meant and said:
                faults.add(f"{name.partition('_')[0]} not comparable", reference.id)
        if t.voice and t.face:
            hits["voice_face"].append(100.0 * (t.voice == t.face))
        gender = answer.profile.get("gender")
        if t.gender and gender and answer.profile.get("age") != "child":
            hits["voice_gender"].append(100.0 * (t.gender == gender))
    missing = _missing(tools)
    return {n: Figure.of(item_score(some)) if some else missing[n] for n, some in hits.items()}


def _missing(tools: Senses) -> dict[str, Figure]:
    """What each agreement lacks where it has no number."""
    voice = "replies with sound" if tools.ear else NO_ACTORS
    face = HOW if tools.eye else NO_MEAD
    needs = {
        "voice_means_it": NO_CHAIN if tools.ear else NO_ACTORS,
        "voice_gender": voice,
        "face_means_it": NO_CHAIN if tools.eye else NO_MEAD,
        "voice_face": face if tools.ear else voice,
    }
    return {name: Figure.missing(what) for name, what in needs.items()}
