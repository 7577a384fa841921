"""``empatheia train baseline``: what a system has to beat, trained on the same data.

``majority`` always names the commonest emotion and gives the commonest reply; ``tfidf`` is softmax
regression on TF-IDF of words and pairs, trained on contexts and on situations, replying with what
people said to the most similar context;
``multi-trs`` and ``moel`` are networks of the field (see :mod:`empatheia.training.listeners`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from empatheia import hub
from empatheia.data.empathetic import TextExample, examples, read_dialogues
from empatheia.data.labels import EMOTIONS32
from empatheia.data.predictions import Answer, write_answers
from empatheia.data.references import Reference, ReferenceSet
from empatheia.data.tidy import normal_form
from empatheia.errors import InputError, MissingExtraError, unknown
from empatheia.training.listeners import (
    Listener,
    ListenerConfig,
    ListenerStage,
    Words,
    contexts,
    meta,
)
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.types import Dialogue, Turn

NETWORKS: Final = ("multi-trs", "moel")
NAMES: Final = ("majority", "tfidf", *NETWORKS)
Answerer = Callable[[Sequence[Reference]], list[Answer]]


@dataclass(frozen=True, slots=True)
class BaselineRecipe:
    """Numbers of the two networks: about six epochs of responses, as their releases stop.

    ``strength`` and ``iterations`` are those of tfidf (docs/experiments.md).
    ``fade``: share of the run after which a third of the gold labels is left to MoEL's listeners.
    """

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            15_000, 4e-4, warmup=1000, weight_decay=0.0, validate_every=2500
        )
    )
    net: ListenerConfig = field(default_factory=ListenerConfig)
    batch_size: int = 16
    least: int = 2  # times a word must be seen
    fade: float = 2 / 3
    strength: float = 1.5
    iterations: int = 60


def train_baseline(
    name: str,
    data: Path,
    on: ReferenceSet,
    out: Path,
    recipe: BaselineRecipe | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> Path:
    """Train on ``data``/empathetic_dialogues and write predictions for ``on`` to ``out``.

    Raises InputError on an unknown name or missing data.
    """
    if name not in NAMES:
        raise InputError(unknown("baseline", name, NAMES))
    folder = data / "empathetic_dialogues"
    if not (folder / "train.jsonl").is_file():
        raise InputError(f"no empathetic_dialogues/train.jsonl in {data}; --data must hold it")
    dialogues = read_dialogues(folder / "train.jsonl")
    train = examples(dialogues)
    recipe = recipe or BaselineRecipe()
    settings: dict[str, Any] = {
        "system": name,
        "data": on.digest,
        "weights": "none",
        "input": "text",
    }
    answer: Answerer
    if name == "majority":
        answer = majority(train)
    elif name == "tfidf":
        answer = tfidf(train, situations(dialogues), recipe)
    else:
        valid = examples(read_dialogues(folder / "valid.jsonl"))
        answer, settings["weights"] = _network(name, train, valid, out, recipe, resume, report)
    return write_answers(out, answer(on.items), settings)


def majority(train: Sequence[TextExample]) -> Answerer:
    """Without reading: the five commonest labels, the commonest reply."""
    labels = [label for label, _ in Counter(e.emotion for e in train).most_common(5)]
    said = Counter(normal_form(e.response) for e in train).most_common(1)[0][0]
    text = next(e.response for e in train if normal_form(e.response) == said)

    def answer(found: Sequence[Reference]) -> list[Answer]:
        return [Answer(r.id, text, labels[0], tuple(labels)) for r in found]

    return answer


def situations(dialogues: Sequence[Dialogue]) -> list[TextExample]:
    """What each speaker was to talk about, as one turn: more texts to learn emotions from."""
    return [
        TextExample(d.id, (Turn("speaker", d.situation),), "", d.emotion or "")
        for d in dialogues
        if d.situation
    ]


def tfidf(
    train: Sequence[TextExample], more: Sequence[TextExample], recipe: BaselineRecipe
) -> Answerer:
    """Emotion by softmax regression, learnt from ``train`` and ``more`` (which has no replies).

    The reply is the one that people gave to the nearest context.
    """
    try:
        from scipy.sparse import csr_matrix
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    from empatheia.training.ngrams import fit_ngrams

    told = [*train, *more]
    model = fit_ngrams(told, recipe.least, recipe.strength, recipe.iterations)

    def matrix(histories: Sequence[Any]) -> Any:
        rows, columns, values = [], [], []
        for i, turns in enumerate(histories):
            numbers, weights = model.vector(turns)
            rows += [i] * len(numbers)
            columns += numbers
            values += weights
        return csr_matrix((values, (rows, columns)), shape=(len(histories), len(model.terms)))

    known = matrix([e.context for e in train]).T.tocsr()

    @torch.inference_mode()
    def answer(found: Sequence[Reference]) -> list[Answer]:
        out = []
        for start in range(0, len(found), 256):
            part = found[start : start + 256]
            order = model([r.context for r in part]).argsort(-1, descending=True)[:, :5].tolist()
            near = (matrix([r.context for r in part]) @ known).argmax(1).A1
            for reference, labels, place in zip(part, order, near, strict=True):
                names = tuple(EMOTIONS32[i] for i in labels)
                out.append(Answer(reference.id, train[int(place)].response, names[0], names))
        return out

    return answer


def _network(
    name: str,
    train: Sequence[TextExample],
    valid: Sequence[TextExample],
    out: Path,
    recipe: BaselineRecipe,
    resume: bool,
    report: Report | None,
) -> tuple[Answerer, str]:
    """A trained network's answers and the digest of ``out/NAME.safetensors``."""
    from dataclasses import replace

    torch.manual_seed(recipe.loop.seed)
    vocabulary = Words.of(train, recipe.least)
    config = replace(recipe.net, kind=name)  # type: ignore[arg-type]
    model = Listener(len(vocabulary.terms), config)
    fade = recipe.fade * recipe.loop.steps
    numbers = recipe.batch_size, recipe.loop.seed, fade
    stage = ListenerStage(model, vocabulary, train, valid, *numbers)
    figures: Mapping[str, float] = run(stage, recipe.loop, out, resume, report)
    path = out / f"{name}.safetensors"
    told = meta(vocabulary, config) | {"valid": dict(figures)}
    hub.save(path, model.state_dict(), told, int8=False)
    return network_answers(model.eval(), vocabulary), hub.load(path).digest


def network_answers(model: Listener, vocabulary: Words, batch: int = 64) -> Answerer:
    """Greedy replies in batches of similar length, in the order of the references."""

    def answer(found: Sequence[Reference]) -> list[Answer]:
        order = sorted(range(len(found)), key=lambda i: sum(len(t.text) for t in found[i].context))
        out: dict[int, Answer] = {}
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            ids, roles = contexts(
                vocabulary, [found[i].context for i in rows], model.config.longest
            )
            said, logits = model.reply(ids, roles)
            best = logits.argsort(-1, descending=True)[:, :5].tolist()
            for i, reply, labels in zip(rows, said, best, strict=True):
                names = tuple(EMOTIONS32[k] for k in labels)
                out[i] = Answer(found[i].id, vocabulary.decode(reply), names[0], names)
        return [out[i] for i in range(len(found))]

    return answer
