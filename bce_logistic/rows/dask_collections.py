"""Dask collections: validated without computing them, cut alike, and read chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import dask
import dask.array
import numpy as np
from dask.utils import is_dataframe_like
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ..arrays import Array, is_dask
from ..validation.features import non_finite, non_finite_message
from ..validation.numeric import check_numeric, explain_conversion
from ..validation.weights import check_sample_weight
from .threads import worker_threads


class Chunk(NamedTuple):
    """Lazy features, labels and weights of one chunk; ``s`` may be one number or None."""

    X: Any
    y: Any
    s: Any


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


def feature_dtype(X: Any) -> Any:
    """Type that features are converted to: float32 stays, everything else becomes float64."""
    dtypes = X.dtypes if is_dataframe_like(X) else [X.dtype]
    return np.dtype(np.float32 if all(dtype == np.float32 for dtype in dtypes) else np.float64)


def aligned_chunks(X: Any, y: Any, sample_weight: Any) -> list[Chunk]:
    """Chunks with the same rows of features, labels and weights."""
    features = delayed_chunks(X)
    if sample_weight is None or isinstance(sample_weight, Real):
        weights = [sample_weight] * len(features)
    else:
        weights = delayed_chunks(_aligned(sample_weight, "sample_weight", X))
    labels = delayed_chunks(_aligned(y, "y", X, max_ndim=2))
    return [Chunk(*chunk) for chunk in zip(features, labels, weights, strict=True)]


def _aligned(values: Any, name: str, X: Any, max_ndim: int = 1) -> Any:
    """Labels or weights, cut like the features if all lengths are known, in whole rows."""
    if not is_dask(values):
        raise TypeError(
            f"X is a Dask collection, but {name} is {type(values).__name__}. Convert it, for "
            "example with dask.array.from_array."
        )
    if not 1 <= values.ndim <= max_ndim:
        raise ValueError(f"{name} should be a 1d array, got {values.ndim}D instead.")
    if isinstance(values, dask.array.Array) and values.ndim == 2:
        values = values.rechunk({1: -1})
    lengths, wanted = _chunk_lengths(values), _chunk_lengths(X)
    if lengths and wanted:
        if sum(lengths) != sum(wanted):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[sum(wanted), sum(lengths)]} in X and {name}."
            )
        return values if lengths == wanted else values.rechunk({0: wanted})
    if values.npartitions != X.npartitions:
        raise ValueError(
            f"X has {X.npartitions} chunks and {name} has {values.npartitions}, and they cannot be "
            "cut alike, because their lengths are unknown. Convert both to arrays of known "
            "lengths, with compute_chunk_sizes() or to_dask_array(lengths=True)."
        )
    return values


def _chunk_lengths(collection: Any) -> tuple[int, ...] | None:
    """Numbers of rows of the chunks, if known."""
    if not isinstance(collection, dask.array.Array) or np.isnan(collection.chunks[0]).any():
        return None
    return collection.chunks[0]


def delayed_chunks(collection: Any) -> list[Any]:
    """Chunks of a collection, not yet computed."""
    if not isinstance(collection, dask.array.Array):
        return collection.to_delayed()
    # Optimised one by one, X and y would each repeat the tasks that they share, such as the
    # read of a file.
    return collection.to_delayed(optimize_graph=False).ravel().tolist()


def compute_chunks(work: Callable, arguments: Iterable[tuple]) -> tuple:
    """Compute ``work(*arguments)`` of each chunk on Dask's workers."""
    work = dask.delayed(work)
    return dask.compute(*(dask.delayed(run_task)(work, *chunk) for chunk in arguments))


def check_finite(X: Any, estimator: Any) -> None:
    """Raise scikit-learn's error with the position of the first value not finite, in one pass."""
    first_row = 0
    work = partial(_non_finite_in_chunk, feature_dtype(X), type(estimator).__name__)
    for n_rows, problem in compute_chunks(work, ((chunk,) for chunk in delayed_chunks(X))):
        if problem is not None:
            message, i, j = problem
            raise ValueError(non_finite_message(message, first_row + i, j, estimator))
        first_row += n_rows


# Called by the workers. Any chunk may be empty.


def run_task(work: Callable, *arguments: Any) -> Any:
    """Call a function that Dask sees as data, so that it is sent to each worker once."""
    with worker_threads(1), np.errstate(all="ignore"):
        return work(*arguments)


def checked_chunk(X: Any, dtype: Any = None) -> Any:
    """Features of a chunk as an array or a CSR matrix, in ``dtype``; None: float64 or float32."""
    dtype = [np.float64, np.float32] if dtype is None else dtype
    try:
        return check_array(
            X, accept_sparse="csr", dtype=dtype, ensure_all_finite=False, ensure_min_samples=0
        )
    except (ValueError, TypeError) as error:
        explain_conversion(X, error)
        raise


def chunk_weights(s: Any, n_samples: int) -> Array:
    """Weights of the samples of a chunk."""
    return check_sample_weight(s, n_samples) if n_samples else np.empty(0)


def _non_finite_in_chunk(
    dtype: Any, estimator_name: str, X: Any
) -> tuple[int, tuple[str, int, int] | None]:
    """Number of rows of a chunk, and the first value in it that is not finite."""
    X = checked_chunk(X, dtype)
    return X.shape[0], non_finite(X, estimator_name)
