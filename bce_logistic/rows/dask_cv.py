"""The samples of a cross-validation in Dask collections.

Labels and weights are copied here, for the splitter and the scores; features stay where they are.
"""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any

import dask
import dask.array
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from ..arrays import Array, is_dask
from ..validation.classes import Classes
from ..validation.labels import encode
from ..validation.weights import check_sample_weight
from .base import RowBlocks
from .cv_data import CVData
from .dask import DaskRows, dask_rows
from .dask_collections import checked_chunk, compute_chunks, delayed_chunks
from .folds import Folds, Indices
from .memory import product
from .training_data import RawData


class CVDataInDask(CVData):
    """Samples in Dask collections."""

    rows: DaskRows

    def __init__(self, estimator: Any, data: RawData) -> None:
        self.data = data
        self.classes, self.rows, _ = dask_rows(estimator, *data)
        self.X = self.rows.X
        self.labels = column_or_1d(np.asarray(data.y.compute()))
        self.y = encode(self.labels, self.classes.labels)
        given = data.sample_weight
        self.s = check_sample_weight(given.compute() if is_dask(given) else given, len(self.y))
        # With the class weights of all rows, also where "balanced" computes them.
        self._weigher = copy(estimator)
        self._weigher.class_weight = dict(
            zip(self.classes.labels.tolist(), self.classes.weights, strict=True)
        )

    def training(self, folds: Folds, f: int, fit_intercept: bool) -> tuple[Classes, RowBlocks]:
        """The classes that a fold learns, and all rows, of which it weighs those it trains on."""
        self.fold_classes(folds, f, fit_intercept)
        s = self.s * folds.counts(folds.splits[f][0])
        chunks = [dask.array.from_array(part, chunks=-1) for part in self._by_chunk(s)]
        weights = dask.array.concatenate(chunks)
        classes, rows, _ = dask_rows(self._weigher, self.data.X, self.data.y, weights)
        return classes, rows

    def scores(self, test: Indices, w: Array, fit_intercept: bool) -> Array:
        """``X @ w`` of some rows, plus the intercepts in the last row of ``w``."""
        chosen = np.zeros(len(self.y), dtype=bool)
        chosen[test] = True
        work = partial(_chunk_scores, w=w, n_features=self.rows.n_features)
        arguments = zip(delayed_chunks(self.X), self._by_chunk(chosen), strict=True)
        z = np.empty((len(self.y), w.shape[1]))
        z[chosen] = np.concatenate(compute_chunks(work, arguments))
        return z[test]

    def _by_chunk(self, values: NDArray) -> list[NDArray]:
        """Values of the rows, cut like the features."""
        return np.split(values, np.cumsum(self.rows.chunk_lengths)[:-1])


# Called by the workers. Any chunk may be empty.


def _chunk_scores(X: Any, chosen: NDArray, w: Array, n_features: int) -> Array:
    """Scores of the chosen rows of a chunk."""
    X = checked_chunk(X)[chosen]
    if not X.shape[0]:
        return np.empty((0, w.shape[1]))
    return product(X, w[:n_features]) + w[n_features:].sum(axis=0)
