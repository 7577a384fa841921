"""Answers put beside the references they belong to; whatever does not fit is named and counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError

Pair = tuple[Reference, Answer]


@dataclass(frozen=True, slots=True)
class Matched:
    """Every reference with its answer, in the order of the references.

    An id that is missing stands here with an empty reply and no emotion: what a system leaves out
    counts as wrong, so that leaving out the hard ones gains nothing.
    """

    pairs: tuple[Pair, ...]
    faults: dict[str, list[str]]  # kind -> ids

    def checks(self) -> dict[str, Any]:
        return dict(self.faults)


def match(
    references: Sequence[Reference], answers: Sequence[Answer], whole: Collection[str] = ()
) -> Matched:
    """Pairs by id. Of a repeated id the first counts. Raises InputError where no id is common.

    ``whole`` are the ids of all the data: an answer to what was not asked for is no fault.
    """
    counts = Counter(answer.id for answer in answers)
    by_id: dict[str, Answer] = {}
    for answer in answers:
        by_id.setdefault(answer.id, answer)
    wanted = [reference.id for reference in references]
    known = set(wanted)
    if not known & by_id.keys():
        raise InputError(
            f"no prediction belongs to this data: ids here are like {wanted[0]!r}, "
            f"in the predictions like {answers[0].id!r}"
        )
    pairs = tuple((r, by_id.get(r.id) or Answer(r.id, "")) for r in references)
    known32 = frozenset(EMOTIONS32)
    present = [answer for reference, answer in pairs if reference.id in by_id]
    faults = {
        "missing predictions": [name for name in wanted if name not in by_id],
        "extra predictions": [n for n in by_id if n not in known and n not in whole],
        "duplicate predictions": [name for name, n in counts.items() if n > 1],
        "empty replies": [a.id for a in present if not a.reply.strip()],
        "unknown emotions": [a.id for a in present if a.emotion and a.emotion not in EMOTIONS32],
        "unknown emotions in 'top5'": [a.id for a in present if not known32.issuperset(a.top5)],
        "'emotion' not in 'top5'": [a.id for a in present if a.top5 and a.emotion not in a.top5],
        "unknown feelings in the chain": [
            a.id for a in present if a.chain.get("response_emotion", EMOTIONS8[0]) not in EMOTIONS8
        ],
        "no emotion": [a.id for a in present if not a.emotion],
        "NaN scores": [a.id for a in present if a.nll is not None and not math.isfinite(a.nll)],
    }
    if any(a.nll is not None for a in present):
        faults["no 'nll', which others have"] = [a.id for a in present if a.nll is None]
    if len(references) == 1:
        faults["only one reference"] = wanted
    return Matched(pairs, {kind: ids for kind, ids in faults.items() if ids})
