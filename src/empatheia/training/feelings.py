"""Fits the fine labels of single utterances: a linear head on the text encoder's mean state.

It learns from what is labelled as an utterance: comments of GoEmotions whose one label means one of
the 32 (under the key that the encoder was taught for it), and single utterances and situations of
EmpatheticDialogues, which carry their dialogue's label. Within a key the first say how feelings
are spread over utterances, the second know all 32.
"""

from __future__ import annotations

import csv
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from empatheia import hub
from empatheia.data.empathetic import clean, read_dialogues
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS32
from empatheia.encoders.feelings import PROBE, WEIGHTS, UtteranceFeelings, mean_states
from empatheia.encoders.text import TextEncoder
from empatheia.errors import InputError, MissingExtraError
from empatheia.types import Dialogue

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labelled = list[tuple[str, str]]  # text, one of the 32
Report = Callable[[str, int, int], None]  # what is read, how many are done, of how many
CHUNK: Final = 1024

# GoEmotions' names that mean one of the 32, each under the same key as in ``training.text``.
# Remorse is left out: most of its comments are a listener's "I'm sorry", which is no guilt.
GOEMOTIONS_TO_32: Final = {
    "admiration": "joyful", "amusement": "joyful", "joy": "joyful", "excitement": "excited",
    "gratitude": "grateful", "optimism": "hopeful", "desire": "hopeful", "pride": "proud",
    "caring": "caring", "relief": "content", "sadness": "sad", "grief": "sad",
    "disappointment": "disappointed", "embarrassment": "embarrassed", "anger": "angry",
    "annoyance": "annoyed", "fear": "afraid", "nervousness": "apprehensive",
    "surprise": "surprised", "disgust": "disgusted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeelingsConfig:
    utterances: int = 8000  # single ones of speakers, EmpatheticDialogues train
    situations: int = 6000
    comments: int = 6000  # of GoEmotions train, at most
    strength: float = 0.003  # inverse of the L2 regularisation
    seed: int = 0


def comments(path: Path) -> Labelled:
    """Comments of one GoEmotions file whose single label means one of the 32."""
    names = (path.parent / "labels.txt").read_text(encoding="utf-8").split()
    out = []
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            fine = GOEMOTIONS_TO_32.get(names[int(row[1])]) if row[1].isdecimal() else None
            if fine is not None:
                out.append((clean(row[0]), fine))
    return out


def utterances(dialogues: Sequence[Dialogue]) -> Labelled:
    """Each speaker's utterance alone, with the dialogue's label."""
    return [
        (turn.text, d.emotion)
        for d in dialogues
        for turn in d.turns
        if d.emotion and turn.role == "speaker"
    ]


def train_feelings(
    data: Path,
    encoder: TextEncoder,
    out: Path,
    config: FeelingsConfig | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Write ``out``/feelings.safetensors for ``encoder``; returns accuracies on held-out texts.

    ``data`` holds empathetic_dialogues/ and goemotions/. Raises InputError, MissingExtraError.
    """
    config = config or FeelingsConfig()
    for name in ("empathetic_dialogues", "goemotions"):
        if not (data / name).is_dir():
            raise InputError(f"no folder {name} in {data}; --data must hold it")
    rng = random.Random(config.seed)
    train = read_dialogues(data / "empathetic_dialogues" / "train.jsonl")
    situations = [(d.situation, d.emotion) for d in train if d.situation and d.emotion]
    rows = _some(utterances(train), config.utterances, rng)
    rows += _some(situations, config.situations, rng)
    rows += _some(comments(data / "goemotions" / "train.tsv"), config.comments, rng)
    states = _states(encoder, [text for text, _ in rows], "texts", report)
    weight, bias = fit(states, [EMOTIONS32.index(label) for _, label in rows], config.strength)
    probe = mean_states(encoder, [PROBE])[0]
    # the same numbers are measured that are shipped
    tensors = {"weight": weight.half(), "bias": bias.half(), "probe": probe.half()}
    weight, bias, probe = (tensor.float() for tensor in tensors.values())
    head = UtteranceFeelings(encoder, weight, bias, probe)
    valid = read_dialogues(data / "empathetic_dialogues" / "valid.jsonl")
    figures = {
        **_held_out(head, utterances(valid), "utterances", report),
        **_held_out(head, comments(data / "goemotions" / "dev.tsv"), "comments", report),
    }
    hub.save(out / WEIGHTS, tensors, {"labels": EMOTIONS32, "figures": figures})
    return figures


def fit(
    states: NDArray[np.float32], labels: Sequence[int], strength: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Softmax regression on standardised states; weight (32, dim) and bias (32,) for raw ones."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    mean, spread = states.mean(0), states.std(0) + 1e-3
    model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last steps change nothing
        model.fit((states - mean) / spread, labels)
    weight = np.zeros((len(EMOTIONS32), states.shape[1]))
    bias = np.full(len(EMOTIONS32), -100.0)  # of labels that were not there
    weight[model.classes_] = model.coef_ / spread
    bias[model.classes_] = model.intercept_ - weight[model.classes_] @ mean
    return torch.tensor(weight, dtype=torch.float32), torch.tensor(bias, dtype=torch.float32)


def _states(
    encoder: TextEncoder, texts: Sequence[str], name: str, report: Report | None
) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(texts), CHUNK):
        parts.append(mean_states(encoder, texts[start : start + CHUNK]).numpy())
        if report:
            report(name, min(start + CHUNK, len(texts)), len(texts))
    return np.concatenate(parts)


def _held_out(
    head: UtteranceFeelings, rows: Labelled, name: str, report: Report | None
) -> dict[str, float]:
    """Per cent of texts whose key is right, whose label is right, and whose label is right where
    the key is."""
    key = both = 0
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        for told, (_, label) in zip(head.read([text for text, _ in part]), part, strict=True):
            key += told.emotion8 == AVAMERG_32_TO_7[label]
            both += told.emotion == label
        if report:
            report(name, min(start + CHUNK, len(rows)), len(rows))
    return {
        f"{name}_n": float(len(rows)),
        f"{name}_key": 100 * key / max(len(rows), 1),
        f"{name}_label": 100 * both / max(len(rows), 1),
        f"{name}_label_under_right_key": 100 * both / max(key, 1),
    }


def _some(rows: Labelled, count: int, rng: random.Random) -> Labelled:
    return rng.sample(rows, min(count, len(rows)))
