"""Rows in Dask collections: the chunks are summed over where they are, and only sums travel.

A pass is one graph: a task for each chunk, which cuts it into blocks as if it were all the data,
and a tree that adds what the tasks found, in the order of the chunks. So a fit is the same to
the last bit wherever its tasks run, and however often they are run again. Coefficients travel to
the workers; back come sums that are as large, and the rows of a subsample.

Every pass asks for the chunks anew. Whoever wants them to stay in the memory of the workers
calls ``persist`` on the collections before the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import dask
import dask.array
import numpy as np
import scipy.sparse
from dask.utils import is_dataframe_like
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arrays import Array, is_dask
from ..validation.classes import Classes
from ..validation.features import non_finite, non_finite_message
from ..validation.labels import check_classes, check_labels, distinct_labels, encode
from ..validation.numeric import check_numeric, explain_conversion
from ..validation.sparse import canonical
from ..validation.weights import check_sample_weight, weigh_classes
from .base import Block, RowBlocks, Sums, sum_terms
from .label_index import label_counts, label_weights
from .memory import PARTIAL_SUMS_SIZE, DenseRows, RowsInMemory, row_blocks
from .threads import worker_threads

# Sums that one task adds, at most.
SPLIT_EVERY = 16


class Chunk(NamedTuple):
    """Features, labels and weights of one chunk, not yet computed; s may be one number."""

    X: Any
    y: Any
    s: Any


class Labels(NamedTuple):
    """The classes in one chunk: how many samples each has, their total and smallest weight."""

    classes: NDArray
    counts: NDArray[np.intp]
    totals: Array
    smallest: Array

    def of(self, classes: NDArray) -> Labels:
        """The same for all classes."""
        counts = np.zeros(len(classes), dtype=np.intp)
        totals, smallest = np.zeros(len(classes)), np.full(len(classes), np.inf)
        if len(self.classes):
            here = np.searchsorted(classes, self.classes)
            counts[here], totals[here], smallest[here] = self[1:]
        return Labels(classes, counts, totals, smallest)


@dataclass(frozen=True)
class ChunkReader:
    """How a worker makes rows of a chunk.

    Parameters
    ----------
    n_features : int
        How many columns a chunk has to have.
    dtype : dtype
        Precision of the features.
    classes : Classes
        All labels, and their weights.
    """

    n_features: int
    dtype: Any
    classes: Classes

    def __call__(self, X: Any, y: Any, s: Any) -> RowsInMemory:
        """Rows of the features, labels and weights of one chunk."""
        X, y = canonical(checked_chunk(X, dtype=self.dtype)), np.asarray(y)
        if X.shape != (len(y), self.n_features):
            raise ValueError(
                f"A chunk of X has the shape {X.shape}, but {(len(y), self.n_features)} is "
                "expected: as many rows as the chunk of y beside it, and all the features. Cut X "
                "and y alike."
            )
        y, s = encode(y, self.classes.labels), weights_of_chunk(s, len(y))
        y, s = self.classes.coded(y, s)
        return row_blocks(X, y, s) if scipy.sparse.issparse(X) else DenseChunk(X, y, s)


class DenseChunk(DenseRows):
    """Dense rows of a chunk, in blocks for which the worker does not ask the system for memory.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_ set. The C library then asks the system
    for every array from 128 KiB on, and gives it back at once: 1,000,000 x 30 rows in float32 took
    three times as long. What a block works with is a float64 a row.
    """

    max_block_rows = 8_000

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum over the blocks, all of them in C order and aligned.

        Then a sum is the same on every worker. Rows that are not, such as some columns of a wider
        array, or what arrives from another worker at an odd address, where a product takes many
        times as long, are copied block by block, always to the same memory.
        """
        n_rows = max((len(block.y) for block in self.blocks(size)), default=0)
        copied = np.empty((n_rows, self.n_features), self.dtype)

        def in_c_order(block: Block) -> Sums:
            X = copied[: len(block.y)]
            np.copyto(X, block.X)
            return function(block._replace(X=X, XT=X.T))

        as_they_are = self.X.flags.c_contiguous and self.X.flags.aligned
        return super().sum(function if as_they_are else in_c_order, size)


class DaskRows(RowBlocks):
    """Rows of Dask collections, summed over by Dask's workers.

    Parameters
    ----------
    X : dask array or DataFrame
        Features.
    chunks : sequence of Chunk
        The same with labels and weights, chunk by chunk.
    labels : sequence of Labels
        What was found in each chunk.
    reader : Reader
        How to make rows of a chunk.
    """

    def __init__(
        self, X: Any, chunks: Sequence[Chunk], labels: Sequence[Labels], reader: ChunkReader
    ) -> None:
        self.X, self.chunks, self.reader = X, chunks, reader
        self.dtype, self.n_features = reader.dtype, reader.n_features
        _, counts, totals, smallest = map(np.stack, zip(*labels, strict=True))
        classes = reader.classes
        self._counts = classes.merged(counts)
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
        # A function that travels to the workers holds the objective, but must not take the data.
        return type(None), ()

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks of all chunks."""
        self.passes += 1
        work = dask.delayed(partial(sum_of_chunk, function, size, self.reader))
        terms = [dask.delayed(call)(work, *chunk) for chunk in self.chunks]
        fan_in = min(SPLIT_EVERY, max(2, PARTIAL_SUMS_SIZE // size))
        while len(terms) > 1:
            groups = [terms[i : i + fan_in] for i in range(0, len(terms), fan_in)]
            terms = [dask.delayed(sum_of_sums)(group) for group in groups]
        (total,) = dask.compute(*terms)
        return total

    def take_by_class(self, label: NDArray, position: NDArray[np.intp]) -> tuple[Array, Array]:
        """Features and weights of the rows that are the first, second, ... of a label."""
        self.passes += 1
        before = np.cumsum(self._counts, axis=0) - self._counts
        chunk_of = np.empty(len(label), dtype=np.intp)
        for k in np.unique(label):
            of_k = label == k
            chunk_of[of_k] = before[:, k].searchsorted(position[of_k], side="right") - 1
        work = dask.delayed(partial(take_from_chunk, self.reader))
        places = [(i, np.flatnonzero(chunk_of == i)) for i in np.unique(chunk_of)]
        drawn = [
            dask.delayed(call)(
                work, label[at], position[at] - before[i, label[at]], *self.chunks[i]
            )
            for i, at in places
        ]
        X, s = np.empty((len(label), self.n_features)), np.empty(len(label))
        for (_, at), part in zip(places, dask.compute(*drawn), strict=True):
            X[at], s[at] = part
        return X, s

    def _check_features(self, estimator: Any) -> None:
        """Raise scikit-learn's error if a feature is NaN or infinite, in one pass."""
        check_features(self.X, estimator)

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; nothing is read."""
        return self._label_weights

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; nothing is read."""
        return self._counts.sum(axis=0)

    def column_density(self) -> Array:
        """Which share of the stored numbers belongs to each feature, in one pass."""
        if self.is_dense:
            return np.full(self.n_features, 1 / self.n_features)
        (counts,) = self.sum(column_counts, size=self.n_features)
        return counts / counts.sum()


def dask_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[Classes, DaskRows, Array]:
    """Classes and rows of Dask collections, after one pass over labels and weights.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Whose class weights are used, and which learns the number and names of the features.
    X : dask array or DataFrame of shape (n_samples, n_features)
        Features.
    y : dask array or Series of shape (n_samples,)
        Labels.
    sample_weight : dask array or Series of shape (n_samples,), number or None
        Sample weights.

    Returns
    -------
    classes : Classes
        The labels, and their weights.
    rows : DaskRows
        The rows.
    class_totals : ndarray of shape (n_classes,)
        Total sample weight of each class.

    Raises
    ------
    ValueError
        As for data in memory, or if the chunks of the collections cannot be matched.
    """
    X = checked_features(estimator, X, y=y, reset=True)
    chunks = aligned_chunks(X, y, sample_weight)
    look = dask.delayed(partial(labels_of_chunk, name=type(estimator).__name__))
    found = dask.compute(*(dask.delayed(call)(look, chunk.y, chunk.s) for chunk in chunks))
    seen = [labels.classes for labels in found if len(labels.classes)]
    if not seen:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0, {X.shape[1]})) while a minimum of 1 is "
            f"required by {type(estimator).__name__}."
        )
    known = check_classes(np.unique(np.concatenate(seen)))
    labels = [part.of(known) for part in found]
    totals = np.sum([part.totals for part in labels], axis=0)
    classes = weigh_classes(estimator, known, totals)
    reader = ChunkReader(X.shape[1], precision(X), classes)
    return classes, DaskRows(X, chunks, labels, reader), totals


def lazy_prediction(model: Any, method: str, X: Any) -> dask.array.Array:
    """What a method of a fitted model predicts, as a lazy array with the chunks of the data.

    Parameters
    ----------
    model : GDLogisticRegression
        The model; the prediction is that of the model as it is now.
    method : str
        Name of the method.
    X : dask array or DataFrame of shape (n_samples, n_features)
        Features.

    Returns
    -------
    dask array
        The predictions.
    """
    check_is_fitted(model)
    X, model = checked_features(model, X, reset=False), strip_feature_names(model)
    meta = getattr(model, method)(np.zeros((1, X.shape[1]), precision(X)))[:0]
    table = meta.reshape(0, *(meta.shape[1:] or (1,)))
    predict = partial(prediction_of_chunk, method=method, model=model, meta=table)
    if is_dataframe_like(X):
        predicted = X.map_partitions(predict, meta=table)
    else:
        chunks = (X.chunks[0], table.shape[1:])
        predicted = X.map_blocks(predict, chunks=chunks, dtype=table.dtype, meta=table)
    return predicted[:, 0] if meta.ndim == 1 else predicted


def accuracy(model: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Share of the samples, by weight, that a fitted model labels rightly, in one pass."""
    check_is_fitted(model)
    X, model = checked_features(model, X, reset=False), strip_feature_names(model)
    work = dask.delayed(partial(chunk_accuracy, model))
    hits = [dask.delayed(call)(work, *chunk) for chunk in aligned_chunks(X, y, sample_weight)]
    right, all_weights = np.sum(dask.compute(*hits), axis=0)
    return float(right / all_weights)


def check_features(X: Any, estimator: Any) -> None:
    """Raise an error that says where the first feature is that is not finite, in one pass."""
    start = 0
    look = dask.delayed(partial(not_finite_in_chunk, precision(X), type(estimator).__name__))
    for n_rows, found in dask.compute(*(dask.delayed(call)(look, part) for part in parts(X))):
        if found is not None:
            words, i, j = found
            raise ValueError(non_finite_message(words, start + i, j, estimator))
        start += n_rows


# Collections.


def checked_features(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
    """Features in one column of chunks; the estimator checks or learns their number and names."""
    frame = is_dataframe_like(X)
    if not frame and not isinstance(X, dask.array.Array):
        raise TypeError(f"X must be a Dask array or DataFrame; got {type(X).__name__}.")
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got {X.ndim}D array instead.")
    if X.shape[1] == 0 or np.isnan(X.shape[1]):
        raise ValueError(
            f"X has {X.shape[1]} feature(s); at least 1 is required, and a known number of them."
        )
    check_numeric(X._meta, "X")
    validate_data(estimator, X._meta if frame else X, y, reset=reset, skip_check_array=True)
    return X if frame or X.numblocks[1] == 1 else X.rechunk({1: -1})


def precision(X: Any) -> Any:
    """Type that features are converted to: float32 stays, everything else becomes float64."""
    dtypes = X.dtypes if is_dataframe_like(X) else [X.dtype]
    return np.dtype(np.float32 if all(dtype == np.float32 for dtype in dtypes) else np.float64)


def aligned_chunks(X: Any, y: Any, sample_weight: Any) -> list[Chunk]:
    """Chunks with the same rows of features, labels and weights; weights may be one number."""
    features = parts(X)
    if sample_weight is None or isinstance(sample_weight, Real):
        weights = [sample_weight] * len(features)
    else:
        weights = parts(aligned(sample_weight, "sample_weight", X))
    labels = parts(aligned(y, "y", X))
    return [Chunk(*chunk) for chunk in zip(features, labels, weights, strict=True)]


def aligned(values: Any, name: str, X: Any) -> Any:
    """Labels or weights, cut like the features if all lengths are known."""
    if not is_dask(values):
        raise TypeError(
            f"X is a Dask collection, and {name} is not but {type(values).__name__}. Make one of "
            "it, for example with dask.array.from_array."
        )
    if values.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got {values.ndim}D instead.")
    lengths, wanted = chunk_lengths(values), chunk_lengths(X)
    if lengths and wanted:
        if sum(lengths) != sum(wanted):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[sum(wanted), sum(lengths)]} in X and {name}."
            )
        return values if lengths == wanted else values.rechunk((wanted,))
    if values.npartitions != X.npartitions:
        raise ValueError(
            f"X has {X.npartitions} chunks and {name} {values.npartitions}, and their lengths are "
            "not known, so that they cannot be cut alike. Make arrays of known lengths of both, "
            "with compute_chunk_sizes() or to_dask_array(lengths=True)."
        )
    return values


def chunk_lengths(collection: Any) -> tuple[int, ...] | None:
    """Numbers of rows in the chunks, if they are known."""
    if not isinstance(collection, dask.array.Array) or np.isnan(collection.chunks[0]).any():
        return None
    return collection.chunks[0]


def parts(collection: Any) -> list[Any]:
    """Chunks of a collection, not yet computed."""
    if not isinstance(collection, dask.array.Array):
        return collection.to_delayed()
    # What X and y have in common, say a file that is read, stays one task: optimised one by one,
    # each would do it again.
    return collection.to_delayed(optimize_graph=False).ravel().tolist()


def strip_feature_names(model: Any) -> Any:
    """Copy of a fitted model, for chunks that are bare arrays, that no later fit changes."""
    model = copy(model)
    vars(model).pop("feature_names_in_", None)
    return model


# What workers do with a chunk. Any chunk may be empty.


def call(work: Callable, *arguments: Any) -> Any:
    """Call a function that is data to Dask, so that it travels once to a worker."""
    with worker_threads(1), np.errstate(all="ignore"):
        return work(*arguments)


def not_finite_in_chunk(
    dtype: Any, estimator_name: str, X: Any
) -> tuple[int, tuple[str, int, int] | None]:
    """Rows of a chunk, and the first feature in it that is not finite."""
    X = checked_chunk(X, dtype=dtype)
    return X.shape[0], non_finite(X, estimator_name)


def checked_chunk(X: Any, **how: Any) -> Any:
    """Features of a chunk as an array or a CSR matrix."""
    how = {"dtype": [np.float64, np.float32], "ensure_all_finite": False, **how}
    try:
        return check_array(X, accept_sparse="csr", ensure_min_samples=0, **how)
    except (ValueError, TypeError) as error:
        explain_conversion(X, error)
        raise


def weights_of_chunk(s: Any, n_samples: int) -> Array:
    """Weights of the samples of a chunk."""
    return check_sample_weight(s, n_samples) if n_samples else np.empty(0)


def labels_of_chunk(y: Any, s: Any, name: str) -> Labels:
    """Classes of a chunk, with their numbers of samples and weights."""
    y = column_or_1d(y)
    check_labels(y, "A chunk of y")
    assert_all_finite(y, estimator_name=name, input_name="y")
    s = weights_of_chunk(s, len(y))
    classes = distinct_labels(y)
    n_labels, y = len(classes), encode(y, classes)
    smallest = [np.min(s, where=(y == k) & (s > 0), initial=np.inf) for k in range(n_labels)]
    return Labels(
        classes, label_counts(y, n_labels), label_weights(y, s, n_labels), np.array(smallest)
    )


def sum_of_chunk(
    function: Callable[[Block], Sums], size: int, reader: ChunkReader, X: Any, y: Any, s: Any
) -> Sums:
    """Sum over the blocks of a chunk; nothing for a chunk without rows."""
    rows = reader(X, y, s)
    return rows.sum(function, size) if rows.n_samples else ()


def take_from_chunk(
    reader: ChunkReader, label: NDArray, position: NDArray[np.intp], X: Any, y: Any, s: Any
) -> tuple[Array, Array]:
    """Features and weights of the rows that are the first, second, ... of a label in a chunk."""
    return reader(X, y, s).take_by_class(label, position)


def sum_of_sums(terms: list[Sums]) -> Sums:
    """Sum over chunks."""
    terms = [term for term in terms if term]
    with np.errstate(all="ignore"):
        return sum_terms(terms) if terms else ()


def column_counts(block: Block) -> Sums:
    """How many numbers of each feature a sparse block stores."""
    return (np.bincount(block.X.indices, minlength=block.X.shape[1]),)


def density(X: Any) -> tuple[bool, int]:
    """Whether a chunk is dense, and how many numbers it stores."""
    X = checked_chunk(X)
    return (False, X.nnz) if scipy.sparse.issparse(X) else (True, X.size)


def prediction_of_chunk(X: Any, method: str, model: Any, meta: NDArray) -> NDArray:
    """What a method of a model predicts for a chunk, in two dimensions."""
    if not X.shape[0]:
        return meta
    return getattr(model, method)(checked_chunk(X)).reshape(-1, meta.shape[1])


def chunk_accuracy(model: Any, X: Any, y: Any, s: Any) -> tuple[float, float]:
    """Weight of the samples that a model labels rightly, and of all."""
    X, y = checked_chunk(X), column_or_1d(y)
    if not len(y) and not X.shape[0]:
        return 0.0, 0.0
    s = weights_of_chunk(s, len(y))
    # Each twice: of a few labels, scikit-learn warns if most of them are there once.
    twice = [np.repeat(array, 2) for array in (y, model.predict(X), s)]
    right = accuracy_score(*twice[:2], normalize=False, sample_weight=twice[2]) / 2
    return float(right), float(s.sum())
