"""Approximate leave-one-out: one fit for each C, on all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import Array, is_dask
from ..objective.leave_one_out import in_row_space, leave_one_out
from ..objective.objective import Objective
from ..rows.cv_data import CVData
from ..solvers.path import minimize_along
from .coefficients import make_objective
from .grid_fits import GridFits, finite_check, solver_for
from .logistic_regression import GDLogisticRegression
from .scoring import MEANS

# Coefficients up to which a Hessian is inverted.
MAX_COEFFICIENTS = 4000
# Rows above which the folds of a cross-validation are as cheap.
MAX_ROWS = 100_000


def check_leave_one_out(estimator: Any, data: CVData, metadata: dict[str, Any]) -> None:
    """Raise ValueError, with the reason, if leave-one-out does not support these data."""
    reason = None
    n_classes = len(data.classes.labels)
    if is_dask(data.X):
        reason = "the rows have to be in memory"
    elif np.any(estimator.l1_ratios):
        reason = "Newton's step without a row needs second derivatives, which an L1 penalty has not"
    elif np.isinf(np.asarray(estimator.Cs, dtype=np.float64)).any():
        reason = "without a penalty the Hessian may be singular: leave out C=inf"
    elif "groups" in metadata:
        reason = "leaving out one row of a group tells nothing about other groups"
    elif len(data.y) > MAX_ROWS:
        reason = f"with more than {MAX_ROWS:,} rows, folds cost as little"
    elif estimator.scoring is not None and estimator.scoring not in MEANS:
        reason = f"a single row has no such score as {estimator.scoring!r}: use one of {[*MEANS]}"
    elif not (data.s > 0).all() or not data.classes.weighted.all():
        reason = "a row without weight has no score: leave it out"
    elif np.bincount(data.y, minlength=n_classes).min() < 2:
        reason = "a class has a single row, and would be missing without it"
    elif (n_coefficients := _n_coefficients(data, estimator.fit_intercept)) > MAX_COEFFICIENTS:
        reason = f"it inverts a Hessian of {n_coefficients:,} coefficients, too many"
    if reason:
        raise ValueError(f"cv='loo' does not suit here: {reason}. Else use folds, such as cv=5.")


def fit_leave_one_out(
    estimator: Any,
    template: GDLogisticRegression,
    data: CVData,
    Cs: Array,
    seed: int,
    on_fit: Callable[[int, int, int], None],
) -> tuple[GridFits, Array]:
    """Fits of all rows with every C, as of one fold, and the scores of each row without it.

    The scores have the shape (n_samples, n_Cs), and one more dimension for several classes.
    """
    classes, rows = data.classes, data.rows
    objective = make_objective(template, rows, classes.n_scores)
    path = minimize_along(
        objective,
        Cs,
        solver_for(template, rows, seed),
        finite_check(estimator, data),
        lambda k, fit: on_fit(0, k, len(fit.curve) - 1),
        certifies=False,
    )
    z = np.stack(
        [_scores(objective, C, w) for C, w in zip(Cs.tolist(), path.w, strict=True)], axis=1
    )
    w = path.w[None].astype(rows.dtype)
    fits = GridFits(w, path.n_iter[None], path.converged[None])
    return fits, z[:, :, 0] if classes.n_scores == 1 else z


def _scores(objective: Objective, C: float, w: Array) -> Array:
    """Scores of each row without it, (n_samples, n_scores)."""
    penalised = replace(objective, penalty=objective.penalty.scaled(1 / C))
    n_features = objective.rows.n_features
    strength = penalised.penalty.curvature[:n_features]
    if objective.rows.n_samples < n_features and strength.min() == strength.max() > 0:
        penalised, Q = in_row_space(penalised)
        w = np.concatenate([Q.T @ w[:n_features], w[n_features:]])
    return leave_one_out(penalised, w.reshape(penalised.shape)).z


def _n_coefficients(data: CVData, fit_intercept: bool) -> int:
    """Rows of the Hessian that is inverted, at least."""
    n_columns = min(data.rows.n_samples, data.rows.n_features) + fit_intercept
    return n_columns * data.classes.n_scores
