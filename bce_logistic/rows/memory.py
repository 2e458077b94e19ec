"""Rows in memory, or in a file that is mapped to it: dense or CSR, summed over by threads.

The rows are cut into blocks that fit in a cache; their bounds depend on shapes alone.
"""

from __future__ import annotations

import itertools
import sys
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils.extmath import safe_sparse_dot

from ..arrays import Array
from ..validation.features import compressed
from ..validation.labels import label_chunks
from .base import Block, RowBlocks, Sums, sum_terms
from .label_index import label_counts, label_weights, rows_by_class
from .threads import ParallelMap

# A block is read twice, for the scores and for the gradient: the second time from the cache.
# Smaller ones would fit in it better, but threads would wait for each other more often.
DENSE_BLOCK_BYTES = 4 << 20
# With fewer non-zeros than this, a thread costs more than it saves.
SPARSE_BLOCK_NON_ZEROS = 1 << 18
# And with fewer for each feature, its sum over the features costs more than its products.
BLOCK_NON_ZEROS_PER_FEATURE = 16
# Non-zeros from which the shares of the features are told.
DRAWN_NON_ZEROS = 1 << 16
# What may wait to be added: so many partial sums, so many numbers in them.
MAX_PARTIAL_SUMS = 64
PARTIAL_SUMS_SIZE = 1 << 22


class RowsInMemory(RowBlocks):
    """Rows of one matrix in memory or mapped to it, summed over by threads.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features, float64 or float32; dense ones in C order, sparse ones without repeated entries
        (:func:`bce_logistic.validation.features.canonical`). Never copied.
    y : ndarray of shape (n_samples,)
        Labels as the loss wants them.
    s : ndarray of shape (n_samples,)
        Sample weights, float64.
    run : callable, default=map
        ``run(function, items)`` as the built-in ``map``, perhaps in threads.
    """

    def __init__(self, X: Any, y: NDArray, s: Array, run: ParallelMap = map):
        self.X, self.y, self.s, self.run = X, y, s, run
        self.dtype = X.dtype
        self.n_samples, self.n_features = X.shape
        self.n_stored = int(X.nnz if scipy.sparse.issparse(X) else X.size)
        self.total_weight = float(s.sum())
        self.passes = 0
        self._slices = self._block_slices()
        self._blocks = self._make_blocks(self._slices)

    @cached_property
    def smallest_weight(self) -> float:  # type: ignore[override]
        """Smallest sample weight that is not zero."""
        parts = (self.s[rows] for rows in label_chunks(self.n_samples))
        return float(min(np.min(part, where=part > 0, initial=np.inf) for part in parts))

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; the features are not read."""
        return label_weights(self.y, self.s, n_labels)

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; the features are not read."""
        return label_counts(self.y, n_labels)

    @abstractmethod
    def _block_slices(self) -> list[slice]:
        """Bounds of the blocks, from the shape and the layout of the data alone."""

    @abstractmethod
    def _view(self, rows: slice) -> tuple[Any, Any]:
        """Features of some consecutive rows, and the transpose, without a copy."""

    def blocks(self, size: int) -> list[Block]:
        """The blocks, joined where each would hold fewer numbers than its sum.

        Parameters
        ----------
        size : int
            How many numbers the sum of a block holds, about.

        Returns
        -------
        list of Block
            Never less than two, if there are two.
        """
        n_cuts = len(self._slices)
        n_blocks = max(2, self.n_stored // size)
        if n_blocks >= n_cuts:
            return self._blocks
        ends = [n_cuts * block // n_blocks for block in range(n_blocks + 1)]
        pairs = itertools.pairwise(ends)
        return self._make_blocks(
            [slice(self._slices[i].start, self._slices[j - 1].stop) for i, j in pairs]
        )

    def _make_blocks(self, cuts: list[slice]) -> list[Block]:
        return [Block(*self._view(rows), self.y[rows], self.s[rows], rows.start) for rows in cuts]

    def keep(self, function: Callable[[Block], Any], size: int) -> Callable[[Block], Any]:
        """The same function, its values for all blocks computed once, in one pass."""
        self.passes += 1
        blocks = self.blocks(size)
        with np.errstate(all="ignore"):
            values = self.run(function, blocks)
        kept = {block.start: value for block, value in zip(blocks, values, strict=True)}
        return lambda block: kept[block.start]

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks, a few of them in a thread."""
        self.passes += 1

        def partial_sum(blocks: list[Block]) -> Sums:
            with np.errstate(all="ignore"):
                return sum_terms(map(function, blocks))

        all_blocks = self.blocks(size)
        n_blocks = len(all_blocks)
        if n_blocks == 1:
            return partial_sum(all_blocks)
        n_parts = min(n_blocks, MAX_PARTIAL_SUMS, max(2, PARTIAL_SUMS_SIZE // size))
        ends = [n_blocks * part // n_parts for part in range(n_parts + 1)]
        parts = [all_blocks[i:j] for i, j in itertools.pairwise(ends)]
        return sum_terms(self.run(partial_sum, parts))

    def take_by_class(self, label: NDArray, position: NDArray[np.intp]) -> tuple[Array, Array]:
        """Dense copy of the rows that are the first, second, ... of a label."""
        rows = rows_by_class(self.y, label, position)
        return self._dense(rows), self.s[rows]

    def subset(self, rows: NDArray[np.intp] | slice, scale: Array) -> RowsInMemory:
        """Dense copy of some rows in float64.

        Parameters
        ----------
        rows : ndarray of integers or slice
            Which rows to take, in this order.
        scale : ndarray of shape (n_rows,)
            Factors for their weights: how many rows each stands for.

        Returns
        -------
        RowsInMemory
            The rows.
        """
        return DenseRows(self._dense(rows), self.y[rows], self.s[rows] * scale, self.run)

    def _dense(self, rows: NDArray[np.intp] | slice) -> Array:
        """Features of some rows as a dense array in float64."""
        X = self.X[rows]
        X = X.toarray() if scipy.sparse.issparse(X) else X
        return X.astype(np.float64, order="C", copy=False)


class DenseRows(RowsInMemory):
    """Rows of a dense array, in blocks of equally many bytes."""

    is_dense = True
    max_block_rows = sys.maxsize

    def column_density(self) -> Array:
        """Which share of the stored numbers belongs to each feature."""
        return np.full(self.n_features, 1 / self.n_features)

    def product(self, w: Array) -> Array:
        """``X @ w`` for all rows, in float64; counts as no pass, :meth:`rmatvec` as one."""
        with np.errstate(all="ignore"):
            return np.concatenate(list(self.run(lambda block: block.matvec(w), self._blocks)))

    def rmatvec(self, residual: Array) -> Array:
        """``X.T @ residual`` for all rows, in float64."""
        self.passes += 1

        def term(rows_and_block: tuple[slice, Block]) -> Sums:
            rows, block = rows_and_block
            return (block.rmatvec(residual[rows]),)

        with np.errstate(all="ignore"):
            return sum_terms(self.run(term, zip(self._slices, self._blocks, strict=True)))[0]

    def weighted_gram(self, scale: Array, center: Array) -> Array:
        """``(X - center) @ diag(scale) @ (X - center).T``, in float64, in one pass over columns.

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Weights of the features, not negative.
        center : ndarray of shape (n_features,)
            What to subtract from each row.

        Returns
        -------
        ndarray of shape (n_rows, n_rows)
            The products of the rows.
        """
        self.passes += 1
        root = np.sqrt(scale)
        step = max(self.n_samples, DENSE_BLOCK_BYTES // (8 * self.n_samples))

        def term(start: int) -> Sums:
            columns = slice(start, start + step)
            A = (self.X[:, columns] - center[columns]) * root[columns]
            return (A.dot(A.T),)

        with np.errstate(all="ignore"):
            return sum_terms(self.run(term, range(0, self.n_features, step)))[0]

    def _block_slices(self) -> list[slice]:
        step = DENSE_BLOCK_BYTES // max(1, self.X.itemsize * self.n_features)
        step = min(max(64, step), self.max_block_rows)
        return [
            slice(start, min(start + step, self.n_samples))
            for start in range(0, self.n_samples, step)
        ]

    def _view(self, rows: slice) -> tuple[NDArray, NDArray]:
        return self.X[rows], self.X[rows].T


class SparseRows(RowsInMemory):
    """Rows of a CSR matrix, in blocks of about equally many non-zeros."""

    is_dense = False

    def column_density(self) -> Array:
        """Which share of the stored numbers belongs to each feature, from some of many."""
        indices = self.X.indices
        if self.n_stored > DRAWN_NON_ZEROS:
            rng = np.random.default_rng(0)
            indices = indices[rng.integers(0, self.n_stored, DRAWN_NON_ZEROS)]
        return np.bincount(indices, minlength=self.n_features) / len(indices)

    def _block_slices(self) -> list[slice]:
        non_zeros = self.n_stored
        worthwhile = max(SPARSE_BLOCK_NON_ZEROS, BLOCK_NON_ZEROS_PER_FEATURE * self.n_features)
        n_blocks = min(MAX_PARTIAL_SUMS, max(1, non_zeros // worthwhile))
        inner = np.searchsorted(self.X.indptr, np.linspace(0, non_zeros, n_blocks + 1)[1:-1])
        ends = np.unique([0, *inner.tolist(), self.n_samples]).tolist()
        return [slice(start, stop) for start, stop in itertools.pairwise(ends)]

    def _view(self, rows: slice) -> tuple[Any, Any]:
        first, last = self.X.indptr[rows.start], self.X.indptr[rows.stop]
        arrays = (
            self.X.data[first:last],
            self.X.indices[first:last],
            self.X.indptr[rows.start : rows.stop + 1] - first,
        )
        shape = (rows.stop - rows.start, self.n_features)
        return (
            compressed(scipy.sparse.csr_array, shape, *arrays),
            compressed(scipy.sparse.csc_array, shape[::-1], *arrays),
        )


def row_blocks(X: Any, y: NDArray, s: Array, run: ParallelMap = map) -> RowsInMemory:
    """Row blocks of a dense array or a CSR matrix; parameters as in :class:`RowsInMemory`."""
    rows = SparseRows if scipy.sparse.issparse(X) else DenseRows
    return rows(X, y, s, run)


def product(X: Any, coef: Any) -> NDArray:
    """``X @ coef``, dense; rows less precise than the coefficients are not copied as a whole.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    coef : ndarray or sparse matrix of shape (n_features, n_scores)
        Coefficients.

    Returns
    -------
    ndarray of shape (n_samples, n_scores)
        The products.
    """
    dtype = np.result_type(X.dtype, coef.dtype)
    if scipy.sparse.issparse(X) or X.dtype == dtype:
        return safe_sparse_dot(X, coef, dense_output=True)
    z = np.empty((len(X), coef.shape[1]), dtype)
    for rows in label_chunks(len(X)):
        z[rows] = safe_sparse_dot(X[rows], coef, dense_output=True)
    return z
