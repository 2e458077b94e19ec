"""Scores of held-out rows for many models: scikit-learn's, natively where that is fast.

A native score takes encoded labels, (n_rows,), and the scores ``z`` of every model, (n_rows,
n_models) or (n_rows, n_models, n_classes). Any other scorer sees one light estimator a model.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from ..arrays import Array
from ..objective.losses import BinaryCrossEntropy, CrossEntropy

# Scores by class are computed model by model.


def log_probability(dtype: Any, y: NDArray, z: Array) -> Array:
    """Logarithm of the label's probability, which is clipped at the rounding unit of ``dtype``.

    As in scikit-learn, the probability of the first of two classes is one less that of the second.
    """
    eps = np.finfo(dtype).eps
    if z.ndim == 2:
        positive = BinaryCrossEntropy().prediction(z)
        own = np.where(y[:, None] == 1, positive, 1 - positive)
    else:
        at = np.arange(len(y)), y
        own = _by_model(lambda z_k: CrossEntropy().prediction(z_k)[at], z)
    return np.log(np.clip(own, eps, 1 - eps))


def is_right(dtype: Any, y: NDArray, z: Array) -> Array:
    """Whether the label is predicted."""
    predicted = z > 0 if z.ndim == 2 else z.argmax(axis=2)
    return (predicted == y[:, None]).astype(np.float64)


def neg_squared_error(dtype: Any, y: NDArray, z: Array) -> Array:
    """Squared error of the probability of the second class; of all, summed, if more. Negative."""
    if z.ndim == 2:
        return -(BinaryCrossEntropy().value_and_gradient(y[:, None], z)[1] ** 2)
    return -_by_model(lambda z_k: (CrossEntropy().value_and_gradient(y, z_k)[1] ** 2).sum(1), z)


def roc_auc(y: NDArray, z: Array, s: Array) -> Array:
    """Probability that a row of the second class has a larger score than one of the first.

    Ties count half; NaN if one class has no weight. For two classes, shape (n_models,).
    """
    positive = s * (y == 1)
    return np.array([_roc_auc(z_k, positive, s - positive) for z_k in z.T])


def _roc_auc(z: Array, positive: Array, negative: Array) -> float:
    """The area, given the weights of the rows of either class."""
    order = np.argsort(z)
    first = np.flatnonzero(np.diff(z[order], prepend=-np.inf) > 0)  # of each distinct score
    tied = np.add.reduceat(np.stack([positive, negative])[:, order], first, axis=1)
    below = np.cumsum(tied[1]) - tied[1] / 2
    pairs = tied[0].sum() * tied[1].sum()
    return float(tied[0] @ below / pairs) if pairs > 0 else np.nan


def _by_model(function: Callable[[Array], Array], z: Array) -> Array:
    """Numbers of each row, by each model, of scores (n_rows, n_models, n_classes)."""
    return np.stack([function(z[:, k]) for k in range(z.shape[1])], axis=1)


# Scores that are means over the rows, by their names in scikit-learn; of a precision, that of the
# models, encoded labels, and scores.
MEANS: dict[str, Callable[[Any, NDArray, Array], Array]] = {
    "neg_log_loss": log_probability,
    "accuracy": is_right,
    "neg_brier_score": neg_squared_error,
}


def fold_model(template: Any, penalty: tuple[float, float], w: Array, classes: NDArray) -> Any:
    """One model of a fold, as scorers see it.

    ``penalty`` is the share of L1, and C; ``template`` is an estimator of one fit that is not
    fitted; ``w`` holds the coefficients, the intercept last, (n_columns, n_classes or 1).
    """
    model = copy(template)
    (model.l1_ratio, model.C), model.classes_ = penalty, classes
    model.coef_ = (w[:-1] if model.fit_intercept else w).T
    model.intercept_ = w[-1] if model.fit_intercept else np.zeros(w.shape[1], w.dtype)
    model.n_features_in_ = model.coef_.shape[1]
    return model


def probabilities(z: Array) -> Array:
    """Probabilities of the classes by one model, (n_rows, n_classes), of its scores."""
    if z.ndim > 2:
        return CrossEntropy().prediction(z[:, 0])
    sigmoid = BinaryCrossEntropy().prediction
    return np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)


def make_scorer(scoring: str | Callable | None) -> Any:
    """Scorer of that name in scikit-learn, or the callable itself; None: accuracy."""
    return get_scorer("accuracy" if scoring is None else scoring)


def takes_sample_weight(scorer: Any) -> bool:
    """Whether a scorer can be given sample weights: it is scikit-learn's, or names them."""
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind == p.VAR_KEYWORD for p in parameters)
