"""``empatheia predict``: a system's replies to a set of references, resumable.

Text alone is made in batches by the part that understands and writes. With media each turn goes
through the whole system, care screen included, one after the other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from empatheia.data.plan import seed_of
from empatheia.data.predictions import FILE, Answer, growing
from empatheia.data.references import Reference, ReferenceSet
from empatheia.errors import InputError
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.predict import Progress, Writing, predict
from empatheia.evaluation.synthetic import IN_SIGNAL, is_synthetic
from empatheia.files import make_folder, write_together
from empatheia.types import Dialogue, Reply

if TYPE_CHECKING:
    from empatheia.model import Empatheia, TextSettings
    from empatheia.reasoner import Reasoner

SYSTEMS: Final = ("direct", "pipeline", "empatheia")
TEXT_ONLY: Final = "text only"


def predict_text(
    found: ReferenceSet,
    out: Path,
    preset: str = "small",
    greedy: bool = False,
    progress: Progress | None = None,
    weights: Path | None = None,
    system: str = "direct",
    jobs: int | None = None,
) -> Path:
    """Text-only replies to ``out/predictions.jsonl``; ``pipeline`` has no chain, others one text.

    ``weights`` is a folder of ``train joint`` to use instead of what ships. ``jobs`` processes
    (None: one a core) each hold a reasoner, where it is one that can be lightened. Raises
    InputError, WeightsError.
    """
    reasoner, settings = _opened(preset, weights)
    sampling, chained = settings.in_batches, system != "pipeline"
    if greedy:
        sampling = replace(sampling, candidates=1, temperature=0.0)
    names = [preset, *([weights.name] if weights else []), *([] if chained else [system])]
    record = {
        "system": f"{' '.join(names)}, {TEXT_ONLY}",
        "data": found.digest,
        "references": len(found.items),
        "weights": settings.digest,
        "sampling": asdict(sampling),
        "ranking": asdict(settings.ranking),
        "numbers": reasoner.lighten(),
    }
    writing = Writing(sampling, settings.ranking, chained)
    another = partial(lightened, preset, weights) if reasoner.light else None
    jobs = jobs or os.cpu_count() or 1
    predict(reasoner, found.items, out, record, writing, progress, another, jobs)
    return out / FILE


def _opened(preset: str, weights: Path | None) -> tuple[Reasoner, TextSettings]:
    from empatheia import presets

    return presets.load_reasoner(preset) if weights is None else presets.load_folder(weights)


def lightened(preset: str, weights: Path | None) -> Reasoner:
    """A reasoner for one of several processes."""
    reasoner, _ = _opened(preset, weights)
    reasoner.lighten()
    return reasoner


def predict_media(
    found: ReferenceSet,
    out: Path,
    preset: str = "small",
    progress: Progress | None = None,
    forced: bool = False,
    system: str = "direct",
    weights: Path | None = None,
) -> Path:
    """Replies with ``media/*.wav`` and ``*.mp4``, as the person that the reference wants.

    ``system`` says how voice and face are made, ``weights`` (a folder) by which numbers.
    ``forced``: the human reply's words, and its sound where there is one, are shown with the
    system's feeling (teacher-forced), so that pictures can be laid beside the reference's.
    One line a reply is written when its media are there, so a stopped run goes on.
    """
    from empatheia.presets import Empatheia

    if forced and system != "direct":
        raise InputError(f"teacher forcing shows the direct system only, not {system}")
    options: dict[str, Any] = {"system": system} if system != "direct" else {}
    options |= {"weights": weights} if weights else {}
    opened = Empatheia.from_preset(preset, **options)
    name = " ".join([preset, system, *([weights.name] if weights else [])])
    record = {
        "system": f"{name}, teacher-forced" if forced else name,
        "teacher_forced": forced,
        "mark": IN_SIGNAL if label_in_signal(found.items) else "",
        "data": found.digest,
        "references": len(found.items),
        "weights": opened.versions.get("reasoner", "none"),
        "versions": dict(opened.versions),
    }
    if forced:
        record["avatars"] = "by the reference's listener_id"
    make_folder(out / "media")
    with growing(out, record) as (done, add):
        for number, reference in enumerate(found.items, 1):
            if reference.id not in done:
                asked = Dialogue(reference.dialogue, reference.context, listener=reference.listener)
                if forced:
                    add(save_forced(opened, reference, out))
                else:
                    add(save_media(opened.reply(asked), reference, out))
            if progress is not None:
                progress(number, len(found.items))
    return out / FILE


def save_media(reply: Reply, reference: Reference, out: Path) -> Answer:
    """Writes the two media files under ``out/media`` and returns the line for the reply."""
    name = media_name(reference.id)
    contents = {f"{name}.wav": reply.wav, f"{name}.mp4": reply.mp4}
    write_together(out / "media", {k: v for k, v in contents.items() if v})
    odds = reply.emotion_probabilities or {}
    return Answer(
        id=reference.id,
        reply=reply.text,
        emotion=reply.emotion,
        top5=tuple(sorted(odds, key=lambda e: -odds[e])[:5]),
        chain=asdict(reply.chain_of_empathy) if reply.chain_of_empathy else {},
        audio=out / "media" / f"{name}.wav" if reply.wav else None,
        video=out / "media" / f"{name}.mp4" if reply.mp4 else None,
        profile=asdict(reply.profile),
        avatar=reply.avatar,
        perceived=perceived_of(reply),
    )


def perceived_of(reply: Reply) -> dict[str, str]:
    """The likeliest of the eight keys by each modality that was there."""
    told = getattr(reply, "perceived", None) or {}
    return {name: max(odds, key=odds.__getitem__) for name, odds in told.items() if odds}


def label_in_signal(items: Sequence[Reference]) -> bool:
    """Whether what is heard or seen of any speaker was rendered, and so from the gold label.

    Of sets that mix recordings and renderings, too: one rendered file is enough.
    """
    turns = (turn for reference in items for turn in reference.context)
    paths = (path for turn in turns for path in (turn.audio, turn.video) if path is not None)
    return any(map(is_synthetic, dict.fromkeys(paths)))


def marked(settings: Mapping[str, Any], items: Sequence[Reference]) -> dict[str, Any]:
    """``settings`` with a mark where the data's sound or pictures were rendered from the label.

    Whoever made the predictions may have used them, unless the settings say ``"input": "text"``.
    """
    told = dict(settings)
    text = told.get("input") == "text" or str(told.get("system", "")).endswith(TEXT_ONLY)
    if not text and IN_SIGNAL not in str(told.get("mark") or "") and label_in_signal(items):
        told["mark"] = "; ".join(filter(None, (told.get("mark"), IN_SIGNAL)))
    return told


def other_people(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Teacher-forced answers that do not show the reference's person, by why, as ids.

    Pictures of two people laid side by side measure the people, not the talking. Only a person
    whom our renderer drew can be drawn again, by the seed that follows from ``listener_id``.
    """
    from empatheia.face.avatar.people import resolve

    faults: dict[str, list[str]] = {
        "teacher-forced, but the data has no listener_id": [],
        "teacher-forced, but the reference's person was not drawn here": [],
        "teacher-forced as another person than the reference's": [],
    }
    unknown, foreign, other = faults.values()
    for reference, answer in pairs:
        who = reference.listener
        if reference.video is None or not reference.video.is_file():
            continue
        if reference.listener_id is None or who is None:
            unknown.append(reference.id)
        elif not is_synthetic(reference.video):
            foreign.append(reference.id)
        elif answer.avatar != resolve(who, seed_of(reference.listener_id)).id:
            other.append(reference.id)
    return {kind: ids for kind, ids in faults.items() if ids}


def save_forced(system: Empatheia, reference: Reference, out: Path) -> Answer:
    """Gold words and person with the system's feeling. Raises InputError without gold words.

    The person is the one whom the renderer drew for ``listener_id``; without one, the usual
    avatar of the profile, which :func:`other_people` names.
    """
    from empatheia.media.audio import read_audio, wav_bytes
    from empatheia.media.video import encode_mp4
    from empatheia.model import intensity_of
    from empatheia.reasoner import Request
    from empatheia.speech.sentences import join, speak
    from empatheia.types import Profile

    if reference.response is None:
        raise InputError(f"{reference.id} has no human reply: teacher forcing needs its words")
    who = reference.listener or Profile()
    thought = system.reasoner.think([Request(reference.context, who)]).thoughts[0]
    feeling, strength = thought.chain.response_emotion, intensity_of(thought)
    if reference.audio is not None:
        speech = read_audio(reference.audio)
    else:
        speech = join(list(speak(system.speech, reference.response, feeling, strength, who)))
    style = system.face.style_for(feeling, strength, who)
    seed = seed_of(reference.listener_id) if reference.listener_id else 0
    person = system.face.avatar_for(who, seed)
    frames = system.face.generate(person, system.face.encode_content(speech), style)
    name = media_name(reference.id)
    mp4 = encode_mp4(frames, system.face.fps, speech)
    write_together(out / "media", {f"{name}.wav": wav_bytes(speech), f"{name}.mp4": mp4})
    return Answer(
        id=reference.id,
        reply=reference.response,
        emotion=thought.chain.speaker_emotion,
        chain=asdict(thought.chain),
        audio=out / "media" / f"{name}.wav",
        video=out / "media" / f"{name}.mp4",
        profile=asdict(who),
        avatar=person.id,
    )


def media_name(identity: str) -> str:
    """A file name for an id: letters, digits, and one other sign."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", identity)
