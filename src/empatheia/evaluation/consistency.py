"""Whether words, voice and person of a reply agree, and how emotions are confused.

The voice's emotion and the text's are told by classifiers that never saw our output; agreement
says that parts fit each other, not that people would feel it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from empatheia.data.labels import EMOTIONS32
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.speech_table import NO_ACTORS, emotion_classifier
from empatheia.evaluation.video_table import Faults
from empatheia.media.audio import read_audio

PROFILE = ("age", "gender", "tone", "race")
METRICS = (
    Metric("voice_means_it", "Voice = chain", "up", 1, settings={"by": "SVM on RAVDESS"}),
    *(Metric(f"profile_{n}", f"{n} as asked", "up", 1) for n in PROFILE),
    Metric("speaker_emotion", "Speaker's emotion, text", "up", 1, settings={"labels": 32}),
)


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
    name: str, pairs: Sequence[Pair], settings: Mapping[str, Any], ravdess: Path | None = None
) -> tuple[Table, dict[str, list[str]]]:
    """Table and faults; the confusion matrix stands in the notes of the JSON."""
    faults = Faults()
    weights = str(settings.get("weights", "none"))
    figures = {"voice_means_it": _voice(pairs, ravdess, faults)}
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
    told = [
        f"{truth} is named " + ", ".join(f"{said} {n}" for said, n in row.items())
        for truth, row in confusion(pairs).items()
    ]
    table = Table(
        "consistency", "Consistency (proxies)", METRICS, (Row(name, figures),), tuple(told)
    )
    return table, dict(faults.found)


def _voice(pairs: Sequence[Pair], ravdess: Path | None, faults: Faults) -> Figure:
    """Share of replies whose voice is heard as the feeling that the chain says."""
    if ravdess is None:
        return Figure.missing(NO_ACTORS)
    hear = emotion_classifier(ravdess)
    hits = []
    for reference, answer in pairs:
        wanted, sound = answer.chain.get("response_emotion"), answer.audio or answer.video
        if sound is None or wanted not in hear.names:
            faults.add("voice not comparable", reference.id)
            continue
        heard = faults.measure("voice", reference.id, lambda s=sound: hear(read_audio(s)))  # type: ignore[misc]
        hits += [100.0 * (heard == wanted)] if heard is not None else []
    return Figure.of(item_score(hits)) if hits else Figure.missing("replies with sound and a chain")
