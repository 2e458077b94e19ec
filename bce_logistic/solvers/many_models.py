"""Every fold and every C in the same passes over dense rows of two classes, with an L2 penalty.

Small data: Newton's method on a stack of models, in waves along C. Fewer rows than columns: the
same in the space of the rows. Many rows: see :mod:`many_rows`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.many import Descent
from ..objective.many import ManyObjectives, Models
from ..objective.objective import Objective
from ..rows.cells import KeptCellRows, Scaling, spread
from ..rows.memory import DenseRows, RowsInMemory, is_mapped
from ..validation.labels import batches
from .grid import Grid, GridSolution, in_waves
from .many_rows import minimize_tall
from .newton_stack import newton_in_stack

# Rows for each column, and stored numbers, from which starts come from a subsample.
MIN_TALL_ROWS_PER_COLUMN, MIN_TALL_SIZE = 64, 2_000_000
# Multiplications of a Hessian and its factor up to which every model has its own in every step.
MAX_NEWTON_WORK = 20_000_000
# Numbers in the Hessians and the weights of a stack of models, at most (256 MiB).
MAX_STACK_NUMBERS = 1 << 25


def shares_passes(grid: Grid) -> bool:
    """Whether all models in the same passes are faster than one after the other."""
    return _is_tall(grid.objective) or _newton_is_cheap(grid.objective)


def minimize_together(grid: Grid, seed: int) -> GridSolution:
    """Fit every fold and every C in the same passes; ``seed``: of the draw of a subsample."""
    if not _is_tall(grid.objective):
        return minimize_small(grid)
    rows = grid.objective.rows
    keeps = isinstance(rows, RowsInMemory) and not is_mapped(rows.X)
    return minimize_tall(grid, np.random.default_rng(seed), keeps)


def _is_tall(objective: Objective) -> bool:
    """Whether there are so many rows that a subsample gives good starts, and a pass is costly."""
    rows, n_columns = objective.rows, objective.shape[0]
    costly = rows.n_stored > MIN_TALL_SIZE or not isinstance(rows, RowsInMemory)
    return costly and rows.n_samples >= MIN_TALL_ROWS_PER_COLUMN * n_columns


def _newton_is_cheap(objective: Objective) -> bool:
    """Whether a Hessian of one model is so cheap that each can have its own in each step."""
    rows = objective.rows
    n_columns = min(rows.n_samples, rows.n_features) + objective.fit_intercept
    work = rows.n_samples * n_columns**2 + n_columns**3
    return isinstance(rows, RowsInMemory) and work <= MAX_NEWTON_WORK


def minimize_small(grid: Grid) -> GridSolution:
    """Newton's method on all models, in waves along C, as many folds at a time as fit in memory."""
    rows, n_folds = grid.objective.rows, grid.training.shape[1]
    n_columns = min(rows.n_samples, rows.n_features) + 1
    of_fold = len(grid.Cs) * (rows.n_samples + n_columns**2)
    groups = [
        _minimize_group(grid._replace(training=grid.training[:, group]))
        for group in batches(n_folds, max(1, MAX_STACK_NUMBERS // of_fold))
    ]
    return GridSolution(*(np.concatenate(parts) for parts in zip(*groups, strict=True)))


def _minimize_group(grid: Grid) -> GridSolution:
    """Newton's method on the models of some folds."""
    rows, fit_intercept = grid.objective.rows, grid.objective.fit_intercept
    assert isinstance(rows, RowsInMemory)
    X = rows.X.astype(np.float64, copy=False)
    center = X.mean(axis=0) if fit_intercept else np.zeros(X.shape[1])
    if X.shape[0] < X.shape[1]:
        # The optimum is in the span of the rows: X - center = R.T Q.T, with as many columns.
        Q, R = np.linalg.qr((X - center).T)
        few = DenseRows(np.ascontiguousarray(R.T), rows.y, rows.s, rows.run)
        scaling = Scaling(np.zeros(len(R)), np.ones(len(R)), fit_intercept, np.dtype(float))
        assert rows.cells is not None
        found = minimize_standardised(grid, few.with_cells(rows.cells), scaling)
        w, b = found.W[..., : len(R)] @ Q.T, found.W[..., len(R) :]
        return found._replace(
            W=np.concatenate([w, b - (w @ center)[..., None]], axis=-1) if fit_intercept else w
        )
    scaling = Scaling(center, 1 / spread(X), fit_intercept, np.dtype(float))
    found = minimize_standardised(grid, rows, scaling)
    return found._replace(W=scaling.coefficients(found.W))


def minimize_standardised(grid: Grid, rows: RowsInMemory, scaling: Scaling) -> GridSolution:
    """Newton's method on standardised rows; the coefficients are those of their columns."""
    n_folds, strength = grid.training.shape[1], scaling.strength(grid.Cs)
    n_columns = strength.shape[1]
    objectives = ManyObjectives(KeptCellRows(rows, scaling, pairs=True), grid.training)

    def solve(wave: NDArray[np.intp], starts: Array, is_near: bool) -> Descent:
        k, fold = (part.ravel() for part in np.indices((len(wave), n_folds)))
        models = Models(fold, strength[wave[k]])
        W = starts.reshape(-1, n_columns)
        return newton_in_stack(objectives, W, models, grid.tol, grid.max_iter, is_near)

    start = np.zeros((n_folds, n_columns))
    if scaling.fit_intercept:
        start[:, -1] = grid.objective.intercept_alone()
    return in_waves(grid.Cs, start, solve)
