r"""Approximate leave-one-out: the score of each row by the model without it, from one fit.

Without row i, Newton's step from the optimum of all rows changes its scores :math:`z_i` to

.. math:: z_i + Q_i (I - D_i Q_i)^{-1} s_i r_i, \qquad Q_i = x_i^T H^{-1} x_i, \qquad
          r_i = \hat y_i - y_i, \qquad D_i = s_i \, \ell''_i,

with :math:`x_i` the features and a one for the intercept, for each class. ``D_i Q_i``, the
leverage, is the share that a row has in its own prediction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse

from ..arrays import Array
from ..rows.memory import DenseRows, RowsInMemory
from ..validation.labels import batches
from .objective import Objective

# Numbers of inverse Hessians times rows that are in memory at a time.
BATCH_NUMBERS = 1 << 22
# Part of a leverage of one that rounding may take: without the row, nothing determines its score.
MIN_REST = 1e-12


class LeaveOneOut(NamedTuple):
    """Scores of each row without it, (n_samples, n_scores), and its leverage, (n_samples,)."""

    z: Array
    leverage: Array


def leave_one_out(objective: Objective, w: Array) -> LeaveOneOut:
    """Approximate leave-one-out at an optimum ``w``, in the shape of the objective.

    Parameters
    ----------
    objective : Objective
        The objective that ``w`` minimises, over rows in memory.
    w : ndarray
        Coefficients.

    Returns
    -------
    LeaveOneOut
        Scores and leverages.

    References
    ----------
    K. Rahnama Rad, A. Maleki, A scalable estimate of the out-of-sample prediction error via
    approximate leave-one-out cross-validation, Journal of the Royal Statistical Society B 82, 2020:
    equation 7.
    """
    rows, n_scores = objective.rows, objective.n_scores
    assert isinstance(rows, RowsInMemory)
    inverse = _inverse_hessian(objective, w)
    n_columns = objective.shape[0]
    z, leverage = np.empty((rows.n_samples, n_scores)), np.empty(rows.n_samples)
    step = max(1, BATCH_NUMBERS // (n_columns * n_scores**2))
    for part in batches(rows.n_samples, step):
        X = rows.X[part]
        A = X.toarray() if scipy.sparse.issparse(X) else X.astype(np.float64, copy=False)
        A = np.c_[A, np.ones(len(A))] if objective.fit_intercept else A
        Q = np.empty((len(A), n_scores, n_scores))
        for j, k in np.ndindex(n_scores, n_scores):
            Q[:, j, k] = np.einsum("ij,ij->i", A @ inverse[j, :, k], A)
        scores = A @ w
        residual = objective.loss.value_and_gradient(rows.y[part], scores)[1]
        s, curvature = rows.s[part], objective.loss.curvature(scores)
        D = s[:, None, None] * objective.loss.curvature_matrix(curvature)
        weighted = (residual.T * s).T.reshape(len(A), n_scores, 1)
        rest = np.eye(n_scores) - D @ Q
        diagonal = np.einsum("ikk->ik", rest)
        leverage[part] = 1 - diagonal.min(axis=1)
        np.maximum(diagonal, MIN_REST, out=diagonal)
        shift = Q @ np.linalg.solve(rest, weighted)
        z[part] = scores.reshape(len(A), n_scores) + shift[:, :, 0]
    return LeaveOneOut(z, leverage)


def in_row_space(objective: Objective) -> tuple[Objective, Array]:
    """The same objective with as many columns as rows, and Q with ``w_features = Q @ v``.

    It holds for a penalty that is the same for all features: an optimum is in the span of the rows.
    """
    rows = objective.rows
    assert isinstance(rows, RowsInMemory)
    X = rows.X.toarray() if scipy.sparse.issparse(rows.X) else rows.X
    Q, R = scipy.linalg.qr(X.T.astype(np.float64), mode="economic")
    few = DenseRows(np.ascontiguousarray(R.T), rows.y, rows.s, rows.run)
    kept = np.r_[: len(R), rows.n_features : len(objective.penalty.curvature)]
    penalty = objective.penalty.on(kept)
    return Objective(objective.loss, penalty, few, objective.fit_intercept, objective.n_scores), Q


def _inverse_hessian(objective: Objective, w: Array) -> Array:
    """Inverse of the Hessian, class by class, (n_scores, n_columns, n_scores, n_columns)."""
    n_scores, n_columns = objective.n_scores, objective.shape[0]
    H = objective.hessian(w)
    if n_scores > 1 and objective.fit_intercept:
        # The same number added to the intercept of every class changes nothing.
        H[:, -1, :, -1] += np.einsum("kjkj->", H) / n_scores**2
    inverse = scipy.linalg.inv(H.reshape(n_scores * n_columns, -1), check_finite=False)
    return np.asarray(inverse).reshape(H.shape)
