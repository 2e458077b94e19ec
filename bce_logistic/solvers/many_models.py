"""Every fold and every C in the same passes over dense rows of two classes, with an L2 penalty.

Small data: Newton's method on a stack of models. Fewer rows than columns: the same in the space of
the rows. Many rows: a subsample gives a start for every C; one pass there gives, fold by fold, the
gradients and a few Hessians, and L-BFGS on their factors does the rest, in single precision where
its rounding does not count.

Along C the stack is solved in waves, later ones from starts interpolated in the logarithm of C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.many import (
    Descent,
    ManyIterate,
    ManyLBFGS,
    ManyNewton,
    ManyPreconditioner,
    descend_many,
    dots,
)
from ..objective.many import FirstSums, ManyObjectives, ManyPoints, Models
from ..objective.objective import Objective
from ..preconditioning.many import ModelFactors, newton_hessians
from ..preconditioning.subsample import Subsample
from ..rows.base import RowBlocks
from ..rows.cells import CellRows, KeptCellRows, Scaling, StreamedCellRows
from ..rows.memory import DenseRows, RowsInMemory, is_mapped
from .convergence import SAFETY
from .gap import RECENT, SAFETY_OF_REUSED

# Rows for each column, and stored numbers, from which starts come from a subsample.
MIN_TALL_ROWS_PER_COLUMN, MIN_TALL_SIZE = 64, 2_000_000
# Multiplications of a Hessian and its factor up to which every model has its own in every step.
MAX_NEWTON_WORK = 20_000_000
# Decrease of the decrement by a step that went as its metric predicted.
AS_PREDICTED = 0.25
# Rounding error of the objective, relative to it, below which a decrement cannot decrease.
ROUNDING = 1e-14
# Rows for each column of the subsample, and of its part where the first starts are found.
ROWS_PER_COLUMN = 64
FEW_ROWS_PER_COLUMN, MIN_FEW_ROWS = 8, 1024
# Relative gap of the first starts; gaps in nats a column on the subsample and on all rows, whose
# optima are no nearer to those of all rows and of the folds. With the most steps of each.
FIRST_TOL, FIRST_STEPS = 1e-2, 30
SUBSAMPLE_GAP, SUBSAMPLE_STEPS = 0.1, 10
ALL_ROWS_GAP, ALL_ROWS_STEPS = 0.02, 4
# Steps along C of the waves.
STRIDES = (8, 4, 2, 1)
# Relative change of the curvature along C from which a Hessian is made anew.
CURVATURE_CHANGE = 0.2
# Steps on Hessians that were made at the start, after which a model is left to a descent with new
# ones: where they go on, they tell less and less of the gap.
MAX_REUSED_STEPS = 6
# Part of the tolerated gap that rounding in single precision may take.
MAX_ROUNDING = 0.1


class Grid(NamedTuple):
    """Every fold and every C of a cross-validation.

    Parameters
    ----------
    objective : Objective
        The objective of all rows, two classes, with C=1.
    training : ndarray of shape (n_cells, n_folds)
        How often each fold trains on the rows of a cell.
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty, finite.
    tol : float
        Largest gap of a model, relative to its objective.
    max_iter : int
        Largest number of iterations of a model.
    """

    objective: Objective
    training: Array
    Cs: Array
    tol: float
    max_iter: int


class GridSolution(NamedTuple):
    """Coefficients of each fold and C, (n_folds, n_Cs, n_columns), and how the descents went."""

    W: Array
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


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
    """Newton's method on all models, in waves along C; rows in memory."""
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
        found = _newton(grid, few.with_cells(rows.cells), scaling)
        w, b = found.W[..., : len(R)] @ Q.T, found.W[..., len(R) :]
        return found._replace(
            W=np.concatenate([w, b - (w @ center)[..., None]], axis=-1) if fit_intercept else w
        )
    scaling = Scaling(center, 1 / _spread(X), fit_intercept, np.dtype(float))
    found = _newton(grid, rows, scaling)
    return found._replace(W=scaling.coefficients(found.W))


def _newton(grid: Grid, rows: RowsInMemory, scaling: Scaling) -> GridSolution:
    """Newton's method on standardised rows; the coefficients are those of their columns."""
    n_folds, strength = grid.training.shape[1], scaling.strength(grid.Cs)
    n_columns = strength.shape[1]
    objectives = ManyObjectives(KeptCellRows(rows, scaling, pairs=True), grid.training)

    def solve(wave: NDArray[np.intp], starts: Array, is_near: bool) -> Descent:
        k, fold = (part.ravel() for part in np.indices((len(wave), n_folds)))
        models = Models(fold, strength[wave[k]])
        W = starts.reshape(-1, n_columns)
        return _by_newton(objectives, W, models, grid.tol, grid.max_iter, is_near)

    start = np.zeros((n_folds, n_columns))
    if scaling.fit_intercept:
        start[:, -1] = grid.objective.intercept_alone()
    return _in_waves(grid.Cs, start, solve)


def _by_newton(
    objectives: ManyObjectives,
    W: Array,
    models: Models,
    tol: float,
    max_iter: int,
    is_near: bool,
) -> Descent:
    """Newton's method; from starts that are near, L-BFGS on their Hessians, if that is enough."""
    run = objectives.rows.rows.run
    newton = ManyNewton(partial(newton_hessians, run=run))
    exact, is_done = replace(objectives, with_hessians=True), partial(_is_done, tol)
    points = exact.at(W, models)
    if not is_near:
        return descend_many(exact, points, models, newton, is_done, max_iter)
    hessians = newton_hessians(points, models, run)
    points = points._replace(hessians=None)
    reused, steps = ReusedHessians(hessians, tol, points), min(max_iter, MAX_REUSED_STEPS)
    near = descend_many(objectives, points, models, ManyLBFGS(hessians), reused, steps)
    left = np.flatnonzero(~near.converged)
    if not len(left) or max_iter <= MAX_REUSED_STEPS:
        return near
    points, models = exact.at(near.W[left], models.take(left)), models.take(left)
    rest = descend_many(exact, points, models, newton, is_done, max_iter - MAX_REUSED_STEPS)
    near.W[left], near.converged[left] = rest.W, rest.converged
    near.n_iter[left] += rest.n_iter
    return near


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
    scaling = Scaling(center, 1 / _spread(X), objective.fit_intercept, np.dtype(single))
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
        return _by_newton(objectives, starts[:, 0], stack, FIRST_TOL, FIRST_STEPS, is_near)

    W = _in_waves(grid.Cs, start, solve).W[0]
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


def _is_done(tol: float, iterate: ManyIterate) -> NDArray[np.bool_]:
    """Models whose gap is small: as the decrement says, after a step that went as it predicted.

    The decrement is that of the Hessian at the iterate.
    """
    value = iterate.points.value
    small = SAFETY * iterate.decrement <= tol * value
    return small & _went_as_predicted(iterate) | (iterate.decrement <= ROUNDING * value)


def _went_as_predicted(iterate: ManyIterate) -> NDArray[np.bool_]:
    """Models whose last step, if there was one, brought the decrement down as it should."""
    return (iterate.decrement <= AS_PREDICTED * iterate.before) & np.isfinite(iterate.before)


class ReusedHessians:
    r"""Which models are done, judged by Hessians that were made where they started.

    The Hessian may have become weaker since. The last steps show it, as for one model in
    :class:`Gap`: half the squared decrement is divided by

    .. math:: c = \min \frac{y^T P^{-1} y}{s^T y}, \qquad c \le 1.

    Parameters
    ----------
    hessians : ManyPreconditioner
        The Hessians at the starts.
    tol : float
        Largest gap of a model, relative to its objective.
    points : ManyPoints
        The starts, with their values: the minima are below them by about the decrement.
    """

    def __init__(self, hessians: ManyPreconditioner, tol: float, points: ManyPoints) -> None:
        self.hessians, self.tol, self.value = hessians, tol, points.value
        self.W, self.gradient = points.W.copy(), points.gradient.copy()
        self.ratios = np.ones((RECENT, len(points.W)))

    def __call__(self, iterate: ManyIterate) -> NDArray[np.bool_]:
        """The models of an iterate that are done."""
        W, gradient, at = iterate.points.W, iterate.points.gradient, iterate.position
        if iterate.t > 0:
            s, y = W - self.W[at], gradient - self.gradient[at]
            sy = dots(s, y)
            stiffness = dots(y, self.hessians.solve(y, at))
            self.ratios[iterate.t % RECENT, at] = np.divide(
                stiffness, sy, out=np.zeros_like(sy), where=sy > 0
            )
            self.W[at], self.gradient[at] = W, gradient
        else:
            self.value = self.value - SAFETY * iterate.decrement
        ratio = np.minimum(self.ratios[:, at].min(axis=0), 1.0)
        decrement = dots(gradient, self.hessians.solve(gradient, at)) / 2
        gap = SAFETY_OF_REUSED * np.maximum(
            np.divide(decrement, ratio, out=np.full_like(ratio, np.inf), where=ratio > 0),
            iterate.decrement,
        )
        return (gap <= self.tol * self.value[at]) & _went_as_predicted(iterate)


def _in_waves(
    Cs: Array, start: Array, solve: Callable[[NDArray[np.intp], Array, bool], Descent]
) -> GridSolution:
    """Solve every fourth C, then every second, then the rest, from interpolated starts.

    ``start``: (n_folds, n_columns). ``solve`` takes positions of C, a start for each, C by C, and
    whether these are interpolated.
    """
    log_C, position = np.unique(np.log(Cs), return_inverse=True)
    order = np.unique(position, return_index=True)[1]
    solved: dict[int, tuple] = {}
    for stride in STRIDES:
        wave = [
            k for k in sorted({*range(0, len(log_C), stride), len(log_C) - 1}) if k not in solved
        ]
        if not wave:
            continue
        starts = np.stack([_interpolated(log_C, solved, k, start) for k in wave])
        arrived = solve(order[wave], starts, bool(solved))
        parts = (part.reshape(len(wave), len(start), *part.shape[1:]) for part in arrived)
        solved |= dict(zip(wave, zip(*parts, strict=True), strict=True))
    by_C = (solved[k] for k in position.reshape(-1).tolist())
    return GridSolution(*(np.stack(parts, axis=1) for parts in zip(*by_C, strict=True)))


def _interpolated(log_C: Array, solved: dict[int, tuple], k: int, start: Array) -> Array:
    """Coefficients on the polynomial in log C through the nearest solutions; the start if none."""
    near = sorted(solved, key=lambda j: abs(log_C[j] - log_C[k]))[:4]
    if not near:
        return start
    total = np.zeros_like(start)
    for j in near:
        others = log_C[[i for i in near if i != j]]
        total += np.prod((log_C[k] - others) / (log_C[j] - others)) * solved[j][0]
    return total


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


def _spread(X: Array) -> Array:
    """Standard deviation of each column; 1 for constant ones."""
    spread = X.std(axis=0)
    return np.where(spread > 0, spread, 1.0)
