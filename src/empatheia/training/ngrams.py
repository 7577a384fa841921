"""Fits the linear n-gram reader, whole and in folds.

The folds give every training example a prediction by a model that has not seen its dialogue: the
language model must learn how far to trust the reader, and on its own training data a linear model
on 100,000 n-grams looks far better than it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from empatheia.data.empathetic import TextExample
from empatheia.data.labels import EMOTIONS32
from empatheia.encoders.ngrams import NgramClassifier, Vocabulary, ngrams
from empatheia.errors import MissingExtraError


def fit_ngrams(
    found: Sequence[TextExample],
    min_documents: int = 2,
    strength: float = 6.0,
    iterations: int = 60,
) -> NgramClassifier:
    """Multinomial logistic regression, L-BFGS; ``strength`` is the inverse of L2 regularisation.

    Stopping after ``iterations`` regularises too: with the default it has not converged.
    """
    try:
        from scipy.sparse import csr_matrix
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error
    vocabulary = Vocabulary.of([ngrams(e.context) for e in found], min_documents)
    model = NgramClassifier(vocabulary.terms, len(EMOTIONS32))
    model.idf.copy_(torch.tensor(vocabulary.idf))
    rows, columns, values = [], [], []
    for i, example in enumerate(found):
        numbers, weights = model.vector(example.context)
        rows += [i] * len(numbers)
        columns += numbers
        values += weights
    shape = (len(found), len(vocabulary.terms))
    # In float64 and with a small tolerance the number of steps alone says where it stops: in
    # float32 the solver gives up early, and after how many steps depends on its version.
    matrix = csr_matrix((np.asarray(values, np.float64), (rows, columns)), shape=shape)
    labels = np.asarray([EMOTIONS32.index(e.emotion) for e in found])
    regression = LogisticRegression(C=strength, max_iter=iterations, solver="lbfgs", tol=1e-7)
    with warnings.catch_warnings():  # stopping early is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(matrix, labels)
    with torch.no_grad():
        model.weight[:, regression.classes_] = torch.tensor(regression.coef_.T, dtype=torch.float32)
        model.bias.fill_(-20.0)  # a label that the data never shows stays impossible
        model.bias[regression.classes_] = torch.tensor(regression.intercept_, dtype=torch.float32)
    return model


@torch.inference_mode()
def held_out_logits(found: Sequence[TextExample], folds: int = 4, min_documents: int = 2) -> Tensor:
    """(examples, 32) logits, each by a model that was fitted without that dialogue."""
    ids = sorted({e.dialogue_id for e in found})
    fold_of = {name: i % folds for i, name in enumerate(ids)}
    out = torch.zeros(len(found), len(EMOTIONS32))
    for fold in range(folds):
        inside = [i for i, e in enumerate(found) if fold_of[e.dialogue_id] == fold]
        rest = [e for e in found if fold_of[e.dialogue_id] != fold]
        model = fit_ngrams(rest, min_documents)
        out[inside] = model([found[i].context for i in inside])
    return out
