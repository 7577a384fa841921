"""The submission of the AvaMERG challenge: one JSON list, media by name, all in one zip.

A conversation has one emotion, that of its last reply here, and its turns; the reply to turn k is
utterance 2k + 1, so its media are called ``dia00001utt1.wav`` and ``.mp4``, ``utt3`` and so on.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from empatheia.data.predictions import read_answers
from empatheia.data.references import ReferenceSet
from empatheia.errors import InputError
from empatheia.evaluation.matching import Pair, match
from empatheia.files import cannot_write, part_of, write_whole

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


def check_team(team: str) -> None:
    """Raises InputError where a file cannot have this name."""
    if not re.fullmatch(r"[\w.-]+", team):
        raise InputError(f"team {team!r} must be letters, digits, '-', '_' or '.'")


def write_challenge(found: ReferenceSet, folder: Path, team: str = "empatheia") -> Path:
    """``TEAM.json`` and ``TEAM.zip`` beside the predictions in ``folder``; returns the zip.

    Raises InputError where a prediction or a file is missing, since a submission must be complete.
    """
    check_team(team)
    matched = match(found.items, read_answers(folder).items)
    for kind in ("missing predictions", "empty replies"):
        if matched.faults.get(kind):
            names = matched.faults[kind]
            raise InputError(f"{len(names)} {kind}, as {names[0]}: a submission must be complete")
    media = _media(matched.pairs)
    gone = [path for path in media.values() if not path.is_file()]
    if gone:
        raise InputError(f"{len(gone)} media files are not there, as {gone[0]}")
    body = json.dumps(conversations(matched.pairs), indent=2, ensure_ascii=False).encode()
    path = folder / f"{team}.zip"
    part = part_of(path)
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(_entry(f"{team}.json"), "w") as inside:
                inside.write(body)
            for name, file in media.items():
                with file.open("rb") as given, archive.open(_entry(name), "w") as inside:
                    shutil.copyfileobj(given, inside)
        write_whole(folder / f"{team}.json", body + b"\n")
        part.replace(path)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _media(pairs: Sequence[Pair]) -> dict[str, Path]:
    """Name in the zip -> file."""
    out = {}
    for reference, answer in pairs:
        number, place = reference.dialogue, len(reference.context)
        name = f"dia{int(number):05d}" if number.isdecimal() else f"dia{number}"
        for path in (answer.audio, answer.video):
            if path is not None:
                out[f"{name}utt{place}{path.suffix}"] = path
    return out


def _entry(name: str) -> zipfile.ZipInfo:
    """A fixed date, so that the same content is the same zip."""
    found = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    found.compress_type = zipfile.ZIP_DEFLATED
    return found
