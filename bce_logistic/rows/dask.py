"""Rows in Dask collections: the chunks are summed over where they are, and only sums travel.

A pass is one graph: a task for each chunk, which cuts it into blocks as if it were all the data,
and a tree that adds the results in the order of the chunks. So a fit is the same to the last bit
wherever its tasks run, and however often they are run again. Coefficients travel to the workers;
back come sums of the same size, and the rows of a subsample.

Every pass computes the chunks again. To keep them in the memory of the workers, call ``persist``
on the collections before the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import dask
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array
from ..validation.classes import Classes
from ..validation.labels import check_classes, encode
from ..validation.probabilities import ClassColumns
from ..validation.sparse import without_repeats
from ..validation.weights import weigh_classes
from .base import Block, RowBlocks, Sums, sum_terms
from .dask_collections import (
    Chunk,
    aligned_chunks,
    check_finite,
    checked_chunk,
    checked_features,
    chunk_weights,
    compute_chunks,
    feature_dtype,
    run_task,
)
from .dask_labels import CHUNK, ChunkLabels, inspect_labels
from .label_index import most_probable, rows_by_class
from .memory import PARTIAL_SUMS_SIZE, DenseRows, RowsInMemory, row_blocks

# Most sums that one task adds.
SPLIT_EVERY = 16


@dataclass(frozen=True)
class ChunkReader:
    """Makes rows of a chunk with ``n_features`` columns of a dtype, weighted by class.

    ``columns`` are those of probabilities of the classes; None: ``y`` holds labels.
    """

    n_features: int
    dtype: Any
    classes: Classes
    columns: ClassColumns | None = None

    def __call__(self, X: Any, y: Any, s: Any) -> RowsInMemory:
        """Rows of the features, labels and weights of one chunk."""
        X = without_repeats(checked_chunk(X, self.dtype))
        if X.shape != (len(y), self.n_features):
            raise ValueError(
                f"A chunk of X has the shape {X.shape}, but {(len(y), self.n_features)} is "
                "expected: as many rows as the chunk of y beside it, and all the features. Cut X "
                "and y alike."
            )
        y, s = self.classes.coded(self.encoded(y), chunk_weights(s, len(y)))
        return row_blocks(X, y, s) if scipy.sparse.issparse(X) else DenseChunk(X, y, s)

    def encoded(self, y: Any) -> NDArray:
        """Encoded labels of a chunk, or its probabilities, before the class weights."""
        if self.columns is None:
            return encode(np.asarray(y), self.classes.labels)
        return self.columns.soft_labels(np.asarray(y), CHUNK).probabilities


class DenseChunk(DenseRows):
    """Dense rows of a chunk, in blocks for which the worker does not ask the system for memory.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_ set, with which the C library requests
    every array of 128 KiB or more from the system and returns it at once: a pass over 1,000,000 x
    30 rows in float32 took three times as long. The temporaries of a block are a float64 a row.
    """

    max_block_rows = 8_000

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum over the blocks, each copied to the same memory unless X is aligned and in C order.

        So a sum is the same on every worker. Otherwise it would depend on the address that a chunk
        arrives at, and products of unaligned arrays are many times slower.
        """
        if self.X.flags.c_contiguous and self.X.flags.aligned:
            return super().sum(function, size)
        n_rows = max((len(block.y) for block in self.blocks(size)), default=0)
        copied = np.empty((n_rows, self.n_features), self.dtype)

        def in_c_order(block: Block) -> Sums:
            X = copied[: len(block.y)]
            np.copyto(X, block.X)
            return function(block._replace(X=X, XT=X.T))

        return super().sum(in_c_order, size)


class DaskRows(RowBlocks):
    """Rows of Dask collections, summed over by Dask's workers.

    Parameters
    ----------
    X : dask array or DataFrame
        Features.
    chunks : sequence of Chunk
        The same with labels and weights, chunk by chunk.
    labels : sequence of ChunkLabels
        The labels of each chunk.
    reader : ChunkReader
        Makes rows of a chunk.

    Attributes
    ----------
    chunk_lengths : ndarray of int of shape (n_chunks,)
        Number of rows of each chunk.
    """

    def __init__(
        self, X: Any, chunks: Sequence[Chunk], labels: Sequence[ChunkLabels], reader: ChunkReader
    ) -> None:
        self.X, self._reader = X, reader
        self._chunks: Sequence[tuple] = chunks
        self.dtype, self.n_features = reader.dtype, reader.n_features
        _, counts, totals, smallest = map(np.stack, zip(*labels, strict=True))
        classes = reader.classes
        self._counts = classes.merged(counts)
        self.chunk_lengths: NDArray[np.intp] = counts.sum(axis=1)
        self._label_weights = classes.merged(totals.sum(axis=0) * classes.weights)
        self.n_samples = int(counts.sum())
        self.total_weight = float(self._label_weights.sum())
        self.smallest_weight = float(
            (smallest.min(axis=0) * classes.weights)[classes.weighted].min()
        )
        self.passes = 1  # over the labels
        first = int(counts.any(axis=1).argmax())
        ((self.is_dense, size),) = dask.compute(dask.delayed(density)(chunks[first].X))
        self.n_stored = int(size / counts[first].sum() * self.n_samples)

    def __reduce__(self) -> tuple:
        # A function sent to the workers refers to the objective, but must not take the data along.
        return type(None), ()

    def with_cells(self, cells: NDArray[np.intp]) -> Self:
        """The same rows, which know their cells: these stay with the workers, chunk by chunk."""
        rows = object.__new__(type(self))
        vars(rows).update(vars(self), cells=cells)
        pieces = dask.persist(*map(dask.delayed, self.split(cells)))
        rows._chunks = [
            (*chunk[:3], piece) for chunk, piece in zip(self._chunks, pieces, strict=True)
        ]
        return rows

    def split(self, values: NDArray) -> list[NDArray]:
        """Values of all rows, cut like the features."""
        return np.split(values, np.cumsum(self.chunk_lengths)[:-1])

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks of all chunks."""
        self.passes += 1
        work = dask.delayed(partial(sum_chunk, function, size, self._reader))
        terms = [dask.delayed(run_task)(work, *chunk) for chunk in self._chunks]
        split_every = min(SPLIT_EVERY, max(2, PARTIAL_SUMS_SIZE // size))
        while len(terms) > 1:
            groups = [terms[i : i + split_every] for i in range(0, len(terms), split_every)]
            terms = [dask.delayed(sum_chunk_sums)(group) for group in groups]
        (total,) = dask.compute(*terms)
        return total

    def take_by_class(
        self, label: NDArray, position: NDArray[np.intp]
    ) -> tuple[Array, NDArray, Array]:
        """Features, labels and weights of rows by label and position; see :class:`RowBlocks`."""
        self.passes += 1
        before = np.cumsum(self._counts, axis=0) - self._counts
        chunk_of = np.empty(len(label), dtype=np.intp)
        for k in np.unique(label):
            of_k = label == k
            chunk_of[of_k] = before[:, k].searchsorted(position[of_k], side="right") - 1
        wanted = [(i, np.flatnonzero(chunk_of == i)) for i in np.unique(chunk_of)]
        arguments = (
            (label[at], position[at] - before[i, label[at]], *self._chunks[i]) for i, at in wanted
        )
        taken = compute_chunks(partial(take_from_chunk, self._reader), arguments)
        back = np.argsort(np.concatenate([at for _, at in wanted]))
        X, y, s = (np.concatenate(parts)[back] for parts in zip(*taken, strict=True))
        return X, y, s

    def _check_features(self, estimator: Any) -> None:
        """Raise scikit-learn's error if a feature is NaN or infinite, in one pass."""
        check_finite(self.X, estimator)

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ..., known from the start."""
        return self._label_weights

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """Number of rows of each label 0, 1, ..., known from the start."""
        return self._counts.sum(axis=0)

    def column_density(self) -> Array:
        """Share of the stored numbers that belongs to each feature, in one pass if sparse."""
        if self.is_dense:
            return super().column_density()
        (counts,) = self.sum(column_counts, size=self.n_features)
        return counts / counts.sum()


def dask_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[Classes, DaskRows, Array]:
    """Classes, rows and total sample weight of each class, after one pass over labels and weights.

    ``X`` is an array or DataFrame; ``y`` an array or Series, of probabilities also a DataFrame;
    ``sample_weight`` an array or Series, a number or None. The estimator, whose class weights
    count, learns the number and names of the features. Errors are those of data in memory, or say
    that the chunks cannot be matched.
    """
    X = checked_features(estimator, X, y=y, reset=True)
    columns = ClassColumns.of(y)
    chunks = aligned_chunks(X, y, sample_weight)
    work = partial(inspect_labels, columns=columns, name=type(estimator).__name__)
    found = compute_chunks(work, (chunk[1:] for chunk in chunks))
    seen = [labels.classes for labels in found if labels.counts.any()]
    if not seen:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0, {X.shape[1]})) while a minimum of 1 is "
            f"required by {type(estimator).__name__}."
        )
    known = seen[0] if columns else check_classes(np.unique(np.concatenate(seen)))
    labels = [chunk.aligned_to(known) for chunk in found]
    totals = np.sum([chunk.totals for chunk in labels], axis=0)
    classes = weigh_classes(estimator, known, totals)
    reader = ChunkReader(X.shape[1], feature_dtype(X), classes, columns)
    return classes, DaskRows(X, chunks, labels, reader), totals


# Called by the workers. Any chunk may be empty.


def sum_chunk(
    function: Callable[[Block], Sums],
    size: int,
    reader: ChunkReader,
    X: Any,
    y: Any,
    s: Any,
    cells: NDArray[np.intp] | None = None,
) -> Sums:
    """Sum over the blocks of a chunk; the empty tuple for a chunk without rows."""
    rows = reader(X, y, s)
    rows = rows if cells is None else rows.with_cells(cells)
    return rows.sum(function, size) if rows.n_samples else ()


def sum_chunk_sums(terms: list[Sums]) -> Sums:
    """Sum over chunks."""
    terms = [term for term in terms if term]
    with np.errstate(all="ignore"):
        return sum_terms(terms) if terms else ()


def take_from_chunk(
    reader: ChunkReader,
    label: NDArray,
    position: NDArray[np.intp],
    X: Any,
    y: Any,
    s: Any,
    cells: NDArray[np.intp] | None = None,
) -> tuple[Array, NDArray, Array]:
    """Features, labels and weights of rows of a chunk given by label and position.

    As in :func:`inspect_labels`, class weights do not change which label is most probable.
    """
    of_row = reader.classes.positions[most_probable(reader.encoded(y))]
    return reader(X, y, s).take(rows_by_class(of_row, label, position))


def column_counts(block: Block) -> Sums:
    """Number of stored numbers of each feature."""
    return (block.counts(),)


def density(X: Any) -> tuple[bool, int]:
    """Whether a chunk is dense, and how many numbers it stores."""
    X = checked_chunk(X)
    return (False, X.nnz) if scipy.sparse.issparse(X) else (True, X.size)
