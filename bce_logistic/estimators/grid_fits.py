"""The fits of a cross-validation: one for each fold and C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from ..arrays import Array
from ..descent.loop import Iterate
from ..objective.objective import Objective
from ..rows.base import RowBlocks
from ..rows.cv_data import CVData
from ..rows.folds import Folds
from ..solvers.base import Solver
from ..solvers.convergence import Progress
from ..solvers.grid import Grid
from ..solvers.many_models import minimize_together, shares_passes
from ..solvers.minimize import Monitor
from ..solvers.path import minimize_along
from .coefficients import make_objective
from .logistic_regression import GDLogisticRegression
from .solver_choice import choose_solver

# Cells a fold above which sums by cell cost more than they save.
MAX_CELLS_PER_FOLD = 8
# Numbers of cells times folds, at most (128 MiB).
MAX_MEMBERSHIPS = 1 << 24

# Called with the fold, the position of the model, and the iterations of a fit that ended.
OnFit = Callable[[int, int, int], None]


class GridFits(NamedTuple):
    """Coefficients of each fold and model, the intercept last, and how the fits went.

    The models are every C for the first share of the L1 penalty, then for the next. ``w``:
    (n_folds, n_models, n_columns, n_classes or 1), in the dtype of the rows. ``n_iter``,
    ``converged``: (n_folds, n_models).
    """

    w: NDArray
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


class Penalties(NamedTuple):
    """The penalties to choose from: shares of L1, (n_l1_ratios,), and every C, (n_Cs,)."""

    l1_ratios: Array
    Cs: Array

    def of_models(self) -> list[tuple[float, float]]:
        """Share of L1 and C of each model."""
        return [(float(ratio), float(C)) for ratio in self.l1_ratios for C in self.Cs]


def fit_grid(
    estimator: Any,
    template: GDLogisticRegression,
    data: CVData,
    folds: Folds,
    penalties: Penalties,
    seed: int,
    on_fit: OnFit,
) -> GridFits:
    """Fit every fold with every penalty.

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
    penalties : Penalties
        The penalties to choose from.
    seed : int
        Seed of the rows on which starts are found.
    on_fit : callable
        Called after each fit.

    Returns
    -------
    GridFits
        The coefficients.
    """
    by_ratio = []
    for i, l1_ratio in enumerate(penalties.l1_ratios.tolist()):
        one = clone(template).set_params(l1_ratio=l1_ratio)
        first = i * len(penalties.Cs)
        report = partial(_shifted, on_fit, first)
        by_ratio.append(_fit_ratio(estimator, one, data, folds, penalties.Cs, seed, report))
    return GridFits(*(np.concatenate(parts, axis=1) for parts in zip(*by_ratio, strict=True)))


def _shifted(on_fit: OnFit, first: int, f: int, k: int, n_iter: int) -> None:
    on_fit(f, first + k, n_iter)


def _at_positions(on_fit: OnFit, at: NDArray[np.intp], f: int, k: int, n_iter: int) -> None:
    on_fit(f, int(at[k]), n_iter)


def _fit_ratio(
    estimator: Any,
    template: GDLogisticRegression,
    data: CVData,
    folds: Folds,
    Cs: Array,
    seed: int,
    on_fit: OnFit,
) -> GridFits:
    """Fit every fold with every C and one share of the L1 penalty."""
    if (grid := _shared_grid(template, data, folds, Cs)) is not None:
        for f in range(len(folds)):
            data.fold_classes(folds, f, template.fit_intercept)
        solution = minimize_together(grid, seed)
        if not np.isfinite(solution.W).all():
            data.rows.check_finite(estimator)
        for f, k in np.argwhere(solution.converged).tolist():
            on_fit(f, k, int(solution.n_iter[f, k]))
        fits = GridFits(
            solution.W[..., None].astype(data.rows.dtype), solution.n_iter, solution.converged
        )
        for f in np.flatnonzero(~fits.converged.all(axis=1)).tolist():
            # Models whose Hessians change much on the way get a descent of their own.
            left = np.flatnonzero(~fits.converged[f])
            report = partial(_at_positions, on_fit, left)
            alone = _fit_fold(estimator, template, data, folds, f, Cs[left], seed, report)
            for part, new in zip(fits, alone, strict=True):
                part[f, left] = new
        return fits
    paths = [
        _fit_fold(estimator, template, data, folds, f, Cs, seed, on_fit) for f in range(len(folds))
    ]
    return GridFits(*(np.stack(parts) for parts in zip(*paths, strict=True)))


def solver_for(
    template: GDLogisticRegression, rows: RowBlocks, seed: int
) -> Callable[[Objective], Solver]:
    """From an objective to its solver: without a penalty, none bends at zero."""
    smooth = choose_solver(clone(template).set_params(l1_ratio=0.0), rows, seed)
    other = choose_solver(template, rows, seed)
    return lambda objective: smooth if objective.penalty.is_smooth else other


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
    path = minimize_along(
        objective,
        Cs,
        solver_for(template, rows, seed),
        finite_check(estimator, data),
        lambda k, fit: on_fit(f, k, len(fit.curve) - 1),
        certifies=False,
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
    n_cells = int(folds.cells.max()) + 1
    if n_cells > MAX_CELLS_PER_FOLD * len(folds) or n_cells * len(folds) > MAX_MEMBERSHIPS:
        return None
    objective = make_objective(template, rows, 1)
    strength = objective.penalty.curvature[: rows.n_features]
    if not (objective.penalty.is_smooth and (strength == 1).all()):
        return None
    objective = replace(objective, rows=rows.with_cells(folds.cells))
    tol = choose_solver(template, rows, 0).tol
    grid = Grid(objective, folds.training, Cs, tol, template.max_iter)
    return grid if shares_passes(grid) else None
