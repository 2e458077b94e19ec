"""Dense or CSR rows in memory or in a mapped file, summed over by threads.

The rows are cut into blocks that fit in a cache; their bounds depend on shapes alone.
"""

from __future__ import annotations

import itertools
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils import gen_even_slices
from sklearn.utils.extmath import safe_sparse_dot

from ..arrays import Array
from ..validation.labels import batches, label_batches
from ..validation.sparse import compressed
from .base import Block, RowBlocks, Sums, sum_terms
from .label_index import label_counts, label_weights, rows_by_class, smallest_weight
from .threads import ParallelMap

# A block is read twice, for the scores and for the gradient: the second time from the cache.
# Smaller ones would fit in it better, but threads would wait for each other more often.
DENSE_BLOCK_BYTES = 4 << 20
# With fewer non-zeros than this, a thread costs more than it saves.
SPARSE_BLOCK_NON_ZEROS = 1 << 18
# Non-zeros per feature below which adding a block's sum costs more than computing it.
BLOCK_NON_ZEROS_PER_FEATURE = 16
# Non-zeros drawn to estimate each feature's share of them.
DRAWN_NON_ZEROS = 1 << 16
# Share of numbers that are not zero above which a copy of sparse columns is dense.
MIN_DENSITY = 0.1
# Most partial sums that wait to be added, and most numbers in them.
MAX_PARTIAL_SUMS = 64
PARTIAL_SUMS_SIZE = 1 << 22


class View(NamedTuple):
    """Features of consecutive rows and their transpose, sharing the memory of all rows."""

    rows: slice
    X: Any
    XT: Any


class RowsInMemory(RowBlocks):
    """Rows of one matrix, stored as views that know nothing of labels and weights.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features, float64 or float32; dense ones in C order, sparse ones without
        repeated entries (:func:`bce_logistic.validation.sparse.without_repeats`). Never copied.
    y : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Labels or probabilities as the loss expects them.
    s : ndarray of shape (n_samples,)
        Sample weights, float64.
    run : callable, default=map
        ``run(function, items)`` as the built-in ``map``, perhaps in threads.
    """

    def __init__(self, X: Any, y: NDArray, s: Array, run: ParallelMap = map):
        self.X, self.run = X, run
        self.dtype = X.dtype
        self.n_samples, self.n_features = X.shape
        self.n_stored = int(X.nnz if scipy.sparse.issparse(X) else X.size)
        self._views = [self._view(rows) for rows in self._block_slices()]
        self._set_labels_and_weights(y, s)

    def reweighted(self, s: Array, y: NDArray | None = None) -> Self:
        """The same rows with weights ``s`` and, if given, labels ``y``: the features are shared."""
        rows = copy(self)
        rows._set_labels_and_weights(self.y if y is None else y, s)
        return rows

    def in_single_precision(self) -> RowsInMemory:
        """A copy of the rows in float32; FloatingPointError if a feature overflows."""
        with np.errstate(over="raise"):
            X = self.X.astype(np.float32)
        return row_blocks(X, self.y, self.s, self.run)

    def with_cells(self, cells: NDArray[np.intp]) -> Self:
        """The same rows, which know their cells in the folds of a cross-validation."""
        rows = copy(self)
        rows.cells = cells
        rows._set_labels_and_weights(self.y, self.s)
        return rows

    def _set_labels_and_weights(self, y: NDArray, s: Array) -> None:
        self.y, self.s = y, s
        self.total_weight = float(s.sum())
        self.passes = 0
        vars(self).pop("smallest_weight", None)
        self._blocks = self._make_blocks(self._views)

    def _make_blocks(self, views: Iterable[View]) -> list[Block]:
        return [
            Block(
                X,
                XT,
                self.y[rows],
                self.s[rows],
                rows.start,
                None if self.cells is None else self.cells[rows],
            )
            for rows, X, XT in views
        ]

    @cached_property
    def smallest_weight(self) -> float:  # type: ignore[override]
        """Smallest weight that is not zero, of a sample or its part of a class."""
        return smallest_weight(self.y, self.s)

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ..."""
        return label_weights(self.y, self.s, n_labels)

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """Number of rows of each label 0, 1, ..."""
        return label_counts(self.y, n_labels)

    @abstractmethod
    def _block_slices(self) -> Iterable[slice]:
        """Bounds of the blocks, from the shape and the layout of the data alone."""

    @abstractmethod
    def _view(self, rows: slice) -> View:
        """Consecutive rows, without a copy of the features."""

    def blocks(self, size: int) -> list[Block]:
        """Blocks for sums of ``size`` numbers, joined where they would be smaller than their sums.

        There are never fewer than two if the rows are cut at all.
        """
        n_blocks = max(2, self.n_stored // size)
        if n_blocks >= len(self._views):
            return self._blocks
        groups = _even_groups(self._views, n_blocks)
        joined = (slice(group[0].rows.start, group[-1].rows.stop) for group in groups)
        return self._make_blocks(map(self._view, joined))

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

        def partial_sum(blocks: Iterable[Block]) -> Sums:
            with np.errstate(all="ignore"):
                return sum_terms(map(function, blocks))

        blocks = self.blocks(size)
        if len(blocks) == 1:
            return partial_sum(blocks)
        n_groups = min(MAX_PARTIAL_SUMS, max(2, PARTIAL_SUMS_SIZE // size))
        return sum_terms(self.run(partial_sum, _even_groups(blocks, n_groups)))

    def take_by_class(
        self, label: NDArray, position: NDArray[np.intp]
    ) -> tuple[Array, NDArray, Array]:
        """Features, labels and weights of rows by label and position; see :class:`RowBlocks`."""
        return self.take(rows_by_class(self.y, label, position))

    def take(self, rows: NDArray[np.intp]) -> tuple[Array, NDArray, Array]:
        """Dense float64 features, labels and weights of some rows."""
        return self._dense(rows), self.y[rows], self.s[rows]

    def columns(self, columns: NDArray[np.intp], centred: bool) -> tuple[RowsInMemory, Array]:
        """A copy of some columns, and what was subtracted from them; counts as a pass.

        Columns that hold many numbers of sparse rows become dense. Dense ones are ``centred``, if
        that is asked for: about, their means are subtracted.
        """
        self.passes += 1
        X = self.X[:, columns] if scipy.sparse.issparse(self.X) else self.X.take(columns, axis=1)
        center = np.zeros(len(columns), dtype=X.dtype)
        if scipy.sparse.issparse(X):
            if X.nnz > MIN_DENSITY * X.shape[0] * X.shape[1]:
                X = X.toarray()
        elif centred:
            center = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
            X -= center
        return row_blocks(X, self.y, self.s, self.run), center.astype(np.float64)

    def subset(self, rows: NDArray[np.intp] | slice, scale: Array) -> DenseRows:
        """Dense float64 copy of some rows, their weights times ``scale``, of shape (n_rows,)."""
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

    def product(self, w: Array) -> Array:
        """``X @ w`` in float64; counts as no pass, :meth:`rmatvec` as one."""
        with np.errstate(all="ignore"):
            return np.concatenate(list(self.run(lambda block: block.matvec(w), self.blocks(1))))

    def rmatvec(self, residual: Array) -> Array:
        """``X.T @ residual`` in float64."""
        self.passes += 1

        def term(block: Block) -> Sums:
            return (block.rmatvec(residual[block.start : block.start + len(block.y)]),)

        with np.errstate(all="ignore"):
            return sum_terms(self.run(term, self.blocks(1)))[0]

    def weighted_gram(self, scale: Array, center: Array) -> Array:
        """``(X - center) @ diag(scale) @ (X - center).T`` in float64, in one pass over columns.

        ``scale``, not negative, and ``center`` have the shape (n_features,).
        """
        self.passes += 1
        root = np.sqrt(scale)
        step = max(self.n_samples, DENSE_BLOCK_BYTES // (8 * self.n_samples))

        def term(columns: slice) -> Sums:
            A = (self.X[:, columns] - center[columns]) * root[columns]
            return (A.dot(A.T),)

        with np.errstate(all="ignore"):
            return sum_terms(self.run(term, batches(self.n_features, step)))[0]

    def _block_slices(self) -> Iterable[slice]:
        step = DENSE_BLOCK_BYTES // max(1, self.X.itemsize * self.n_features)
        return batches(self.n_samples, min(max(64, step), self.max_block_rows))

    def _view(self, rows: slice) -> View:
        X = self.X[rows]
        return View(rows, X, X.T)


class SparseRows(RowsInMemory):
    """Rows of a CSR matrix, in blocks of about equally many non-zeros."""

    is_dense = False

    def column_density(self) -> Array:
        """Share of the stored numbers that belongs to each feature, estimated from a sample."""
        indices = self.X.indices
        if self.n_stored > DRAWN_NON_ZEROS:
            rng = np.random.default_rng(0)
            indices = indices[rng.integers(0, self.n_stored, DRAWN_NON_ZEROS)]
        return np.bincount(indices, minlength=self.n_features) / len(indices)

    def _block_slices(self) -> Iterable[slice]:
        worthwhile = max(SPARSE_BLOCK_NON_ZEROS, BLOCK_NON_ZEROS_PER_FEATURE * self.n_features)
        n_blocks = min(MAX_PARTIAL_SUMS, max(1, self.n_stored // worthwhile))
        inner = np.searchsorted(self.X.indptr, np.linspace(0, self.n_stored, n_blocks + 1)[1:-1])
        ends = np.unique([0, *inner.tolist(), self.n_samples]).tolist()
        return [slice(start, stop) for start, stop in itertools.pairwise(ends)]

    def _view(self, rows: slice) -> View:
        first, last = self.X.indptr[rows.start], self.X.indptr[rows.stop]
        arrays = (
            self.X.data[first:last],
            self.X.indices[first:last],
            self.X.indptr[rows.start : rows.stop + 1] - first,
        )
        shape = (rows.stop - rows.start, self.n_features)
        return View(
            rows,
            compressed(scipy.sparse.csr_array, shape, *arrays),
            compressed(scipy.sparse.csc_array, shape[::-1], *arrays),
        )


def row_blocks(X: Any, y: NDArray, s: Array, run: ParallelMap = map) -> RowsInMemory:
    """Rows of a dense array or a CSR matrix; parameters as in :class:`RowsInMemory`."""
    rows = SparseRows if scipy.sparse.issparse(X) else DenseRows
    return rows(X, y, s, run)


def is_mapped(X: Any) -> bool:
    """Whether an array is a view of a mapped file."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def product(X: Any, coef: Any) -> NDArray:
    """``X @ coef``, dense; float32 features of float64 coefficients are converted in batches.

    ``X`` is dense or CSR, (n_samples, n_features); ``coef`` dense or sparse,
    (n_features, n_scores).
    """
    dtype = np.result_type(X.dtype, coef.dtype)
    if scipy.sparse.issparse(X) or X.dtype == dtype:
        return safe_sparse_dot(X, coef, dense_output=True)
    z = np.empty((len(X), coef.shape[1]), dtype)
    for rows in label_batches(len(X)):
        z[rows] = safe_sparse_dot(X[rows], coef, dense_output=True)
    return z


def _even_groups(items: Sequence, n_groups: int) -> list[Sequence]:
    """Consecutive items in at most ``n_groups`` groups of nearly equal length."""
    if len(items) <= n_groups:
        return [[item] for item in items]
    return [items[group] for group in gen_even_slices(len(items), n_groups)]
