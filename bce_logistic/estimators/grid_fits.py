"""The fits of a cross-validation: one for each fold and C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.loop import Iterate
from ..rows.cv_data import CVData
from ..rows.folds import Folds
from ..solvers.convergence import Progress
from ..solvers.many_models import Grid, minimize_together, shares_passes
from ..solvers.minimize import Monitor
from ..solvers.path import minimize_along
from .coefficients import make_objective
from .logistic_regression import GDLogisticRegression
from .solver_choice import choose_solver

# Cells a fold above which sums by cell cost more than they save.
MAX_CELLS_PER_FOLD = 8

# Called with the fold, the position of C, and the number of iterations of a fit that ended.
OnFit = Callable[[int, int, int], None]


class GridFits(NamedTuple):
    """Coefficients of each fold and C, the intercept last, and how the fits went.

    ``w``: (n_folds, n_Cs, n_columns, n_classes or 1), in the dtype of the rows. ``n_iter``,
    ``converged``: (n_folds, n_Cs).
    """

    w: NDArray
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


def fit_grid(
    estimator: Any,
    template: GDLogisticRegression,
    data: CVData,
    folds: Folds,
    Cs: Array,
    seed: int,
    on_fit: OnFit,
) -> GridFits:
    """Fit every fold with every C.

    Parameters
    ----------
    estimator : GDLogisticRegressionCV
        The estimator that errors name.
    template : GDLogisticRegression
        The estimator of one fit, with C=1.
    data : CVData
        The samples.
    folds : Folds
        The folds.
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty.
    seed : int
        Seed of the rows on which starts are found.
    on_fit : callable
        Called after each fit.

    Returns
    -------
    GridFits
        The coefficients.
    """
    if (grid := _shared_grid(template, data, folds, Cs)) is not None:
        for f in range(len(folds)):
            data.fold_classes(folds, f, template.fit_intercept)
        solution = minimize_together(grid, seed)
        if not np.isfinite(solution.W).all():
            data.rows.check_finite(estimator)
        for f, k in np.ndindex(*solution.n_iter.shape):
            on_fit(f, k, int(solution.n_iter[f, k]))
        return GridFits(
            solution.W[..., None].astype(data.rows.dtype), solution.n_iter, solution.converged
        )
    paths = [
        _fit_fold(estimator, template, data, folds, f, Cs, seed, on_fit) for f in range(len(folds))
    ]
    return GridFits(*(np.stack(parts) for parts in zip(*paths, strict=True)))


def finite_check(estimator: Any, data: CVData) -> Monitor:
    """A monitor that refuses features that are not finite, and names the first of all rows."""

    def monitor(iterate: Iterate, history: list[Progress], passes: int, reason: str | None) -> bool:
        if not np.isfinite(history[-1]).all():
            data.rows.check_finite(estimator)
        return False

    return monitor


def _fit_fold(
    estimator: Any,
    template: GDLogisticRegression,
    data: CVData,
    folds: Folds,
    f: int,
    Cs: Array,
    seed: int,
    on_fit: OnFit,
) -> GridFits:
    """Fit one fold along C; without the axis of the folds."""
    classes, rows = data.training(folds, f, template.fit_intercept)
    objective = make_objective(template, rows, classes.n_scores)
    solver = choose_solver(template, rows, seed)
    path = minimize_along(
        objective,
        Cs,
        solver,
        finite_check(estimator, data),
        lambda k, fit: on_fit(f, k, len(fit.curve) - 1),
    )
    dtype = rows.dtype
    w = np.stack([classes.with_absent(w, dtype).astype(dtype) for w in path.w])
    return GridFits(w, path.n_iter, path.converged)


def _shared_grid(
    template: GDLogisticRegression, data: CVData, folds: Folds, Cs: Array
) -> Grid | None:
    """All fits in the same passes, if the data are such that this is faster."""
    rows = data.rows
    if not rows.is_dense or len(data.classes.labels) > 2 or not np.isfinite(Cs).all():
        return None
    if len(folds.training) > MAX_CELLS_PER_FOLD * len(folds):
        return None
    cells = rows.with_cells(folds.cells)
    objective = make_objective(template, cells, 1)
    tol = choose_solver(template, rows, 0).tol
    grid = Grid(objective, folds.training, Cs, tol, template.max_iter)
    return grid if shares_passes(grid) else None
