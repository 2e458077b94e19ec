"""Collinear columns, found by a pivoted Cholesky factor, and the coefficients of least norm.

Without a penalty, a linear relation between columns that holds in every row leaves a direction of
the coefficients undetermined. The optimum of least norm is the limit of a vanishing penalty.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, namespace
from ..rows.base import Block, RowBlocks, Sums
from ..rows.memory import DenseRows

# Columns above which no relations are searched for: their Gram matrix takes 32 MiB.
MAX_COLUMNS = 2000
# Rows per column of a sample that is tried first: columns independent there are independent in all.
ROWS_PER_COLUMN = 4
# Rounding errors, relative to the largest term, with which a relation still holds in a row.
ROW_ROUNDINGS = 4
# Pivot, per column, below which a column may be a combination of others, to be checked in the rows:
# some hundred roundings, more than those of the sums.
MIN_PIVOT_PER_COLUMN = 1e-13
# Largest such pivot, where rounding of the columns would hide relations otherwise.
MAX_PIVOT_PER_COLUMN = 1e-8
# Iterations that refine a relation, which the Gram matrix gives to half of the digits.
REFINEMENTS = 3
# Smallest loading on a null direction (of unit norm) for a column to be reported.
MIN_LOADING = 1e-6


class Collinearity(NamedTuple):
    """Linear relations between the columns, and a constant if there is an intercept."""

    null_space: Array  # coefficients with one score for all rows, shape (n_features, n_relations)
    offset: Array  # that score, shape (n_relations,); zero without an intercept
    redundant: NDArray[np.bool_]  # smallest set of columns, the last ones, whose removal is enough
    share: Array  # loading of each scaled column, from 0 to 1, which only constants have

    @property
    def n_relations(self) -> int:
        """Number of independent relations."""
        return self.null_space.shape[1]

    def least_norm(self, w: Array) -> Array:
        r"""Coefficients of least norm with the same scores, :math:`w - N N^+ w`.

        The intercept, last in ``w``, is corrected for the offset.
        """
        n_features = len(self.null_space)
        if not self.n_relations:
            return w
        # An orthonormal basis has errors relative to its largest entries, which columns in large
        # units turn into changes of the scores.
        along = scipy.linalg.lstsq(self.null_space, w[:n_features])[0]
        intercept = w[n_features:] + self.offset @ along
        return np.concatenate([w[:n_features] - self.null_space @ along, intercept])

    def without_redundant(self, w: Array) -> Array:
        """Coefficients with the same scores, zero for the redundant columns."""
        n_features = len(self.null_space)
        along = scipy.linalg.solve(self.null_space[self.redundant], w[:n_features][self.redundant])
        w = np.concatenate(
            [w[:n_features] - self.null_space @ along, w[n_features:] + self.offset @ along]
        )
        w[:n_features][self.redundant] = 0.0
        return w


def find_collinearity(
    rows: RowBlocks, fit_intercept: bool, tolerance: float | None = None
) -> Collinearity:
    """Linear relations between columns that hold in every row with weight; none on overflow.

    With a ``tolerance``, relations hold approximately: it is the share of a column's square that
    the others need not explain. Else they hold in every row, up to the rounding of the columns.
    """
    n_features, precision = rows.n_features, float(np.finfo(rows.dtype).eps)
    step = rows.n_samples // (ROWS_PER_COLUMN * (n_features + 1))
    if isinstance(rows, DenseRows) and step > 1 and tolerance is None:
        some = np.arange(0, rows.n_samples, step)
        few = rows.subset(some, np.ones(len(some)))
        found = _find(few, fit_intercept, tolerance, precision) if few.total_weight > 0 else None
        if found and not found.n_relations:
            return found
    return _find(rows, fit_intercept, tolerance, precision)


def null_space(gram: Array, limit: float) -> tuple[Array, Array, Array]:
    r"""Null space of a positive semidefinite matrix, by a Cholesky factor with pivoting.

    .. math:: P^T G P = L L^T, \qquad
              N = P \begin{pmatrix} -L_{11}^{-T} L_{21}^T \\ I \end{pmatrix}

    The diagonal of ``gram`` holds ones and zeros, and pivots up to ``limit`` count as zero. Returns
    N of shape (n, n - rank), the rank independent columns, and their factor :math:`L_{11}`.
    """
    factor, order, rank, _ = scipy.linalg.lapack.dpstrf(gram, tol=limit, lower=1)
    pivots, others = order[:rank] - 1, order[rank:] - 1
    relations = np.zeros((len(gram), len(others)))
    relations[others, np.arange(len(others))] = 1.0
    lower = np.tril(factor[:rank, :rank])
    if rank and len(others):
        relations[pivots] = -scipy.linalg.solve_triangular(
            lower, factor[rank:, :rank].T, trans="T", lower=True
        )
    return relations, pivots, lower


def has_loading(directions: Array) -> NDArray[np.bool_]:
    """Rows of orthonormal directions, shape (n, m), on which any of them loads."""
    return np.linalg.norm(directions, axis=1) > MIN_LOADING


def of_any_class(chosen: NDArray[np.bool_], n_columns: int) -> NDArray[np.bool_]:
    """Columns chosen for any class, of coefficients class after class."""
    return np.logical_or.reduce(chosen.reshape(-1, n_columns), axis=0)


def _find(
    rows: RowBlocks, fit_intercept: bool, tolerance: float | None, precision: float
) -> Collinearity:
    """Relations of all these rows; the features have a relative rounding error of ``precision``."""
    n_features = rows.n_features
    center, total = _center(rows, fit_intercept)

    def gram_and_sum(block: Block) -> Sums:
        d = namespace(block.s).sign(block.s)
        block = block.shifted(center)
        return block.sandwich(d), block.rmatvec(d)

    gram, rest = rows.sum(gram_and_sum, size=n_features * (n_features + 1))
    rest = rest / total if fit_intercept else np.zeros(n_features)
    gram = gram / total - np.outer(rest, rest)
    if not np.isfinite(gram).all():
        return _no_relations(n_features)
    spread = np.sqrt(np.maximum(gram.diagonal(), 0))
    rounding = ROW_ROUNDINGS * precision * np.hypot(spread, center + rest)
    constant = spread <= rounding
    scale = np.where(constant, 1.0, spread)
    gram /= np.outer(scale, scale)
    gram[constant] = gram[:, constant] = 0
    limit = n_features * (
        MIN_PIVOT_PER_COLUMN + min(np.max((rounding / scale) ** 2), MAX_PIVOT_PER_COLUMN)
    )
    relations, pivots, lower = null_space(gram, tolerance or limit)
    if tolerance is None:
        holds = np.ones(relations.shape[1], dtype=bool)
        for _ in range(REFINEMENTS * (relations.shape[1] > 0)):
            unscaled = relations / scale[:, None]
            squares, gradient = _violation(rows, unscaled, center, rest)
            holds = np.sqrt(squares) <= rounding @ np.abs(unscaled)
            if holds.all():
                break
            gradient = (gradient / scale[:, None])[pivots]
            relations[pivots] -= scipy.linalg.cho_solve((lower, True), gradient)
        relations = relations[:, holds]
    if not relations.shape[1]:
        return _no_relations(n_features)
    parts = scipy.linalg.qr(relations, mode="economic")[0]
    directions = relations / scale[:, None]
    directions /= np.linalg.norm(directions, axis=0)
    offset = (center + rest) @ directions if fit_intercept else np.zeros(directions.shape[1])
    return Collinearity(directions, offset, _last_redundant(parts), np.linalg.norm(parts, axis=1))


def _center(rows: RowBlocks, fit_intercept: bool) -> tuple[Array, float]:
    """Mean of the rows with weight, zero if sparse columns cannot be shifted, and their number."""
    n_features = rows.n_features

    def sums(block: Block) -> Sums:
        d = namespace(block.s).sign(block.s)
        return block.rmatvec(d), float(block.column_sum(d)), block.counts()

    mean, total, counts = rows.sum(sums, size=2 * n_features)
    shifts = (counts == rows.n_samples) & fit_intercept
    return np.where(shifts, mean / total, 0.0), total


def _violation(rows: RowBlocks, relations: Array, center: Array, rest: Array) -> Sums:
    """Mean square of each relation's violation, and its mean products with the columns."""

    def sums(block: Block) -> Sums:
        d = namespace(block.s).sign(block.s)
        block = block.shifted(center)._replace(s=d)
        error = block.matvec(relations)
        error = block.apply_weights(error - asarray_like(rest @ relations, error))
        gradient = block.rmatvec(error) - np.outer(rest, block.column_sum(error))
        return block.column_sum(error * error), gradient, float(block.column_sum(d))

    squares, gradient, total = rows.sum(sums, size=relations.size + relations.shape[1])
    return squares / total, gradient / total


def _last_redundant(parts: Array) -> NDArray[np.bool_]:
    """Last columns whose rows in an orthonormal basis of the relations are independent."""
    redundant = np.zeros(len(parts), dtype=bool)
    for j in reversed(range(len(parts))):
        size = np.linalg.norm(parts[j])
        if size > MIN_LOADING:
            redundant[j] = True
            unit = parts[j] / size
            parts = parts - np.outer(parts @ unit, unit)
    return redundant


def _no_relations(n_features: int) -> Collinearity:
    none, share = np.zeros(n_features, dtype=bool), np.zeros(n_features)
    return Collinearity(np.zeros((n_features, 0)), np.zeros(0), none, share)
