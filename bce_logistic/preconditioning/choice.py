"""Candidates for the approximate Hessian of an objective, the cheapest first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache, partial
from math import prod
from typing import NamedTuple, cast

import numpy as np

from ..arrays import Array
from ..descent.directions import Preconditioner
from ..objective.objective import Objective
from ..objective.penalties import Penalty
from ..rows.memory import DenseRows, RowsInMemory
from .cost_model import ROWS_PER_BLOCK_COLUMN, Costs
from .factors import (
    ClassFactors,
    ColumnFactor,
    CoupledFactor,
    Diagonal,
    Factor,
    Hessian,
    SumToZero,
)
from .row_space import InRowSpace, RowSpace
from .subsample import Subsample, even_sample

# Coefficients of all classes up to which they share one factor.
COUPLED_COEFFICIENTS = 150
# Seconds of a Hessian and its factor below which every step gets a new one: about those of a step.
NEWTON_SECONDS = 1e-4
# Cost of coordinates of the row space, in passes, up to which nothing cheaper is tried first.
ROW_SPACE_COST = 15
# Columns, or rows if they are fewer, up to which a factor over all of them is considered.
MAX_FACTOR_COLUMNS = 6000
# Columns of sparse data up to which a factor over all of them is considered.
MAX_SPARSE_FACTOR_COLUMNS = 300
# Columns of sparse data up to which such a factor follows the blocks as a last resort.
MAX_LAST_FACTOR_COLUMNS = 1000
# Rows of a subsample for each column: more give a better start, and cost more.
MIN_ROWS_PER_COLUMN = 64
MAX_ROWS_PER_COLUMN = 256
# Numbers in a subsample, at most: 256 MiB.
MAX_SUBSAMPLE_NUMBERS = 1 << 25
# Cost of a subsample's factor, in passes, up to which it is the start.
MAX_SUBSAMPLE_COST = 10
# Largest cost of a full factor, in passes, for which the diagonal is not tried first.
MAX_UPFRONT_COST = 3
# Cost of a factor from few rows, in passes, if they are at least 4 a column; up to 16 are taken.
FEW_ROWS_COST = 1.5
# Costs of a first block and of a better one, in passes.
BLOCK_COSTS = (2.0, 10.0)


class Candidate(NamedTuple):
    """A way to make a preconditioner.

    Attributes
    ----------
    build : callable
        From coefficients to the preconditioner there.
    cost : float
        Cost of building, in passes over the data.
    rescale : float
        How far the curvature pairs set its scale, from 0, not at all, to 1.
    is_hessian : bool
        Whether it is the Hessian of all rows, or of enough of them, so that the decrease that it
        predicts can be believed.
    renewed : bool
        Whether it is built anew for every step: Newton's method.
    """

    build: Callable[[Array], Preconditioner]
    cost: float
    rescale: float = 0.0
    is_hessian: bool = False
    renewed: bool = False


class Restriction(NamedTuple):
    """A way to restrict the coefficients to the space of the rows, and its cost in passes."""

    build: Callable[[], RowSpace]
    cost: float


def newton(objective: Objective) -> Candidate | None:
    """The Hessian, if a new one for every step is the fastest."""
    if spans_few_dimensions(objective):
        return None
    if _factor_is_hessian(objective) and Costs(objective).hessian_seconds() <= NEWTON_SECONDS:
        return Candidate(partial(full_factor, objective), 1.0, is_hessian=True, renewed=True)
    return None


def subsample_rows(objective: Objective) -> int:
    """Rows to draw for a start and a first factor; 0 if that does not pay."""
    if objective.rows.on_accelerator:  # faster on all rows than the host on some
        return 0
    costs = Costs(objective)
    n_rows, n_columns = costs.n_rows, costs.n_columns
    smallest, largest = MIN_ROWS_PER_COLUMN * n_columns, MAX_ROWS_PER_COLUMN * n_columns
    size = min(max(n_rows // 8, smallest), largest, MAX_SUBSAMPLE_NUMBERS // n_columns)
    pays = smallest <= size <= n_rows // 4 and costs.factor(size) <= MAX_SUBSAMPLE_COST
    return size if pays and n_columns <= MAX_FACTOR_COLUMNS else 0


def candidates(
    objective: Objective, rng: np.random.Generator, tried_rows: int = 0
) -> Iterator[Candidate | Restriction]:
    """Ever better preconditioners, the cheapest that makes sense first.

    Parameters
    ----------
    objective : Objective
        The objective to minimise.
    rng : numpy.random.Generator
        Source of randomness for the draw of rows.
    tried_rows : int, default=0
        Rows of a subsample whose factor was tried already.

    Returns
    -------
    iterator of Candidate and Restriction
        A Hessian that comes last comes again and again.
    """
    if spans_few_dimensions(objective):
        return _by_rows(objective)
    most = MAX_FACTOR_COLUMNS if objective.rows.is_dense else MAX_SPARSE_FACTOR_COLUMNS
    if objective.shape[0] > most:
        return _by_block(objective, rng)
    return _by_factor(objective, rng, tried_rows)


def _by_rows(objective: Objective) -> Iterator[Candidate | Restriction]:
    """The space of the rows, after the diagonal unless it is cheap; for the rest, a factor there.

    What is left outside the space, the diagonal knows.
    """
    diagonal = Candidate(partial(diagonal_factor, objective), 1.0, rescale=1.0)
    space = cache(lambda: RowSpace.of(objective, cast(DenseRows, objective.rows)))
    cost = Costs(objective).row_space()
    if cost > ROW_SPACE_COST:
        yield diagonal
    yield Restriction(space, cost)
    yield Candidate(lambda w: row_space_factor(space(), w), cost)
    yield diagonal


def _by_block(objective: Objective, rng: np.random.Generator) -> Iterator[Candidate]:
    """A factor on the heaviest columns, then on more of them; of all, if they are not too many."""
    costs = Costs(objective)
    for cost in BLOCK_COSTS:
        build = partial(block_factor, objective, n_columns=costs.block(cost), rng=rng)
        yield Candidate(build, cost)
    if objective.n_scores == 1 and costs.n_columns <= MAX_LAST_FACTOR_COLUMNS:
        yield _full(objective)


def _by_factor(
    objective: Objective, rng: np.random.Generator, tried_rows: int
) -> Iterator[Candidate]:
    """The diagonal, factors from few rows and from all; for many classes, one that they share."""
    costs, full = Costs(objective), _full(objective)
    smallest = 4 * max(tried_rows, costs.n_columns)
    few = max(smallest, min(4 * smallest, costs.rows(FEW_ROWS_COST)))
    few = min(few, MAX_SUBSAMPLE_NUMBERS // costs.n_columns)
    pays = smallest <= few <= costs.n_rows // 2 and not objective.rows.on_accelerator
    few = few if pays else costs.n_rows
    by_few = full._replace(
        build=partial(sampled_factor, objective, n_rows=few, rng=rng), cost=costs.factor(few)
    )
    if tried_rows == 0 and not (full.is_hessian and by_few.cost <= MAX_UPFRONT_COST):
        yield Candidate(partial(diagonal_factor, objective), 1.0, rescale=0.5)
    if full.cost > MAX_UPFRONT_COST:
        if not full.is_hessian:
            yield Candidate(partial(shared_factor, objective), costs.shared_factor(), rescale=1.0)
            return
        if few < costs.n_rows:
            yield by_few
    yield from itertools.repeat(full)


def _full(objective: Objective) -> Candidate:
    """A factor of all rows: of the Hessian itself, or of each class's alone."""
    is_hessian = _factor_is_hessian(objective)
    costs = Costs(objective)
    build = partial(full_factor, objective)
    return Candidate(build, costs.factor(costs.n_rows), 0.5 if is_hessian else 1.0, is_hessian)


def spans_few_dimensions(objective: Objective) -> bool:
    """Whether the minimum lies in a space of fewer dimensions than columns: that of the rows."""
    rows = objective.rows
    few = rows.n_samples < min(rows.n_features, MAX_FACTOR_COLUMNS)
    return few and isinstance(rows, DenseRows) and objective.penalises_every_feature


def _factor_is_hessian(objective: Objective) -> bool:
    """Whether a factor of all rows is that of the Hessian itself."""
    return objective.n_scores == 1 or _coupled(objective)


def _coupled(objective: Objective) -> bool:
    """Whether all classes share one factor, which then is that of the Hessian."""
    return objective.n_scores > 1 and prod(objective.shape) <= COUPLED_COEFFICIENTS


def full_factor(objective: Objective, w: Array, bound_penalty: Penalty | None = None) -> Hessian:
    """Factor of the Hessian of all rows at ``w``; of each class's alone if they are many.

    ``bound_penalty`` is the penalty for estimates of the gap, if it is weaker than that for steps.
    """
    make = _coupled_factor if _coupled(objective) else _class_factors
    excess = None
    if bound_penalty is not None:
        excess = objective.penalty.curvature - bound_penalty.curvature
    return make(objective, w, excess)


def _coupled_factor(objective: Objective, w: Array, excess: Array | None) -> Hessian:
    """Factor of the Hessian of all classes together; for bounds, less an excess of the penalty."""
    hessian, unpenalised = objective.hessian(w), objective.penalty.unpenalised
    steps = bound = SumToZero(CoupledFactor.of(hessian, unpenalised))
    if excess is not None:
        for k in range(objective.n_scores):
            hessian[k, :, k] -= np.diag(excess)
        bound = SumToZero(CoupledFactor.of(hessian, unpenalised))
    return Hessian(steps, bound, w)


def _class_factors(objective: Objective, w: Array, excess: Array | None) -> Hessian:
    """Factor of the Hessian of each class; for bounds, less an excess of the penalty."""
    hessians = objective.class_hessians(w)
    steps = bound = _factors(objective, hessians)
    if excess is not None:
        bound = _factors(objective, [hessian - np.diag(excess) for hessian in hessians])
    column = hessians[0][-1] if objective.fit_intercept and len(hessians) == 1 else None
    return Hessian(steps, bound, w, intercept_column=column)


def _factors(objective: Objective, hessians: list[Array]) -> Preconditioner:
    if objective.n_scores == 1:
        return Factor.of(hessians[0])
    return SumToZero(ClassFactors.of(hessians))


def diagonal_factor(objective: Objective, w: Array) -> Preconditioner:
    """Diagonal of the Hessian of all rows at ``w``."""
    return with_sum_to_zero(
        Diagonal(objective.hessian_diagonal(w), objective.min_curvature), objective
    )


def sampled_factor(
    objective: Objective, w: Array, n_rows: int, rng: np.random.Generator
) -> Preconditioner:
    """Factor of the Hessian of some rows at ``w``."""
    part = Subsample.draw(objective, n_rows, rng).objective(n_rows)
    return full_factor(part, w, objective.penalty)


def shared_factor(objective: Objective, w: Array) -> Preconditioner:
    """One factor for all classes, that of their mean Hessian, scaled to the diagonal of each."""
    factor = Factor.of(objective.mean_class_hessian(w), objective.min_curvature)
    diagonal = objective.hessian_diagonal(w)
    return with_sum_to_zero(factor.rescaled(diagonal, objective.min_curvature), objective)


def block_factor(
    objective: Objective, w: Array, n_columns: int, rng: np.random.Generator
) -> Preconditioner:
    """Factor on the columns of the largest curvature, from some of the rows; else the diagonal."""
    n_features = objective.rows.n_features
    diagonal = objective.hessian_diagonal(w)
    curvature = (diagonal.T - objective.penalty.curvature).T[:n_features]
    curvature = curvature if curvature.ndim == 1 else curvature.max(axis=1)
    # Columns whose curvature is mostly that of the penalty stay outside the block.
    n_columns = min(
        n_columns, int(np.sum(curvature > objective.penalty.curvature[:n_features] / 2))
    )
    columns = np.sort(np.argpartition(-curvature, n_columns - 1)[:n_columns])
    sample = objective
    if isinstance(objective.rows, RowsInMemory):
        sample = even_sample(objective, max(1000, ROWS_PER_BLOCK_COLUMN * n_columns), rng)
    at = np.append(columns, np.arange(n_features, len(diagonal)))
    min_curvature = objective.min_curvature[at]
    factor = Factor.of(sample.mean_class_hessian(w, columns), min_curvature)
    block = factor.rescaled(diagonal[at], min_curvature)
    return with_sum_to_zero(
        ColumnFactor(at, block, Diagonal(diagonal, objective.min_curvature)), objective
    )


def row_space_factor(space: RowSpace, w: Array) -> Preconditioner:
    """Factor, in the space of the rows, of the Hessian at ``w`` or of the classes' mean.

    The diagonal of all columns where most of the gradient is outside the space: there the factor
    leads nowhere.
    """
    whole, part, v = space.whole, space.objective, space.coordinates(w)
    gradient = whole.at(w).gradient
    inside = part.penalty.gap(v, space.pulled_back(gradient))
    if not inside > whole.penalty.gap(w, gradient) / 2:
        return diagonal_factor(whole, w)
    make = full_factor if _factor_is_hessian(part) else shared_factor
    return InRowSpace(space, make(part, v))


def with_sum_to_zero(preconditioner: Preconditioner, objective: Objective) -> Preconditioner:
    """Steps that sum to zero over the classes, if there are more than two."""
    return preconditioner if objective.n_scores == 1 else SumToZero(preconditioner)
