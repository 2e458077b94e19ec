"""Between ``coef_`` and ``intercept_``, and the coefficients ``w`` of an objective."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array, to_numpy
from ..objective.losses import BinaryCrossEntropy, CrossEntropy
from ..objective.objective import Objective
from ..objective.penalties import L2, ElasticNet, Penalty, with_intercept
from ..preconditioning.factors import sum_to_zero
from ..rows.base import RowBlocks
from ..validation.classes import Classes
from ..validation.weights import check_penalty_weights


def make_objective(estimator: Any, rows: RowBlocks, n_scores: int) -> Objective:
    """The objective of an estimator over rows whose samples have ``n_scores`` scores."""
    return Objective(
        loss=BinaryCrossEntropy() if n_scores == 1 else CrossEntropy(),
        penalty=make_penalty(estimator, rows.n_features),
        rows=rows,
        fit_intercept=estimator.fit_intercept,
        n_scores=n_scores,
    )


def make_penalty(estimator: Any, n_features: int) -> Penalty:
    r"""The penalty of an estimator.

    .. math:: \frac1C \sum_j m_j \left[ \rho \, |w_j| + (1 - \rho) \frac{w_j^2}{2} \right]
    """
    weights = check_penalty_weights(estimator.penalty_weights, n_features)
    strength = with_intercept(weights / float(estimator.C), estimator.fit_intercept)
    if not np.isfinite(strength).all():
        raise ValueError("penalty_weights / C overflows. Set smaller penalty_weights.")
    penalty = ElasticNet((1 - estimator.l1_ratio) * strength, estimator.l1_ratio * strength)
    return L2(strength) if penalty.is_smooth else penalty


def fitted_coefficients(estimator: Any) -> Array:
    """``coef_`` and ``intercept_`` as (n_columns, n_classes or 1), the intercept last."""
    coef = estimator.coef_
    coef = coef.toarray() if scipy.sparse.issparse(coef) else to_numpy(coef)
    w = coef.T.astype(np.float64)
    return np.append(w, [to_numpy(estimator.intercept_)], axis=0) if estimator.fit_intercept else w


def learnt_coefficients(w: Array, objective: Objective, classes: Classes) -> Array:
    """From (n_columns, n_classes or 1) to the classes with weight, in the objective's shape."""
    learnt = w if classes.scored.all() else sum_to_zero(w[:, classes.scored])
    return learnt.reshape(objective.shape)


def coefficient_attributes(
    w: Array, objective: Objective, classes: Classes
) -> dict[str, NDArray[Any]]:
    """``classes_``, ``coef_`` and ``intercept_``, with absent classes, in the dtype of the rows."""
    n_features, dtype = objective.rows.n_features, objective.rows.dtype
    w = classes.with_absent(w, dtype).astype(dtype)
    intercept = w[n_features] if objective.fit_intercept else np.zeros(w.shape[1], dtype)
    to_user_array = objective.rows.to_user_array
    return {
        "classes_": to_user_array(classes.labels),
        # The classes of a feature are adjacent in memory: sparse products then copy nothing.
        "coef_": to_user_array(w[:n_features].T),
        "intercept_": to_user_array(intercept),
    }
