"""Whether chain, voice, face and person of a reply agree, and how emotions are confused.

What the voice and the face feel like is told by classifiers of real people, which never saw our
output; agreement says that parts fit each other, not that people would feel it. The floor puts
every reply beside the voice and the face of the next one: what is reached there is reached by
always sounding and looking the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from empatheia.data.feelings import UtteranceReader
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32
from empatheia.data.predictions import Answer
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.figures import detailed, mean_figure
from empatheia.evaluation.hearing import Hearing, hear_actors
from empatheia.evaluation.landmark_measures import HOW, read_points
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.seeing import Seeing, features, see_people
from empatheia.evaluation.speech_table import BY_ACTORS, FEW, NO_ACTORS, heard_in
from empatheia.evaluation.text_feeling import shipped_reader

AGREE = (
    "text_means_it", "voice_means_it", "face_means_it", "text_voice", "text_face", "voice_face",
    "voice_gender",
)  # fmt: skip
BY_TEXT = "the package's own text encoder, utterance head"
BY_FACE = "discriminant analysis of landmarks of MEAD"
MODALITIES = ("text", "speech", "video", "fused")
PROFILE = ("age", "gender", "tone", "race")
DECLARED = "the system's own statement, not heard or seen in its media"
METRICS = (
    Metric("text_means_it", "Text = chain", "up", 1, settings={"by": BY_TEXT},
           note="the words of the reply, read by our own encoder: no independent judge of us"),
    Metric("voice_means_it", "Voice = chain", "up", 1, version=2, settings={"by": BY_ACTORS}),
    Metric("voice_gender", "Voice = gender", "up", 1, version=2,
           settings={"by": "SVM on RAVDESS, without loudness", "of": "replies of adults"}),
    Metric("voice_age", "Voice = age", "up", 1),
    Metric("face_means_it", "Face = chain", "up", 1, settings={"by": BY_FACE}),
    Metric("face_gender", "Face = gender", "up", 1),
    Metric("face_age", "Face = age", "up", 1),
    Metric("text_voice", "Text = voice", "up", 1, settings={"by": f"{BY_TEXT}; {BY_ACTORS}"}),
    Metric("text_face", "Text = face", "up", 1, settings={"by": f"{BY_TEXT}; {BY_FACE}"}),
    Metric("voice_face", "Voice = face", "up", 1, version=2,
           settings={"by": f"{BY_ACTORS}; {BY_FACE}"}),
    *(Metric(f"profile_{n}", f"{n} as asked (declared)", "up", 1, settings={"by": DECLARED})
      for n in PROFILE),
    Metric("speaker_emotion", "Speaker's emotion", "up", 1, version=2,
           settings={"labels": 32, "none named": "counts as wrong"}),
    *(
        Metric(f"user_{n}", f"by {n}", "up", 1, settings={"labels": 7, "map": "avamerg"})
        for n in MODALITIES
    ),
)  # fmt: skip
UNSEEN = {
    "voice_age": "a recogniser of age in voices, which the package does not have",
    "face_gender": "a recogniser of gender in faces, which the package does not have",
    "face_age": "a recogniser of age in faces, which the package does not have",
}
NO_READER = "a preset with the utterance head, as the shipped small()"
NO_MEAD = "landmarks of MEAD clips to train the classifier on, given by --mead"
NO_CHAIN = "a chain in the predictions, and sound and landmarks of faces beside it"
NO_EMOTIONS = "emotion labels in the data, and emotions in the predictions"
NOTHING = "(none)"  # named by an answer without an emotion
MOVED = ("voice_means_it", "face_means_it", "text_voice", "text_face", "voice_face", "voice_gender")
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
    """Table and faults. Figures that compare labels carry the confusion as ``detail``.

    ``profile_*`` compare what the system declares with what was asked; of the media themselves
    only the gender of voices is recognised.
    """
    faults = Faults()
    weights = str(settings.get("weights", "none"))
    ear, eye = hear_actors(ravdess) if ravdess else None, see_people(mead) if mead else None
    tools = Senses(ear, eye, shipped_reader() if ear or eye else None)
    told = tools.read(pairs, faults)
    figures = _agreement(pairs, told, tools, faults)
    figures |= {name: Figure.missing(needs) for name, needs in UNSEEN.items()}
    for field in PROFILE:
        hits = [
            (r.id, 100.0 * (a.profile[field] == getattr(r.listener, field)))
            for r, a in pairs
            if r.listener is not None and field in a.profile
        ]
        needs = "listener profiles in the data and 'profile' in the predictions"
        figures[f"profile_{field}"] = mean_figure(hits, needs, weights)
    named = any(a.emotion for _, a in pairs)
    known = [(r.id, r.emotion, a.emotion or NOTHING) for r, a in pairs if r.emotion and named]
    figures["speaker_emotion"] = confused(known, NO_EMOTIONS, weights)
    for modality in MODALITIES:
        heard = [
            (r.id, str(AVAMERG_32_TO_7.get(r.emotion)), a.perceived[modality])
            for r, a in pairs
            if r.emotion and modality in a.perceived
        ]
        figures[f"user_{modality}"] = confused(heard, NO_PERCEIVED, weights)
    rows = [Row(name, figures, str(settings.get("mark", "")))]
    rows += tools.ceiling()
    if tools.ear or tools.eye:
        # the words stay, voice and face are the next reply's
        away = [replace(b, text=a.text) for a, b in zip(told, [*told[1:], *told[:1]], strict=True)]
        few = dict.fromkeys(MOVED, Figure.missing("two replies and more"))
        moved = _agreement(pairs, away, tools) if len(pairs) > 1 else few
        moved = {n: moved[n] for n in MOVED}
        rows.append(Row(f"{name}, voice and face of another reply", moved, "floor"))
    mistaken = [f"{truth} is named {_tally(row)}" for truth, row in confusion(pairs).items()]
    shares = {
        kind: Counter(label for t in told if (label := getattr(t, kind)) is not None)
        for kind in ("voice", "face")
    }
    said = [f"{kind}s named: {_tally(row)}" for kind, row in shares.items() if row]
    notes = (*said, *mistaken)
    table = Table("consistency", "Consistency (proxies)", METRICS, tuple(rows), notes)
    return table, dict(faults.found)


def confused(said: Sequence[tuple[str, str, str]], needs: str, weights: str) -> Figure:
    """Share named rightly of (item, true, named), with the counts of what was named for what."""
    figure = mean_figure([(item, 100.0 * (t == n)) for item, t, n in said], needs, weights)
    counts = Counter((truth, name) for _, truth, name in said)
    table: dict[str, dict[str, int]] = {}
    for (truth, name), n in sorted(counts.items()):
        table.setdefault(truth, {})[name] = n
    return detailed(figure, confusion=table) if said else figure


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {n}" for label, n in counts.items())


Voice = tuple[str | None, str | None]  # emotion and gender


@dataclass(frozen=True, slots=True)
class Told:
    """What classifiers read, hear and see in one reply; None where they cannot say."""

    text: str | None = None
    voice: str | None = None
    gender: str | None = None
    face: str | None = None


@dataclass(frozen=True, slots=True)
class Senses:
    """The classifiers, None where what teaches them was not given."""

    ear: Hearing | None
    eye: Seeing | None
    reader: UtteranceReader | None = None

    def read(self, pairs: Sequence[Pair], faults: Faults) -> list[Told]:
        """Of all replies: a voice is heard beside the same person's others."""
        words: list[str | None] = [None] * len(pairs)
        if self.reader:
            texts = [answer.reply for _, answer in pairs]
            read = self.reader.read(texts)
            words = [f.emotion8 if text else None for f, text in zip(read, texts, strict=True)]
        nothing: list[Voice] = [(None, None)] * len(pairs)
        voices = _heard(pairs, self.ear, faults) if self.ear else nothing
        return [
            Told(word, *voice, _seen(r.id, a, self.eye, faults) if self.eye else None)
            for word, voice, (r, a) in zip(words, voices, pairs, strict=True)
        ]

    def digests(self) -> dict[str, str]:
        """Of what measures each agreement."""
        ear = self.ear.digest if self.ear else "none"
        eye = self.eye.digest if self.eye else "none"
        reader = self.reader.source if self.reader else "none"
        return {
            "text_means_it": reader, "voice_means_it": ear, "voice_gender": ear,
            "face_means_it": eye, "voice_face": f"{ear}, {eye}",
            "text_voice": f"{reader}, {ear}", "text_face": f"{reader}, {eye}",
        }  # fmt: skip

    def ceiling(self) -> list[Row]:
        """What the classifiers reach on real people whom they did not learn from."""
        known: dict[str, list[float]] = {}
        if self.ear is not None and self.ear.held_out:
            known["voice_means_it"] = [emotion for emotion, _ in self.ear.held_out]
            known["voice_gender"] = [gender for _, gender in self.ear.held_out]
        if self.eye is not None and self.eye.held_out:
            known["face_means_it"] = list(self.eye.held_out)
        digests = self.digests()
        figures = {n: Figure.of(item_score(hits), digests[n]) for n, hits in known.items()}
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
    hits: dict[str, list[tuple[str, str, str]]] = {name: [] for name in AGREE}
    for (reference, answer), t in zip(pairs, told, strict=True):
        meant = answer.chain.get("response_emotion")
        if faults is not None and not meant:
            faults.add("no feeling in the chain", reference.id)
        heard, seen = tools.ear and tools.ear.emotions, tools.eye and tools.eye.emotions
        for name, one, said, known in (
            ("text_voice", t.text, t.voice, heard),
            ("text_face", t.text, t.face, seen),
        ):
            if one and said and known and one in known:
                hits[name].append((reference.id, one, said))
        for name, said, known in (
            ("text_means_it", t.text, EMOTIONS8),
            ("voice_means_it", t.voice, heard),
            ("face_means_it", t.face, seen),
        ):
            if meant and said and known and meant in known:
                hits[name].append((reference.id, meant, said))
            elif faults is not None and meant and said:
                faults.add(f"{name.partition('_')[0]} not comparable", reference.id)
        if t.voice and t.face:
            hits["voice_face"].append((reference.id, t.voice, t.face))
        gender = answer.profile.get("gender")
        if t.gender and gender and answer.profile.get("age") != "child":
            hits["voice_gender"].append((reference.id, gender, t.gender))
    missing, digests = _missing(tools), tools.digests()
    return {name: confused(some, missing[name], digests[name]) for name, some in hits.items()}


def _missing(tools: Senses) -> dict[str, str]:
    """What each agreement lacks where it has no number."""
    voice = "replies with sound" if tools.ear else NO_ACTORS
    face = HOW if tools.eye else NO_MEAD
    either = tools.ear or tools.eye
    text = NO_READER if either else f"{NO_ACTORS}, or {NO_MEAD}"
    return {
        "text_means_it": NO_CHAIN if tools.reader else text,
        "text_voice": voice if tools.reader or not tools.ear else text,
        "text_face": face if tools.reader or not tools.eye else text,
        "voice_means_it": NO_CHAIN if tools.ear else NO_ACTORS,
        "voice_gender": voice,
        "face_means_it": NO_CHAIN if tools.eye else NO_MEAD,
        "voice_face": face if tools.ear else voice,
    }
