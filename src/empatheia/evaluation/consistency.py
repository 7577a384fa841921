"""Whether words, voice and person of a reply agree, and how emotions are confused.

The voice's emotion and the text's are told by classifiers that never saw our output; agreement
says that parts fit each other, not that people would feel it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32
from empatheia.evaluation.face_measures import emotion_accuracy, features
from empatheia.evaluation.hearing import hear_actors
from empatheia.evaluation.landmark_measures import HOW, read_points
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.speech_table import NO_ACTORS
from empatheia.evaluation.video_table import Faults
from empatheia.media.audio import read_audio

MODALITIES = ("text", "speech", "video", "fused")
PROFILE = ("age", "gender", "tone", "race")
METRICS = (
    Metric("voice_means_it", "Voice = chain", "up", 1, settings={"by": "SVM on RAVDESS"}),
    Metric("voice_gender", "Voice = gender", "up", 1,
           settings={"by": "SVM on RAVDESS", "of": "replies of adults"}),
    Metric("face_means_it", "Face = chain", "up", 1, settings={"by": "landmarks of MEAD"}),
    *(Metric(f"profile_{n}", f"{n} as asked", "up", 1) for n in PROFILE),
    Metric("speaker_emotion", "Speaker's emotion", "up", 1, settings={"labels": 32}),
    *(
        Metric(f"user_{n}", f"by {n}", "up", 1, settings={"labels": 7, "map": "avamerg"})
        for n in MODALITIES
    ),
)  # fmt: skip
NO_MEAD = "landmarks of MEAD clips to train the classifier on, given by --mead"
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
    figures = {
        **_voice(pairs, ravdess, faults),
        "face_means_it": _face(pairs, mead, faults),
    }
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
    told = [
        f"{truth} is named " + ", ".join(f"{said} {n}" for said, n in row.items())
        for truth, row in confusion(pairs).items()
    ]
    table = Table(
        "consistency",
        "Consistency (proxies)",
        METRICS,
        (Row(name, figures, str(settings.get("mark", ""))),),
        tuple(told),
    )
    return table, dict(faults.found)


def _voice(pairs: Sequence[Pair], ravdess: Path | None, faults: Faults) -> dict[str, Figure]:
    """Shares of replies whose voice is heard as the chain's feeling and as the person's gender."""
    names = ("voice_means_it", "voice_gender")
    if ravdess is None:
        return dict.fromkeys(names, Figure.missing(NO_ACTORS))
    ear = hear_actors(ravdess)
    hits: dict[str, list[float]] = {name: [] for name in names}
    for reference, answer in pairs:
        sound, feeling = answer.audio or answer.video, answer.chain.get("response_emotion")
        if sound is None:
            faults.add("no sound", reference.id)
            continue
        speech = faults.measure("voice", reference.id, partial(read_audio, sound))
        if speech is None:
            continue
        wanted = {"voice_means_it": feeling, "voice_gender": answer.profile.get("gender")}
        told = {"voice_means_it": ear.emotion, "voice_gender": ear.gender}
        if feeling not in ear.emotions:
            faults.add("voice not comparable", reference.id)
            del wanted["voice_means_it"]
        if answer.profile.get("age") == "child":  # the actors are adults
            del wanted["voice_gender"]
        for name, label in wanted.items():
            heard = faults.measure("voice", reference.id, partial(told[name], speech))
            hits[name] += [100.0 * (heard == label)] if heard and label else []
    missing = Figure.missing("replies with sound, a chain and a profile")
    return {n: Figure.of(item_score(some)) if some else missing for n, some in hits.items()}


def _face(pairs: Sequence[Pair], mead: Path | None, faults: Faults) -> Figure:
    """Share of replies whose face a classifier of real faces' landmarks names as the chain says."""
    if mead is None:
        return Figure.missing(NO_MEAD)
    real = []
    for path in sorted(mead.glob("*.npz")):
        emotion = next((e for e in EMOTIONS8 if f"_{e}_" in path.stem), None)
        points = read_points(path)
        if emotion is not None and points is not None:
            real.append((features(points), emotion))
    if len({emotion for _, emotion in real}) < 2:
        return Figure.missing(NO_MEAD)
    ours = []
    for reference, answer in pairs:
        wanted = answer.chain.get("response_emotion")
        points = (
            faults.measure("landmarks", reference.id, partial(read_points, answer.video))
            if answer.video is not None
            else None
        )
        if points is None or wanted not in EMOTIONS8 or not np.isfinite(points).any():
            faults.add("face not comparable", reference.id)
            continue
        ours.append((features(points), wanted))
    if not ours:
        return Figure.missing(HOW)
    table = emotion_accuracy(real, ours)[1]
    right, total = int(np.trace(table)), int(table.sum())
    return Figure.of(item_score([100.0] * right + [0.0] * (total - right)))
