"""Emotion and profile features of replies, laid out in the plane (the paper's Figure 7).

The features are the fused E and P of the style disentangler, or of the pooled style that stands in
its place without it. Each reply is that of people where the data has one, so that two systems are
looked at on the same words.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from empatheia.data.labels import AGES, EMOTIONS8, GENDERS
from empatheia.data.references import Reference
from empatheia.errors import InputError, MissingExtraError, WeightsError
from empatheia.evaluation.drawing import points
from empatheia.expression import Expression
from empatheia.files import write_whole
from empatheia.llm.signals import fork
from empatheia.model import intensity_of
from empatheia.reasoner import Reasoner, Request
from empatheia.types import Profile

SAMPLES: Final = 500
KINDS: Final = ("emotion", "profile")
PEOPLE: Final = tuple(product(AGES, GENDERS))  # who is asked for where the data names nobody
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """``rows`` (n, dim) and ``labels`` (n,) by kind; ``weights`` is the digest behind them."""

    rows: dict[str, Rows]
    labels: dict[str, list[str]]
    weights: str


def open_parts(weights: Path | None) -> tuple[Reasoner, Expression]:
    """Of a folder of ``train joint``, or what ships. Raises WeightsError where it has no styles."""
    from importlib.resources import files

    from empatheia import presets

    folder = weights or Path(str(files("empatheia").joinpath("weights")))
    path = folder / presets.EXPRESSION
    if not path.is_file():
        raise WeightsError(f"no {path.name} in {folder}: give --weights, a folder of `train joint`")
    reasoner, _ = presets.load_folder(weights) if weights else presets.load_reasoner("small")
    return reasoner, Expression.load(path)


@torch.inference_mode()
def collect(
    reasoner: Reasoner,
    expression: Expression,
    found: Sequence[Reference],
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """E and P of one reply to each reference, and what they should show.

    The emotion is the annotated ``response_emotion``, else the one that the chain plans.
    """
    rows: dict[str, list[Rows]] = {kind: [] for kind in KINDS}
    labels: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for number, reference in enumerate(found):
        age, gender = PEOPLE[number % len(PEOPLE)]
        who = reference.listener or Profile(age=age, gender=gender)
        thinking = reasoner.think([Request(reference.context, who)])
        text = reference.response or "I see."
        strength = intensity_of(thinking.thoughts[0])
        style = expression.express(reasoner.lm, fork(thinking.state), text, strength).style
        planned = thinking.thoughts[0].chain.response_emotion
        told = (reference.chain or {}).get("response_emotion", planned)
        labels["emotion"].append(told if told in EMOTIONS8 else planned)
        labels["profile"].append(f"{who.age} {who.gender}")
        for kind, value in zip(KINDS, (style.emotion, style.profile), strict=True):
            rows[kind].append(value[0].float().numpy())
        if progress is not None:
            progress(number + 1, len(found))
    return Features({k: np.stack(v) for k, v in rows.items()}, labels, expression.digest)


def write_features(path: Path, features: Features) -> None:
    """One npz: ``KIND_features`` (n, dim), ``KIND`` (n,) for both kinds, and ``weights``."""
    held = {f"{kind}_features": rows for kind, rows in features.rows.items()}
    names = {kind: np.array(labels) for kind, labels in features.labels.items()}
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **held, **names, weights=np.array(features.weights))
    write_whole(path, out.getvalue())


def read_features(path: Path) -> Features:
    """Raises InputError where the file is another one."""
    try:
        with np.load(path) as data:
            rows = {kind: np.asarray(data[f"{kind}_features"], np.float32) for kind in KINDS}
            labels = {kind: [str(name) for name in data[kind]] for kind in KINDS}
            weights = str(data["weights"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is not of `empatheia evaluate features`: {error}") from error
    if any(len(rows[kind]) != len(labels[kind]) or len(rows[kind]) < 3 for kind in KINDS):
        raise InputError(f"{path} holds too few features, or not as many as labels")
    if not all(np.isfinite(found).all() for found in rows.values()):
        raise InputError(f"{path} holds features that are not finite: nothing can be laid out")
    return Features(rows, labels, weights)


def maps(features: Features, title: str) -> str:
    """Two SVG pictures with at most 500 samples, silhouette and n in their heads."""
    out = ""
    for kind in KINDS:
        rows, labels = features.rows[kind], features.labels[kind]
        pick = np.random.default_rng(0).permutation(len(rows))[:SAMPLES]
        told = [labels[i] for i in pick]
        value = separation(rows[pick], told)
        shown = "n/a (one label)" if np.isnan(value) else f"{value:.3f}"
        head = f"{kind}, {title}: silhouette {shown}, n={len(pick)}"
        out += points(head, tsne(rows[pick]), told)
    return out


def tsne(rows: Rows) -> NDArray[np.float64]:
    """(n, dim) -> (n, 2), the same at every run. Raises MissingExtraError."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    near = min(30.0, (len(rows) - 1) / 3)
    found = TSNE(2, perplexity=near, init="pca", random_state=0).fit_transform(rows)
    return np.asarray(found, np.float64)


def separation(rows: Rows, labels: Sequence[str]) -> float:
    """Silhouette in the space of the features; NaN for a single label."""
    from sklearn.metrics import silhouette_score

    if len(set(labels)) < 2 or len(set(labels)) == len(labels):
        return float("nan")
    return float(silhouette_score(rows, labels))
