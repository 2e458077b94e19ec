"""Which approximate Hessian for which data: the ways to make one, and what they cost.

Costs are counted in passes over the data. They need not be exact: they decide between ways
that differ by much.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.directions import Preconditioner
from ..objective.objective import Objective
from ..rows.memory import DenseRows
from .cost_model import Costs
from .factors import ClassFactors, ColumnFactors, CoupledFactor, Diagonal, SumToZero
from .subsample import Subsample
from .woodbury import RowSpace

# Coefficients of all classes up to which they share one factor.
COUPLED_COEFFICIENTS = 150
# Cost of a Hessian, in passes, up to which every step gets a new one.
NEWTON_COST = 4
# Cost of ten steps with a new Hessian in the row space, up to which it is the way.
ROW_SPACE_COST = 100
# Columns, or rows if they are fewer, up to which a factor over all of them is thought of.
MOST_FACTOR_COLUMNS = 6000
# Rows of a subsample for each column: more give a better start, and cost more.
FEWEST_ROWS_PER_COLUMN = 64
MOST_ROWS_PER_COLUMN = 256
# Numbers in a subsample, at most: 256 MiB.
SUBSAMPLE_SIZE = 1 << 25
# Cost of a factor, in passes, that is paid without trying first whether the diagonal will do.
WORTH_A_TRY = 10
# Columns of sparse data, those with the heaviest curvature, that get a factor of their own.
HEAVY_COLUMNS = (1000, 300)
# Cost of that factor, in passes, beyond which the diagonal has to do.
HEAVY_COST = 12


class Metric(NamedTuple):
    """A way to make a preconditioner.

    Attributes
    ----------
    build : callable
        From coefficients to the preconditioner there.
    cost : float
        Cost of building, in passes over the data.
    rescale : float
        How far the secants are to set its scale, from 0, not at all, to 1.
    """

    build: Callable[[Array], Preconditioner]
    cost: float
    rescale: float = 0.0


def newton_metric(objective: Objective) -> Callable[[Array], Preconditioner] | None:
    """From coefficients to the Hessian there, if a new one for every step is the fastest."""
    costs = Costs(objective)
    if (space := row_space(objective)) is not None:
        first, again = costs.row_space()
        pays = objective.n_scores == 1 and first + 10 * again <= ROW_SPACE_COST
        return space.factor if pays else None
    pays = (
        _exact(objective)
        and costs.n_columns <= MOST_FACTOR_COLUMNS
        and costs.factor(costs.n_rows) <= NEWTON_COST
    )
    return partial(full_factor, objective) if pays else None


def row_space(objective: Objective) -> RowSpace | None:
    """The Hessians as large as the rows are many, if there are fewer of them than columns."""
    rows = objective.rows
    if not isinstance(rows, DenseRows) or not objective.ridge.all() or _coupled(objective):
        return None
    # What the rows do not tell is divided by the penalty alone: with a weak one, that would be
    # the rounding errors of single precision.
    if rows.dtype != np.float64:
        return None
    few = rows.n_samples < min(objective.shape[0], MOST_FACTOR_COLUMNS)
    return RowSpace(objective, rows) if few else None


def _exact(objective: Objective) -> bool:
    """Whether a factor of all rows is that of the Hessian itself."""
    return objective.n_scores == 1 or _coupled(objective)


def _coupled(objective: Objective) -> bool:
    """Whether all classes share one factor, which then is that of the exact Hessian."""
    return objective.n_scores > 1 and int(np.prod(objective.shape)) <= COUPLED_COEFFICIENTS


def full_factor(objective: Objective, w: Array) -> Preconditioner:
    """Factor of the Hessian of all rows at ``w``; of each class apart if they are many."""
    if _coupled(objective):
        factor: Preconditioner = CoupledFactor.of(objective.hessian(w), objective.unpenalised)
    else:
        factor = ClassFactors.of(objective.class_hessians(w))
    return _gauged(factor, objective)


def subsample_rows(objective: Objective) -> int:
    """Rows to draw for a start and a first metric; 0 if that does not pay."""
    costs = Costs(objective)
    n_rows, n_columns = costs.n_rows, costs.n_columns
    fewest, most = FEWEST_ROWS_PER_COLUMN * n_columns, MOST_ROWS_PER_COLUMN * n_columns
    size = min(max(n_rows // 8, fewest), most, SUBSAMPLE_SIZE // n_columns)
    pays = fewest <= size <= n_rows // 2 and costs.factor(size) <= WORTH_A_TRY
    return size if pays and n_columns <= MOST_FACTOR_COLUMNS else 0


def metrics(
    objective: Objective, rng: np.random.Generator, known_rows: int = 0
) -> Iterator[Metric]:
    """Ever better metrics for the descent on all rows, the cheapest that makes sense first.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    rng : numpy.random.Generator
        Source of randomness for the draw of rows.
    known_rows : int, default=0
        Rows of a subsample whose factor was tried already.

    Yields
    ------
    Metric
        The next one; the last, made anew, again and again.
    """
    costs = Costs(objective)
    rescale = 0.0 if _exact(objective) else 1.0
    by_diagonal = Metric(partial(diagonal_metric, objective), 1, rescale=0.5)
    if (space := row_space(objective)) is not None:
        first, again = costs.row_space()
        if first > ROW_SPACE_COST / 4:
            yield by_diagonal
        by_row_space = Metric(lambda w: _gauged(space.factor(w), objective), first, rescale)
        yield by_row_space
        yield from itertools.repeat(by_row_space._replace(cost=again))
    if costs.n_columns > (MOST_FACTOR_COLUMNS if objective.rows.dense else HEAVY_COLUMNS[-1]):
        heavy, cost = heavy_columns(objective)
        by_block = Metric(lambda w: column_factors(objective, w, heavy), cost)
        yield from itertools.repeat(by_block if len(heavy) else by_diagonal)
    by_all_rows = partial(full_factor, objective)
    cost = costs.factor(costs.n_rows)
    if cost > WORTH_A_TRY and known_rows == 0:
        yield by_diagonal
    few = min(4 * max(known_rows, costs.n_columns), SUBSAMPLE_SIZE // costs.n_columns)
    if known_rows < few <= costs.n_rows // 2:
        by_few_rows = partial(sampled_factor, objective, n_rows=few, rng=rng)
        yield Metric(by_few_rows, costs.factor(few), rescale)
    yield from itertools.repeat(Metric(by_all_rows, cost, rescale))


def diagonal_metric(objective: Objective, w: Array) -> Preconditioner:
    """Diagonal of the Hessian of all rows at ``w``."""
    return _gauged(Diagonal(objective.hessian_diagonal(w)), objective)


def sampled_factor(
    objective: Objective, w: Array, n_rows: int, rng: np.random.Generator
) -> Preconditioner:
    """Factor of the Hessian of some rows at ``w``."""
    return full_factor(Subsample.draw(objective, n_rows, rng).objective(n_rows), w)


def heavy_columns(objective: Objective) -> tuple[NDArray[np.intp], float]:
    """Columns that hold the most, as many as a factor on them is cheap; and its cost."""
    if not objective.rows.dense:
        shares = objective.rows.column_shares()
        order = np.argsort(-shares, kind="stable")
        for n_columns in HEAVY_COLUMNS:
            heaviest = order[:n_columns]
            cost = Costs(objective).block(n_columns, shares[heaviest].sum())
            if cost <= HEAVY_COST:
                return np.sort(heaviest), cost
    return np.array([], dtype=np.intp), 1.0


def column_factors(objective: Objective, w: Array, columns: NDArray[np.intp]) -> Preconditioner:
    """Factor on some columns and the intercept, the diagonal on the rest."""
    diagonal = objective.hessian_diagonal(w)
    intercept = np.arange(objective.rows.n_features, len(diagonal))
    block = ClassFactors.of(objective.class_hessians(w, columns))
    factors = ColumnFactors(np.append(columns, intercept), block, Diagonal(diagonal))
    return _gauged(factors, objective)


def _gauged(preconditioner: Preconditioner, objective: Objective) -> Preconditioner:
    """Steps that sum to zero over the classes, if there are more than two."""
    if objective.n_scores == 1:
        return preconditioner
    return SumToZero(preconditioner)
