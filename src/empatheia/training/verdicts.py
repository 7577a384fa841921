"""Verdicts of readers on drawn replies.

``verdicts.jsonl`` beside this file holds what was read: candidates of this package's own models for
contexts of EmpatheticDialogues, by response (dialogue and number of turns before it), each under
``fits``, ``generic`` or ``wrong``. 406 contexts are of valid, the other 2,400 of train, one of a
dialogue. The dialogues' own text is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files

WORTH = {"fits": 1.0, "generic": 0.5, "wrong": 0.0}
Verdicts = Mapping[str, Mapping[str, Sequence[str]]]


def read_verdicts() -> Verdicts:
    """Replies by verdict, for each ``dialogue#turns``."""
    text = (files("empatheia.training") / "verdicts.jsonl").read_text(encoding="utf-8")
    rows = map(json.loads, text.splitlines())
    return {row["response"]: {name: row[name] for name in WORTH} for row in rows}
