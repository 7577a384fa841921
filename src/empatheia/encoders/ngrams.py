"""Words and pairs of words, weighted by TF-IDF, to the 32 emotions: a linear reader.

It sees what a small network forgets (rare, telling words), so that the two together are better
than either (docs/experiments.md). A listener's words are marked, since they feel differently.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Float

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[!?]")
LISTENER = "~"  # put before a listener's words


def ngrams(turns: Sequence[Turn]) -> list[str]:
    """Single words and pairs of neighbours, utterance by utterance."""
    found = []
    for turn in turns:
        mark = LISTENER if turn.role == "listener" else ""
        words = [mark + w for w in _WORD.findall(turn.text.lower().replace("’", "'"))]
        found += words
        found += [f"{a} {b}" for a, b in pairwise(words)]
    return found


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """N-grams in a fixed order and their inverse document frequencies."""

    terms: tuple[str, ...]
    idf: tuple[float, ...]

    @classmethod
    def of(cls, documents: Sequence[Sequence[str]], min_documents: int = 2) -> Vocabulary:
        counts = Counter(term for document in documents for term in set(document))
        terms = tuple(sorted(t for t, n in counts.items() if n >= min_documents))
        total = len(documents)
        return cls(terms, tuple(math.log((1 + total) / (1 + counts[t])) + 1 for t in terms))


class NgramClassifier(nn.Module):
    """Softmax regression on sublinear TF-IDF of unit length."""

    idf: Tensor

    def __init__(self, terms: Sequence[str], classes: int) -> None:
        super().__init__()
        self.terms = tuple(terms)
        self.number = {term: i for i, term in enumerate(self.terms)}
        self.weight = nn.Parameter(torch.zeros(max(len(self.terms), 1), classes))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.register_buffer("idf", torch.ones(max(len(self.terms), 1)))

    def vector(self, turns: Sequence[Turn]) -> tuple[list[int], list[float]]:
        """Term numbers and their weights; the weights have length 1."""
        counts = Counter(self.number[t] for t in ngrams(turns) if t in self.number)
        numbers = list(counts)
        weights = [(1 + math.log(counts[i])) * float(self.idf[i]) for i in numbers]
        length = math.sqrt(sum(w * w for w in weights)) or 1.0
        return numbers, [w / length for w in weights]

    def forward(self, histories: Sequence[Sequence[Turn]]) -> Float[Tensor, "batch emotion"]:
        """Logits of some dialogues."""
        out = []
        for turns in histories:
            numbers, weights = self.vector(turns)
            rows = self.weight[torch.tensor(numbers, dtype=torch.long)]
            out.append(torch.tensor(weights) @ rows + self.bias)
        return torch.stack(out)

    @torch.no_grad()
    def pruned(self, keep: int) -> NgramClassifier:
        """The ``keep`` terms that move the logits most: size of weight x idf x sqrt(how common)."""
        if keep >= len(self.terms):
            return self
        common = torch.exp(-(self.idf - 1) / 2)  # square root of the share of documents
        rows = (self.weight.norm(dim=1) * self.idf * common).topk(keep).indices.sort().values
        small = NgramClassifier([self.terms[i] for i in rows.tolist()], self.bias.shape[0])
        small.load_state_dict(
            {"weight": self.weight[rows], "bias": self.bias, "idf": self.idf[rows]}
        )
        return small

    def meta(self) -> dict[str, Any]:
        return {"terms": "\n".join(self.terms), "classes": self.bias.shape[0]}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> NgramClassifier:
        return cls(str(meta["terms"]).split("\n"), int(meta["classes"]))
