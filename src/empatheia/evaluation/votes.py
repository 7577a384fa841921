"""People's votes as the human columns of tables: JSON Lines, one vote a line.

    {"rater": "r07", "item": "hit:3_conv:6#1", "system": "ours", "question": "MOS", "score": 4}

Means carry crossed rater x item intervals; a system without votes has an empty column.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

from empatheia.errors import InputError
from empatheia.evaluation.resampling import Vote, crossed_score
from empatheia.evaluation.scorecard import Figure

KEYS = ("rater", "item", "system", "question", "score")
Votes = dict[tuple[str, str], list[Vote]]  # (system, question) -> votes


def read_votes(path: Path) -> Votes:
    """Raises InputError naming the line; the last vote of a rater on an item counts."""
    if not path.is_file():
        raise InputError(f"no file at {path}: give votes, one JSON record a line")
    latest: dict[tuple[str, str, str, str], float] = {}
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name} line {number}"
        try:
            record = json.loads(line)
            rater, item, system, question = (str(record[k]) for k in KEYS[:4])
            score = float(record["score"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{where}: a vote has {', '.join(KEYS)} ({error})") from error
        if not math.isfinite(score):
            raise InputError(f"{where}: score {score} is not a number")
        latest[system, question, rater, item] = score
    out: Votes = defaultdict(list)
    for (system, question, rater, item), score in latest.items():
        out[system, question].append(Vote(rater, item, score))
    return dict(out)


def voted(votes: Votes, system: str, question: str) -> Figure | None:
    """Mean with its crossed interval; None without votes."""
    found = votes.get((system, question))
    return Figure.of(crossed_score(found)) if found else None
