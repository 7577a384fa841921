"""``empatheia predict``: a system's replies to a set of references, resumable.

Text alone is made in batches by the part that understands and writes. With media each turn goes
through the whole system, care screen included, one after the other.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from empatheia.data.empathetic import TextExample
from empatheia.data.predictions import FILE, Answer, read_answers, to_record
from empatheia.data.references import Reference, ReferenceSet
from empatheia.errors import InputError
from empatheia.evaluation.predict import Progress, predict
from empatheia.files import make_folder, write_together
from empatheia.types import Dialogue, Reply

SYSTEMS: Final = ("direct",)
UNKNOWN: Final = ""  # the label of a context whose data has none


def predict_text(
    found: ReferenceSet,
    out: Path,
    preset: str = "small",
    greedy: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Text-only replies to ``out/predictions.jsonl``. Raises InputError, WeightsError."""
    from empatheia.presets import load_reasoner

    reasoner, settings = load_reasoner(preset)
    sampling = settings.sampling
    if greedy:
        sampling = replace(sampling, candidates=1, temperature=0.0)
    make_folder(out)
    record = {
        "system": f"{preset} direct, text only",
        "data": found.digest,
        "references": len(found.items),
        "weights": settings.digest,
        "sampling": asdict(sampling),
        "ranking": asdict(settings.ranking),
    }
    items = [
        TextExample(r.dialogue, r.context, r.response or "Okay.", r.emotion or UNKNOWN)
        for r in found.items
    ]
    predict(reasoner, items, out, record, sampling, settings.ranking, progress=progress)
    return out / FILE


def predict_media(
    found: ReferenceSet, out: Path, preset: str = "small", progress: Progress | None = None
) -> Path:
    """Replies with ``media/*.wav`` and ``*.mp4``, as the person that the reference wants.

    One line a reply is written when its media are there, so a stopped run goes on.
    """
    from empatheia.presets import Empatheia

    system = Empatheia.from_preset(preset)
    record = {
        "system": f"{preset} direct",
        "data": found.digest,
        "references": len(found.items),
        "weights": system.versions.get("reasoner", "none"),
        "versions": dict(system.versions),
    }
    path = out / FILE
    make_folder(out / "media")
    done = _taken_up(path, record)
    with path.open("a", encoding="utf-8") as handle:
        for reference in found.items:
            if reference.id in done:
                continue
            asked = Dialogue(reference.dialogue, reference.context, listener=reference.listener)
            answer = save_media(system.reply(asked), reference, out)
            handle.write(json.dumps(to_record(answer, out), ensure_ascii=False) + "\n")
            handle.flush()
            done.add(reference.id)
            if progress is not None:
                progress(len(done), len(found.items))
    return path


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
    )


def media_name(identity: str) -> str:
    """A file name for an id: letters, digits, and one other sign."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", identity)


def _taken_up(path: Path, record: dict[str, Any]) -> set[str]:
    """Ids of an earlier run with the same settings; begins the file where there is none."""
    if not path.is_file() or not path.stat().st_size:
        path.write_text(json.dumps({"settings": record}) + "\n", encoding="utf-8")
        return set()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("}\n")]
    if not whole or json.loads(whole[0]).get("settings") != record:
        raise InputError(f"{path} was made with other weights, data or settings; choose another -o")
    path.write_text("".join(whole), encoding="utf-8")
    return {a.id for a in read_answers(path).items} if len(whole) > 1 else set()
