"""Every fold and every C on many rows, from starts found on a subsample.

All rows without folds come first: the optima of the folds are near theirs. One pass there gives the
gradients of all folds and a few Hessians; L-BFGS on their factors does the rest, in single
precision where its rounding does not count.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.many import Descent, ManyLBFGS, descend_many
from ..objective.many import FirstSums, ManyObjectives, ManyPoints, Models
from ..preconditioning.many import ModelFactors
from ..preconditioning.subsample import Subsample
from ..rows.base import RowBlocks
from ..rows.cells import CellRows, KeptCellRows, Scaling, StreamedCellRows, spread
from ..rows.memory import RowsInMemory
from .grid import Grid, GridSolution, in_waves
from .newton_stack import MAX_REUSED_STEPS, ReusedHessians, newton_in_stack

# Rows for each column of the subsample, and of its part where the first starts are found.
ROWS_PER_COLUMN = 64
FEW_ROWS_PER_COLUMN, MIN_FEW_ROWS = 8, 1024
# Relative gap of the first starts; gaps in nats a column on the subsample and on all rows, whose
# optima are no nearer to those of all rows and of the folds. With the most steps of each.
FIRST_TOL, FIRST_STEPS = 1e-2, 30
SUBSAMPLE_GAP, SUBSAMPLE_STEPS = 0.1, 10
ALL_ROWS_GAP, ALL_ROWS_STEPS = 0.02, 4
# Relative change of the curvature along C from which a Hessian is made anew.
CURVATURE_CHANGE = 0.2
# Part of the tolerated gap that rounding in single precision may take.
MAX_ROUNDING = 0.1


def minimize_tall(grid: Grid, rng: np.random.Generator, keeps: bool) -> GridSolution:
    """L-BFGS on factors, from starts found on a subsample; ``keeps`` a copy of the rows, or not.

    The models of all rows come first: the optima of the folds are near theirs.
    """
    objective, n_columns = grid.objective, grid.objective.shape[0]
    n_rows = min(objective.rows.n_samples // 4, ROWS_PER_COLUMN * n_columns)
    sample = Subsample.draw(objective, n_rows, rng)
    X = sample.rows.X
    center = X.mean(axis=0) if objective.fit_intercept else np.zeros(X.shape[1])
    # Without an intercept, rounding of a column far from zero would not cancel.
    single = np.float32 if objective.fit_intercept else np.float64
    scaling = Scaling(center, 1 / spread(X), objective.fit_intercept, np.dtype(single))
    solution = _tall(grid, sample, scaling, keeps)
    if solution is None:
        solution = _tall(grid, sample, replace(scaling, dtype=np.dtype(np.float64)), keeps)
    assert solution is not None
    return solution


def _tall(grid: Grid, sample: Subsample, scaling: Scaling, keeps: bool) -> GridSolution | None:
    """The same in the precision of the scaling; None if rounding in it may exceed the tolerance."""
    objective, (n_folds, n_Cs) = grid.objective, (grid.training.shape[1], len(grid.Cs))
    n_columns, strength = objective.shape[0], scaling.strength(grid.Cs)
    # The penalty is to the loss of all rows what it is to that of the rows of a fold.
    assert objective.rows.cells is not None
    counts = np.bincount(objective.rows.cells)
    grid_of_all = grid._replace(Cs=grid.Cs * (counts @ grid.training).mean() / counts.sum())
    W, factors = _subsample_starts(grid_of_all, sample, scaling)
    rows: CellRows
    if keeps:
        assert isinstance(objective.rows, RowsInMemory)
        rows = KeptCellRows(objective.rows, scaling)
    else:
        rows = StreamedCellRows(objective.rows, scaling, n_folds * n_columns * (n_columns + n_Cs))
    everyone = ManyObjectives(rows, np.ones((len(grid.training), 1)), with_values=False)
    alone = Models(np.zeros(n_Cs, dtype=np.intp), scaling.strength(grid_of_all.Cs))
    enough = ALL_ROWS_GAP * n_columns * objective.total_weight / objective.rows.n_samples
    W = descend_many(
        everyone,
        everyone.at(W, alone),
        alone,
        ManyLBFGS(factors),
        lambda iterate: iterate.decrement <= enough,
        ALL_ROWS_STEPS,
    ).W

    few = scaling(sample.rows.X[: _few(n_columns)]).astype(np.float64)
    nodes, node_of = _nodes(few, W)
    objectives = ManyObjectives(rows, grid.training, with_values=False)
    first = objectives.first(W, nodes)
    fold, k = (part.ravel() for part in np.indices((n_folds, n_Cs)))
    models = Models(fold, strength[k])
    factors = _factors(first, models, node_of[k], objective.rows)
    points = _with_penalty(W[k], first, models, k)
    rounding = _rounding(objectives, factors)
    if scaling.dtype == np.float32 and rounding > MAX_ROUNDING * grid.tol * points.value.min():
        return None
    is_done = ReusedHessians(factors, grid.tol, points)
    steps = min(grid.max_iter, MAX_REUSED_STEPS)
    found = descend_many(objectives, points, models, ManyLBFGS(factors), is_done, steps)
    shape = n_folds, n_Cs
    return GridSolution(
        scaling.coefficients(found.W).reshape(*shape, -1),
        found.n_iter.reshape(shape),
        found.converged.reshape(shape),
    )


def _subsample_starts(
    grid: Grid, sample: Subsample, scaling: Scaling
) -> tuple[Array, ModelFactors]:
    """Coefficients for every C, near the optimum of a subsample, and their Hessians."""
    scaling = replace(scaling, dtype=np.dtype(np.float64))
    n_columns, n_all = grid.objective.shape[0], sample.rows.n_samples
    start = np.zeros((1, n_columns))
    if scaling.fit_intercept:
        start[:, -1] = grid.objective.intercept_alone()

    objectives, models = _of_subsample(grid, sample, scaling, min(_few(n_columns), n_all))

    def solve(wave: NDArray[np.intp], starts: Array, is_near: bool) -> Descent:
        stack = models.take(wave)
        return newton_in_stack(objectives, starts[:, 0], stack, FIRST_TOL, FIRST_STEPS, is_near)

    W = in_waves(grid.Cs, start, solve).W[0]
    objectives, models = _of_subsample(grid, sample, scaling, n_all)
    nodes, node_of = _nodes(scaling(sample.rows.X[: _few(n_columns)]), W)
    first, k = objectives.first(W, nodes), np.arange(len(W))
    factors = _factors(first, models, node_of, sample.rows)
    points = _with_penalty(W, first, models, k)
    enough = SUBSAMPLE_GAP * n_columns * sample.rows.total_weight / n_all
    W = descend_many(
        objectives,
        points,
        models,
        ManyLBFGS(factors),
        lambda iterate: iterate.decrement <= enough,
        SUBSAMPLE_STEPS,
    ).W
    return W, factors


def _of_subsample(
    grid: Grid, sample: Subsample, scaling: Scaling, n_rows: int
) -> tuple[ManyObjectives, Models]:
    """Objectives of the first rows of a subsample for every C, all in one fold."""
    part = sample.objective(n_rows)
    assert isinstance(part.rows, RowsInMemory)
    rows = part.rows.with_cells(np.zeros(n_rows, dtype=np.intp))
    extra = part.penalty.curvature - grid.objective.penalty.curvature
    extra[: len(scaling.factor)] *= np.square(scaling.factor)
    models = Models(np.zeros(len(grid.Cs), dtype=np.intp), scaling.strength(grid.Cs) + extra)
    return ManyObjectives(KeptCellRows(rows, scaling, pairs=True), np.ones((1, 1))), models


def _few(n_columns: int) -> int:
    """Rows of the subsample on which the first starts are found."""
    return max(MIN_FEW_ROWS, FEW_ROWS_PER_COLUMN * n_columns)


def _nodes(A: Array, W: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts whose Hessians stand for those of the others, and the position of that of each."""
    D = 1 - np.tanh(A @ W.T / 2) ** 2
    nodes, node_of = [0], [0]
    for k in range(1, len(W)):
        if np.abs(D[:, k] - D[:, nodes[-1]]).sum() > CURVATURE_CHANGE * D[:, k].sum():
            nodes.append(k)
        node_of.append(len(nodes) - 1)
    return np.array(nodes), np.array(node_of)


def _factors(
    first: FirstSums, models: Models, node: NDArray[np.intp], rows: RowBlocks
) -> ModelFactors:
    """A factor for each model, of the Hessian at the node nearest to its start."""
    matrices = (
        first.hessians[f, j] + np.diag(strength)
        for f, j, strength in zip(models.fold, node, models.strength, strict=True)
    )
    return ModelFactors.of(matrices, rows.run)


def _with_penalty(W: Array, first: FirstSums, models: Models, k: NDArray[np.intp]) -> ManyPoints:
    """The points of all models at their starts."""
    ridge = models.strength * W
    value = first.value[models.fold, k] + np.einsum("mj,mj->m", ridge, W) / 2
    return ManyPoints(W, value, first.gradient[models.fold, k] + ridge)


def _rounding(objectives: ManyObjectives, factors: ModelFactors) -> float:
    r"""Largest gap of a model that rounding of the gradient in single precision explains.

    Rounding errors :math:`\epsilon s_i x_i` of the rows add up at random:
    :math:`\epsilon^2 \, \sum_i s_i^2 \, \mathrm{tr}(H^{-1}) / 2` for columns of unit scale.
    """
    unit = np.finfo(np.float32).eps ** 2 * objectives.squared_weights.max() / 2
    return float(unit * max(factor.inverse_trace() for factor in factors.factors))
