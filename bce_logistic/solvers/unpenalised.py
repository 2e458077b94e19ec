"""Fits without a penalty: diverging coefficients, and those that collinear columns share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, namespace
from ..objective.collinearity import (
    MAX_COLUMNS,
    MIN_LOADING,
    Collinearity,
    find_collinearity,
    has_loading,
    of_any_class,
)
from ..objective.linear_separation import CONSTRAINT_NUMBER, Constraints, find_direction
from ..objective.objective import Objective
from ..objective.standard_errors import NewtonStep, errors_from_step, inverse_root, newton_step
from ..preconditioning.cost_model import SECONDS_PER_FMA, Costs
from ..rows.base import Block, Sums
from ..rows.label_index import all_labels_possible, possible_labels
from ..rows.memory import RowsInMemory
from .base import Solver
from .minimize import Result

# Passes that a Gram matrix or a Hessian may cost, if the fit took fewer.
MIN_PASSES = 10
# Largest change of a score by Newton's step, in nats, that proves an optimum: 1, less a margin for
# rounding.
MAX_SCORE_CHANGE = 0.5
# Coefficients up to which the eigenvalues of a Hessian are computed.
MAX_COEFFICIENTS = 2000
# Seconds that a linear program may take, if the fit took less.
PROGRAM_SECONDS = 0.1


def without_penalty(
    solver: Solver, objective: Objective, result: Result
) -> tuple[Result, NDArray[np.bool_], NDArray[np.bool_]]:
    """Find diverging coefficients and collinear columns after a fit without a penalty.

    Returns the result with the coefficients of least norm among those with the same scores, and the
    reason "separated" if there is no finite optimum; the features whose coefficients diverge; and a
    smallest set of features without which none are collinear.
    """
    n_features, w, passes = objective.rows.n_features, result.w, objective.rows.passes
    separated = redundant = np.zeros(n_features, dtype=bool)
    if objective.is_penalised:
        return result, separated, redundant
    collinear = None
    if affordable(objective, passes):
        collinear = find_collinearity(objective.rows, objective.fit_intercept)
        redundant = collinear.redundant
        result = result._replace(w=collinear.least_norm(w))
    if result.reason == "separated":
        separated = columns_that_vary(objective, collinear)[:n_features]
    elif solver.may_be_separated(objective, result.curve, result.reason):
        columns = separated_columns(objective, w, passes, collinear)
        separated = columns[:n_features]
        if columns.any():
            result = result._replace(reason="separated", converged=False)
    return result, separated, redundant


def affordable(objective: Objective, passes: int) -> bool:
    """Whether finding relations costs less than so many passes over the rows."""
    costs, n_columns = Costs(objective), objective.rows.n_features
    gram = objective.rows.n_samples * costs.row_size**2 * costs.fma
    seconds = gram + n_columns**3 / 3 * SECONDS_PER_FMA
    return n_columns <= MAX_COLUMNS and seconds <= max(passes, MIN_PASSES) * costs.of_pass


def separated_columns(
    objective: Objective, w: Array, passes: int, collinear: Collinearity | None
) -> NDArray[np.bool_]:
    """Columns whose coefficients diverge, the intercept last; none if there is a finite optimum.

    At a finite optimum Newton's step from ``w`` is small. Otherwise a linear program decides, or
    the standard errors, if it would take longer than the ``passes`` of the fit.

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71, 1984: complete and quasi-complete separation.
    """
    n_columns = objective.shape[0]
    nothing = np.zeros(n_columns, dtype=bool)
    newton = newton_step(objective, w) if _hessian_pays(objective, passes) else None
    n_relations = collinear.n_relations * max(1, objective.n_scores - 1) if collinear else 0
    if newton and newton.null_space.shape[1] == n_relations and _proves_optimum(objective, newton):
        return nothing
    if (columns := _columns_by_program(objective, passes)) is not None:
        return columns
    if newton is None or objective.rows.dtype == np.float32:
        return nothing
    errors = errors_from_step(objective, w, newton)
    # At zero scores all samples count: coefficients undetermined there are collinear.
    at_zero = inverse_root(objective, np.zeros(objective.shape))[1]
    diverging = errors.unstable | (errors.undetermined & ~has_loading(at_zero))
    return of_any_class(diverging, n_columns)


def columns_that_vary(objective: Objective, collinear: Collinearity | None) -> NDArray[np.bool_]:
    """Columns that are not constant: their coefficients diverge if all samples are separated."""
    varies = np.ones(objective.shape[0], dtype=bool)
    if collinear:
        varies[: objective.rows.n_features] = collinear.share < 1 - MIN_LOADING
    return varies


def _hessian_pays(objective: Objective, passes: int) -> bool:
    """Whether the eigenvalues of a Hessian cost less than so many passes."""
    costs, n_contrasts = Costs(objective), objective.shape[0] * max(1, objective.n_scores - 1)
    grams = objective.n_scores * (objective.n_scores + 1) // 2
    gram = grams * costs.n_rows * costs.row_size**2 * costs.fma
    seconds = gram + 10 * n_contrasts**3 * SECONDS_PER_FMA
    return n_contrasts <= MAX_COEFFICIENTS and seconds <= max(passes, MIN_PASSES) * costs.of_pass


def _proves_optimum(objective: Objective, newton: NewtonStep) -> bool:
    r"""Whether a Newton step proves a finite optimum: it changes every score by little.

    With :math:`m_r` the margins' derivatives and :math:`\lambda_r > 0` the residuals, the
    gradient is :math:`-\sum_r \lambda_r m_r`. The step gives
    :math:`\sum_r \lambda_r' m_r = 0` with
    :math:`|\lambda_r' - \lambda_r| \le \lambda_r |m_r^T p|`. If all :math:`\lambda_r' > 0`, no
    direction can raise one margin and lower none (Stiemke's lemma). That proves nothing where
    :math:`\lambda_r` is smaller than the rounding of the gradient, which the step magnifies.
    """

    def sums(block: Block) -> Sums:
        z = objective.scores(block, newton.step)
        xp = namespace(z)
        change = xp.abs(z) if z.ndim == 1 else xp.max(z, axis=1) - xp.min(z, axis=1)
        d = xp.stack([xp.sign(block.s), block.s**2], axis=1)
        n_large = int(xp.count_nonzero((change >= MAX_SCORE_CHANGE) & (block.s > 0)))
        return n_large, block.sandwich_diagonal(d), block.column_sum(d)

    n_large, squares, of_ones = objective.rows.sum(sums, size=2 * objective.shape[0])
    if objective.fit_intercept:
        squares = np.vstack([squares, of_ones])
    std_err = np.linalg.norm(newton.root, axis=1).reshape(-1, objective.shape[0])
    of_scores, of_gradient = (np.linalg.norm(std_err * np.sqrt(q)) for q in squares.T)
    rounding = np.finfo(objective.rows.dtype).eps * of_scores * of_gradient
    return bool(n_large == 0 and rounding < MAX_SCORE_CHANGE)


def _columns_by_program(objective: Objective, passes: int) -> NDArray[np.bool_] | None:
    """Diverging columns by the linear program; None if it is too slow or rows are not in memory."""
    rows = objective.rows
    if not isinstance(rows, RowsInMemory):
        return None
    weighted = rows.s > 0
    if all_labels_possible(rows.y[weighted]):
        # Whichever way the scores of a sample differ, its loss increases without a bound.
        return np.zeros(objective.shape[0], dtype=bool)
    seconds = max(PROGRAM_SECONDS, passes * Costs(objective).of_pass)
    n_numbers = 2 * (rows.n_stored + rows.n_samples) * max(1, objective.n_scores - 1)
    if CONSTRAINT_NUMBER * n_numbers > seconds:
        return None
    of_pairs, labels = possible_labels(rows.y[weighted])
    constraints = Constraints.of(rows.X[weighted][of_pairs], labels, objective.fit_intercept)
    if constraints.seconds > seconds:
        return None
    try:
        direction = find_direction(constraints)
    except RuntimeError:
        return None
    return np.zeros(objective.shape[0], dtype=bool) if direction is None else direction.columns
