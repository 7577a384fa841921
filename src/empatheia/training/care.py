"""Fits the learned part of the care screen: a logistic regression over vectors of single turns.

It learns from phrases written for it (``care_phrases.txt`` and the tune half of the lists that are
passed in) against what ordinary people say: speaker turns of EmpatheticDialogues and comments of
GoEmotions in which the rules find nothing. The threshold is the one at which the share
``alarm_rate`` of the valid speaker turns alarms, so nothing but data without labels sets it.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from empatheia import hub
from empatheia.care.detector import find_in_turn, is_doubtful
from empatheia.care.semantic import CLASSES, PROBE, WEIGHTS
from empatheia.data.empathetic import read_dialogues
from empatheia.encoders.text import TextEncoder
from empatheia.errors import InputError, MissingExtraError
from empatheia.training.text import read_goemotions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

Report = Callable[[str, int, int], None]  # what is read, how many are done, of how many
BATCH = 64


@dataclass(frozen=True, slots=True)
class CareConfig:
    turns: int = 5000  # of EmpatheticDialogues train
    comments: int = 1500  # of GoEmotions train
    strength: float = 3.0  # inverse of the L2 regularisation
    crisis_weight: float = 5.0
    neighbour_weight: float = 9.0  # of the phrases of none: what is easily taken for a crisis
    turn_weight: float = 3.0
    alarm_rate: float = 0.005  # of valid speaker turns
    strong: float = 0.7  # of the way from the threshold to 1: what a doubtful turn needs
    folds: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Phrases:
    texts: tuple[str, ...]
    labels: tuple[str, ...]


def own_phrases() -> Phrases:
    """The phrases of ``care_phrases.txt``."""
    lines = (files("empatheia.training") / "care_phrases.txt").read_text("utf-8").splitlines()
    texts, labels, label = [], [], ""
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("## "):
            label = line[3:]
            if label not in CLASSES:
                raise InputError(f"care_phrases.txt: unknown class {label!r}")
        elif not line.startswith("#"):
            texts.append(line)
            labels.append(label)
    return Phrases(tuple(texts), tuple(labels))


def listed_phrases(records: Iterable[Mapping[str, Any]]) -> Phrases:
    """Single turns of the ``tune`` split of phrase lists; held-out ones are never read."""
    rows = [r for r in records if r.get("split") == "tune" and len(r["turns"]) == 1]
    return Phrases(
        tuple(r["turns"][0] for r in rows), tuple(r["category"] or CLASSES[0] for r in rows)
    )


def speaker_turns(path: Path) -> list[str]:
    dialogues = read_dialogues(path)
    return [turn.text for d in dialogues for turn in d.turns if turn.role == "speaker"]


def vectors(encoder: TextEncoder, texts: Sequence[str], report: Callable[[int], None]) -> Matrix:
    """(n, dim); texts of like length are read together."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out: Matrix | None = None
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        with torch.autocast("cpu", dtype=torch.bfloat16):  # cosine with float32 above 0.9999
            found = encoder.meanings([texts[i] for i in rows]).numpy()
        if out is None:
            out = np.zeros((len(texts), found.shape[1]), np.float32)
        out[rows] = found
        report(min(start + BATCH, len(order)))
    assert out is not None, "no texts"
    return out


def train_care(
    data: Path,
    text: Path,
    lists: Iterable[Mapping[str, Any]],
    out: Path,
    config: CareConfig | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Write ``out``/care.safetensors for the encoder in ``text``; figures by cross-validation.

    ``data`` holds empathetic_dialogues/ and goemotions/, ``lists`` are records of phrase lists.
    """
    config = config or CareConfig()
    encoder = load_encoder(text)
    own, listed = own_phrases(), listed_phrases(lists)
    labels = np.array([CLASSES.index(x) for x in own.labels + listed.labels])
    phrases = [*own.texts, *listed.texts]
    dialogues = data / "empathetic_dialogues"
    rng = random.Random(config.seed)
    turns = _some(speaker_turns(dialogues / "train.jsonl"), config.turns, rng)
    turns += _some([c for c, _ in read_goemotions(data / "goemotions")], config.comments, rng)
    turns = [t for t in turns if find_in_turn(t) is None]
    valid = [t for t in speaker_turns(dialogues / "valid.jsonl") if find_in_turn(t) is None]

    def read(name: str, texts: Sequence[str]) -> Matrix:
        return vectors(encoder, texts, lambda n: report(name, n, len(texts)) if report else None)

    known = read("phrases", phrases)
    everyday, unseen = read("turns", turns), read("valid", valid)
    mean, spread = everyday.mean(0), (everyday.std(0) + 1e-3) * np.sqrt(everyday.shape[1])
    known, everyday, unseen = ((x - mean) / spread for x in (known, everyday, unseen))
    weight, bias = _fit(known, labels, everyday, config)
    alarms = _alarms(unseen, weight, bias)
    threshold = _threshold(alarms, [is_doubtful(t) for t in valid], config)
    figures = _cross_validate(known, labels, phrases, len(own.texts), everyday, threshold, config)
    tensors = {
        "weight": weight / spread,
        "bias": bias - (weight / spread) @ mean,
        "probe": encoder.meanings([PROBE])[0].numpy(),
    }
    strong = threshold + (1 - threshold) * config.strong
    meta = {"classes": CLASSES, "threshold": threshold, "strong": strong, "figures": figures}
    saved = {k: torch.tensor(np.asarray(v, np.float32)) for k, v in tensors.items()}
    hub.save(out / WEIGHTS, saved, meta)
    return {"threshold": threshold, "strong": strong, **figures}


def load_encoder(path: Path) -> TextEncoder:
    """The encoder of ``train text``. Raises WeightsError."""
    weights = hub.load(path)
    encoder = TextEncoder.from_meta(dict(weights.meta))
    encoder.load_state_dict(dict(weights.tensors))
    return encoder.eval()


def _some(texts: list[str], count: int, rng: random.Random) -> list[str]:
    return rng.sample(texts, min(count, len(texts)))


def _fit(
    known: Matrix, labels: NDArray[Any], everyday: Matrix, config: CareConfig
) -> tuple[Matrix, Matrix]:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    weights = np.where(labels > 0, config.crisis_weight, config.neighbour_weight)
    model = LogisticRegression(C=config.strength, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last steps change nothing
        model.fit(
            np.concatenate([known, everyday]),
            np.concatenate([labels, np.zeros(len(everyday), int)]),
            sample_weight=np.concatenate([weights, np.full(len(everyday), config.turn_weight)]),
        )
    return model.coef_.astype(np.float32), model.intercept_.astype(np.float32)


def _alarms(x: Matrix, weight: Matrix, bias: Matrix) -> Matrix:
    """Probability of any crisis, (n,)."""
    logits = x @ weight.T + bias
    odds = np.exp(logits - logits.max(1, keepdims=True))
    alarms: Matrix = 1 - odds[:, 0] / odds.sum(1)
    return alarms


def _threshold(alarms: Matrix, doubtful: Sequence[bool], config: CareConfig) -> float:
    """Where ``alarm_rate`` of the turns alarm. A doubtful turn's alarm is put back as it counts."""
    effective = np.where(doubtful, (alarms - config.strong) / (1 - config.strong), alarms)
    return float(np.quantile(effective, 1 - config.alarm_rate))


def _cross_validate(
    known: Matrix,
    labels: NDArray[Any],
    phrases: Sequence[str],
    own: int,
    everyday: Matrix,
    threshold: float,
    config: CareConfig,
) -> dict[str, float]:
    """Shares of phrases that alarm when they were not in the fit."""
    from sklearn.model_selection import StratifiedKFold

    found = np.zeros(len(labels), bool)
    strong = threshold + (1 - threshold) * config.strong
    needed = np.array([strong if is_doubtful(t) else threshold for t in phrases])
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=config.seed)
    for fitted, left in folds.split(known, labels):
        weight, bias = _fit(known[fitted], labels[fitted], everyday, config)
        found[left] = _alarms(known[left], weight, bias) > needed[left]
    mine, crisis = np.arange(len(labels)) < own, labels > 0
    groups = {
        "own_crisis": mine & crisis,
        "own_none": mine & ~crisis,
        "listed_crisis": ~mine & crisis,
        "listed_none": ~mine & ~crisis,
    }
    return {name: float(found[rows].mean()) if rows.any() else 0.0 for name, rows in groups.items()}
