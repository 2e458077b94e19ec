"""Scores of held-out rows for many models: scikit-learn's, natively where that is fast.

A native score takes the labels, the scores ``z`` of every model and the sample weights, and returns
one number a model, higher for better ones. Any other scorer sees one light estimator a model.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from ..arrays import Array
from ..objective.losses import BinaryCrossEntropy, CrossEntropy


class HeldOut(NamedTuple):
    """Held-out rows, and the scores of models for them.

    ``y``: labels encoded by class, (n_rows,). ``z``: scores, (n_rows, n_models) for two classes and
    (n_rows, n_models, n_classes) for more. ``s``: sample weights, (n_rows,). ``dtype``: precision
    of the models.
    """

    y: NDArray
    z: Array
    s: Array
    dtype: Any

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return self.z.ndim == 2

    @property
    def own_probability(self) -> Array:
        """Probability of each row's label by each model, shape (n_rows, n_models)."""
        if self.is_binary:
            positive = BinaryCrossEntropy().prediction(self.z)
            return np.where(self.y[:, None] == 1, positive, 1 - positive)
        own = np.arange(len(self.y)), self.y
        return np.stack([CrossEntropy().prediction(z)[own] for z in self.by_model()], axis=1)

    @property
    def predicted(self) -> NDArray:
        """Predicted labels, encoded, shape (n_rows, n_models)."""
        return (self.z > 0).astype(np.intp) if self.is_binary else self.z.argmax(axis=2)

    def by_model(self) -> list[Array]:
        """Scores of each model, (n_rows,) or (n_rows, n_classes)."""
        return [self.z[:, k] for k in range(self.z.shape[1])]


def neg_log_loss(held_out: HeldOut) -> Array:
    """Mean log-probability of the labels, with probabilities clipped at the rounding unit.

    As in scikit-learn, the probability of the first of two classes is one less that of the second.
    """
    eps = np.finfo(held_out.dtype).eps
    return _mean(np.log(np.clip(held_out.own_probability, eps, 1 - eps)), held_out.s)


def accuracy(held_out: HeldOut) -> Array:
    """Share of the rows whose label is predicted."""
    return _mean(held_out.predicted == held_out.y[:, None], held_out.s)


def neg_brier_score(held_out: HeldOut) -> Array:
    """Mean squared error of the probability of the second class; of all, summed, if more."""
    if held_out.is_binary:
        return -_mean(BinaryCrossEntropy().value_and_gradient(
            held_out.y[:, None], held_out.z
        )[1] ** 2, held_out.s)  # fmt: skip
    residuals = [CrossEntropy().value_and_gradient(held_out.y, z)[1] for z in held_out.by_model()]
    return -_mean(np.stack([(r**2).sum(axis=1) for r in residuals], axis=1), held_out.s)


def roc_auc(held_out: HeldOut) -> Array:
    """Probability that a row of the second class has a larger score than one of the first.

    Ties count half; NaN if one class has no weight. Two classes only.
    """
    positive = held_out.s * (held_out.y == 1)
    negative = held_out.s - positive
    return np.array([_roc_auc(z, positive, negative) for z in held_out.by_model()])


def _roc_auc(z: Array, positive: Array, negative: Array) -> float:
    """The area, given the weights of the rows of either class."""
    order = np.argsort(z)
    first = np.flatnonzero(np.diff(z[order], prepend=-np.inf) > 0)  # of each distinct score
    tied = np.add.reduceat(np.stack([positive, negative])[:, order], first, axis=1)
    below = np.cumsum(tied[1]) - tied[1] / 2
    pairs = tied[0].sum() * tied[1].sum()
    return float(tied[0] @ below / pairs) if pairs > 0 else np.nan


def _mean(values: Array, s: Array) -> Array:
    """Weighted mean over the rows, shape (n_models,)."""
    return s @ values / s.sum()


NATIVE: dict[str, Callable[[HeldOut], Array]] = {
    "neg_log_loss": neg_log_loss,
    "accuracy": accuracy,
    "neg_brier_score": neg_brier_score,
    "roc_auc": roc_auc,
}


def fold_model(template: Any, C: float, w: Array, classes: NDArray) -> Any:
    """One model of a fold, as scorers see it.

    ``template`` is an estimator of one fit that is not fitted, ``w`` holds the coefficients, the
    intercept last, (n_columns, n_classes or 1).
    """
    model = copy(template)
    model.C, model.classes_ = C, classes
    model.coef_ = (w[:-1] if model.fit_intercept else w).T
    model.intercept_ = w[-1] if model.fit_intercept else np.zeros(w.shape[1], w.dtype)
    model.n_features_in_ = model.coef_.shape[1]
    return model


def make_scorer(scoring: str | Callable | None) -> Any:
    """Scorer of that name in scikit-learn, or the callable itself; None: accuracy."""
    return get_scorer("accuracy" if scoring is None else scoring)


def takes_sample_weight(scorer: Any) -> bool:
    """Whether a scorer can be given sample weights: it is scikit-learn's, or names them."""
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind == p.VAR_KEYWORD for p in parameters)
