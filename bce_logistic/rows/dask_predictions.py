"""Predictions and accuracy of a fitted model on Dask collections."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

import dask.array
import numpy as np
from dask.utils import is_dataframe_like
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from .dask_collections import (
    aligned_chunks,
    checked_chunk,
    checked_features,
    chunk_weights,
    compute_chunks,
    feature_dtype,
)


def lazy_prediction(model: Any, method: str, X: Any) -> dask.array.Array:
    """Lazy prediction by a method of the model as it is now, with the chunks of the features."""
    check_is_fitted(model)
    X, model = checked_features(model, X, reset=False), _strip_feature_names(model)
    meta = getattr(model, method)(np.zeros((1, X.shape[1]), feature_dtype(X)))[:0]
    table = meta.reshape(0, *(meta.shape[1:] or (1,)))
    predict = partial(_predict_chunk, method=method, model=model, meta=table)
    if is_dataframe_like(X):
        predicted = X.map_partitions(predict, meta=table)
    else:
        chunks = (X.chunks[0], table.shape[1:])
        predicted = X.map_blocks(predict, chunks=chunks, dtype=table.dtype, meta=table)
    return predicted[:, 0] if meta.ndim == 1 else predicted


def accuracy(model: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Weighted share of the samples that a fitted model labels correctly, in one pass."""
    check_is_fitted(model)
    X, model = checked_features(model, X, reset=False), _strip_feature_names(model)
    chunks = aligned_chunks(X, y, sample_weight)
    correct, total = np.sum(compute_chunks(partial(_chunk_accuracy, model), chunks), axis=0)
    return float(correct / total)


def _strip_feature_names(model: Any) -> Any:
    """Copy of a fitted model that accepts arrays and that no later fit changes."""
    model = copy(model)
    vars(model).pop("feature_names_in_", None)
    return model


# Called by the workers. Any chunk may be empty.


def _predict_chunk(X: Any, method: str, model: Any, meta: NDArray) -> NDArray:
    """Prediction for a chunk, in two dimensions."""
    if not X.shape[0]:
        return meta
    return getattr(model, method)(checked_chunk(X)).reshape(-1, meta.shape[1])


def _chunk_accuracy(model: Any, X: Any, y: Any, s: Any) -> tuple[float, float]:
    """Weight of the samples of a chunk that a model labels correctly, and of all."""
    X, y = checked_chunk(X), column_or_1d(y)
    if not len(y) and not X.shape[0]:
        return 0.0, 0.0
    s = chunk_weights(s, len(y))
    # Each twice: of a few labels, scikit-learn warns if most of them occur once.
    y_true, y_pred, weights = (np.repeat(array, 2) for array in (y, model.predict(X), s))
    correct = accuracy_score(y_true, y_pred, normalize=False, sample_weight=weights) / 2
    return float(correct), float(s.sum())
