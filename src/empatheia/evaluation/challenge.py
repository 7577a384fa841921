"""The submission of the AvaMERG challenge: one JSON list, media by name, all in one zip.

A conversation has one emotion, that of its last reply here, and its turns; the reply to turn k is
utterance 2k + 1, so its media are called ``dia00001utt1.wav`` and ``.mp4``, ``utt3`` and so on.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from empatheia.data.predictions import read_answers
from empatheia.data.references import ReferenceSet
from empatheia.errors import InputError
from empatheia.evaluation.matching import Pair, match
from empatheia.files import write_together

FORMATS: Final = ("empatheia", "avamerg-challenge")


def conversations(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """The list that is submitted, in the order of the data."""
    by_id: dict[str, dict[str, Any]] = {}
    for reference, answer in pairs:
        item = by_id.setdefault(
            reference.dialogue, {"conversation_id": reference.dialogue, "emotion": "", "turns": []}
        )
        item["emotion"] = answer.emotion or item["emotion"]
        turn = (len(reference.context) - 1) // 2
        item["turns"].append({"turn_id": str(turn), "response": answer.reply})
    return list(by_id.values())


def write_challenge(found: ReferenceSet, folder: Path, team: str = "empatheia") -> Path:
    """``TEAM.json`` and ``TEAM.zip`` beside the predictions in ``folder``; returns the zip.

    Raises InputError where a prediction is missing, since a submission must be complete.
    """
    if not re.fullmatch(r"[\w.-]+", team):
        raise InputError(f"team {team!r} must be letters, digits, '-', '_' or '.'")
    matched = match(found.items, read_answers(folder).items)
    for kind in ("missing predictions", "empty replies"):
        if matched.faults.get(kind):
            names = matched.faults[kind]
            raise InputError(f"{len(names)} {kind}, as {names[0]}: a submission must be complete")
    body = json.dumps(conversations(matched.pairs), indent=2, ensure_ascii=False).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, f"{team}.json", body)
        for reference, answer in matched.pairs:
            number, place = reference.dialogue, len(reference.context)
            name = f"dia{int(number):05d}" if number.isdecimal() else f"dia{number}"
            for path in (answer.audio, answer.video):
                if path is not None:
                    _add(archive, f"{name}utt{place}{path.suffix}", path.read_bytes())
    return write_together(folder, {f"{team}.json": body + b"\n", f"{team}.zip": packed.getvalue()})[
        1
    ]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A fixed date, so that the same content is the same zip."""
    archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
