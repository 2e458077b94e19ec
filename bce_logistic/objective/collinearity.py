"""Collinear columns: found by one pivoted factorisation, and the coefficients of least norm.

Without a penalty, a linear relation between columns that holds in every row leaves a direction
of the coefficients open. The limit of a vanishing penalty is the optimum of least norm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, namespace
from ..rows.base import Block, RowBlocks, Sums
from ..rows.memory import DenseRows

# A Gram matrix of more columns takes more than 32 MiB.
MAX_COLUMNS = 2000
# Rows a column from which a few rows are tried first: independent there, independent in all.
ROWS_PER_COLUMN = 4
# Roundings of the largest term by which columns that were computed from others miss a relation.
ROUNDINGS = 4
# Pivot, per column, below which a column may be a combination of others: some hundred roundings,
# more than those of the sums. Whether it is one, the rows then tell.
LIMIT = 1e-13
# Limit of a pivot, likewise, where columns are rounded so coarsely that more would hide them.
MAX_LIMIT = 1e-8
# Rounds that improve a relation, whose coefficients a Gram matrix gives to half the digits only.
REFINEMENTS = 3
# Share of a unit vector below which a column has no part in a relation.
INVOLVED = 1e-6


class Collinearity(NamedTuple):
    """Linear relations between the columns, beside a constant if there is an intercept.

    Attributes
    ----------
    null_space : ndarray of shape (n_features, n_relations)
        Independent directions of the coefficients, each of which gives all rows the same score.
    offset : ndarray of shape (n_relations,)
        That score; zero without an intercept.
    redundant : ndarray of bool of shape (n_features,)
        A smallest set of columns without which there is no relation left, the last ones possible.
    share : ndarray of shape (n_features,)
        How far each column, scaled, takes part: from 0 to 1, which only constants have.
    """

    null_space: Array
    offset: Array
    redundant: NDArray[np.bool_]
    share: Array

    @property
    def n_relations(self) -> int:
        """Number of independent relations."""
        return self.null_space.shape[1]

    def least_norm(self, w: Array) -> Array:
        r"""Coefficients of least norm with the same scores: :math:`w - N N^+ w`.

        Parameters
        ----------
        w : ndarray of shape (n_columns,) or (n_columns, n_scores)
            Coefficients, the intercept last if there is one.

        Returns
        -------
        ndarray
            Theirs, the intercept corrected by what the rest loses.
        """
        n_features = len(self.null_space)
        if not self.n_relations:
            return w
        # Not by an orthonormal basis: its errors would be relative to its largest entries only,
        # and columns in large units would turn them into changes of the scores.
        along = scipy.linalg.lstsq(self.null_space, w[:n_features])[0]
        intercept = w[n_features:] + self.offset @ along
        return np.concatenate([w[:n_features] - self.null_space @ along, intercept])


def find_collinearity(
    rows: RowBlocks, fit_intercept: bool, tolerance: float | None = None
) -> Collinearity:
    """Find the linear relations between columns that hold in every row with weight.

    Parameters
    ----------
    rows : RowBlocks
        The rows.
    fit_intercept : bool
        Whether a constant counts among the columns. The rows then are centred.
    tolerance : float, default=None
        Part of a column's square that others need not explain, for relations that hold about.
        None: relations have to hold in every row, to the rounding of the columns.

    Returns
    -------
    Collinearity
        The relations; none if numbers overflow.
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

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        The matrix, with a diagonal of ones and zeros.
    limit : float
        Largest pivot that counts as zero.

    Returns
    -------
    relations : ndarray of shape (n, n - rank)
        Basis of the null space.
    pivots : ndarray of integers of shape (rank,)
        Columns that are independent.
    factor : ndarray of shape (rank, rank)
        Their lower Cholesky factor.
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


def _find(
    rows: RowBlocks, fit_intercept: bool, tolerance: float | None, precision: float
) -> Collinearity:
    """Relations of all these rows, whose features were rounded to a precision."""
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
        return _nothing(n_features)
    spread = np.sqrt(np.maximum(gram.diagonal(), 0))
    rounding = ROUNDINGS * precision * np.hypot(spread, center + rest)
    constant = spread <= rounding
    scale = np.where(constant, 1.0, spread)
    gram /= np.outer(scale, scale)
    gram[constant] = gram[:, constant] = 0
    limit = n_features * (LIMIT + min(np.max((rounding / scale) ** 2), MAX_LIMIT))
    relations, pivots, lower = null_space(gram, tolerance or limit)
    if tolerance is None:
        holds = np.ones(relations.shape[1], dtype=bool)
        for _ in range(REFINEMENTS * (relations.shape[1] > 0)):
            unscaled = relations / scale[:, None]
            squares, gradient = _missed(rows, unscaled, center, rest)
            holds = np.sqrt(squares) <= rounding @ np.abs(unscaled)
            if holds.all():
                break
            gradient = (gradient / scale[:, None])[pivots]
            relations[pivots] -= scipy.linalg.cho_solve((lower, True), gradient)
        relations = relations[:, holds]
    if not relations.shape[1]:
        return _nothing(n_features)
    parts = scipy.linalg.qr(relations, mode="economic")[0]
    directions = relations / scale[:, None]
    directions /= np.linalg.norm(directions, axis=0)
    offset = (center + rest) @ directions if fit_intercept else np.zeros(directions.shape[1])
    return Collinearity(directions, offset, _last_redundant(parts), np.linalg.norm(parts, axis=1))


def _center(rows: RowBlocks, fit_intercept: bool) -> tuple[Array, float]:
    """A point amid the rows with weight, where they can be shifted there, and their number."""
    n_features = rows.n_features

    def sums(block: Block) -> Sums:
        d = namespace(block.s).sign(block.s)
        return block.rmatvec(d), float(block.column_sum(d)), block.counts()

    mean, total, counts = rows.sum(sums, size=2 * n_features)
    shifts = (counts == rows.n_samples) & fit_intercept
    return np.where(shifts, mean / total, 0.0), total


def _missed(rows: RowBlocks, relations: Array, center: Array, rest: Array) -> Sums:
    """Mean squares of what relations miss, and mean products of that with the columns."""

    def sums(block: Block) -> Sums:
        d = namespace(block.s).sign(block.s)
        block = block.shifted(center)._replace(s=d)
        missed = block.matvec(relations)
        missed = block.apply_weights(missed - asarray_like(rest @ relations, missed))
        gradient = block.rmatvec(missed) - np.outer(rest, block.column_sum(missed))
        return block.column_sum(missed * missed), gradient, float(block.column_sum(d))

    squares, gradient, total = rows.sum(sums, size=relations.size + relations.shape[1])
    return squares / total, gradient / total


def _last_redundant(parts: Array) -> NDArray[np.bool_]:
    """The last columns possible whose parts in the relations are independent of each other."""
    redundant = np.zeros(len(parts), dtype=bool)
    for j in reversed(range(len(parts))):
        size = np.linalg.norm(parts[j])
        if size > INVOLVED:
            redundant[j] = True
            unit = parts[j] / size
            parts = parts - np.outer(parts @ unit, unit)
    return redundant


def _nothing(n_features: int) -> Collinearity:
    """No relation."""
    none, share = np.zeros(n_features, dtype=bool), np.zeros(n_features)
    return Collinearity(np.zeros((n_features, 0)), np.zeros(0), none, share)
