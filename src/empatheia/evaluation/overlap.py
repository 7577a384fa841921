"""How many words a reply shares with the human one: BLEU and ROUGE.

BLEU (Papineni et al. 2002) as sacreBLEU computes it by default: mteval's 13a tokens, four orders,
exponential smoothing, one reference; here lower case. The counts of single replies add up, so an
interval comes from drawing dialogues again.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

ORDER: Final = 4
BLEU_SETTINGS: Final = {
    "tokens": "13a", "case": "lower", "smoothing": "exp", "order": ORDER, "references": 1,
}  # fmt: skip
_SIGNS = re.compile("([" + re.escape('!"#$%&()*+/:;<=>?@[\\]^_`{|}~') + "])")
_STOPS = ((re.compile(r"([^0-9])([.,])"), r"\1 \2 "), (re.compile(r"([.,])([^0-9])"), r" \1 \2"))
_DASH = re.compile(r"([0-9])(-)")


def tokens_13a(text: str) -> list[str]:
    """Lower-case tokens by the rules of mteval-v13a: signs apart, stops apart from words."""
    for entity, sign in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(entity, sign)
    text = _SIGNS.sub(r" \1 ", f" {text.lower()} ")
    for pattern, apart in _STOPS:
        text = pattern.sub(apart, text)
    return _DASH.sub(r"\1 \2 ", text).split()


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def bleu_counts(reply: str, human: str) -> NDArray[np.float64]:
    """(10,): matches of orders 1 to 4, n-grams of orders 1 to 4, both lengths."""
    said, wanted = tokens_13a(reply), tokens_13a(human)
    matches = [(_grams(said, n) & _grams(wanted, n)).total() for n in range(1, ORDER + 1)]
    totals = [max(len(said) - n, 0) for n in range(ORDER)]
    return np.array([*matches, *totals, len(said), len(wanted)], np.float64)


def bleu(counts: NDArray[np.float64]) -> float:
    """BLEU in percent from summed :func:`bleu_counts`."""
    matches, totals = counts[:ORDER], counts[ORDER : 2 * ORDER]
    said, wanted = counts[-2:]
    if matches.sum() == 0 or totals.min() == 0:
        return 0.0
    halved, logs = 1.0, 0.0
    for right, total in zip(matches, totals, strict=True):
        if right == 0:
            halved *= 2
            logs += math.log(1 / (halved * total))
        else:
            logs += math.log(right / total)
    brevity = min(0.0, 1 - wanted / said)
    return 100 * math.exp(logs / ORDER + brevity)


def rouge_n(candidate: Sequence[str], reference: Sequence[str], n: int) -> float:
    """F1 of common n-grams (Lin 2004), in percent."""
    ours, theirs = _grams(candidate, n), _grams(reference, n)
    if not ours or not theirs:
        return 0.0
    return 200 * (ours & theirs).total() / (ours.total() + theirs.total())
