"""The samples of a cross-validation in Dask collections.

Labels and weights are copied here, for the splitter and the scores; features stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
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
from .cv_data import CVData, ScoreOfRows, model_scores
from .dask import DaskRows, dask_rows
from .dask_collections import checked_chunk, compute_chunks, delayed_chunks
from .folds import Folds, Indices
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
        chunks = [dask.array.from_array(part, chunks=-1) for part in self.rows.split(s)]
        weights = dask.array.concatenate(chunks)
        classes, rows, _ = dask_rows(self._weigher, self.data.X, self.data.y, weights)
        return classes, rows

    def held_out(self, folds: Folds, w: Array, fit_intercept: bool) -> list[Array]:
        """Scores of the held-out rows of each fold by its models, in one pass for all folds."""
        work = partial(_held_out_of_chunk, w=w, fit_intercept=fit_intercept)
        return [np.concatenate(parts) for parts in zip(*self._compute(work, folds), strict=True)]

    def mean_scores(
        self, folds: Folds, w: Array, fit_intercept: bool, of_rows: ScoreOfRows, s: Array
    ) -> Array:
        """Mean over the held-out rows of each fold, in one pass; only the sums travel."""
        work = partial(_sums_of_chunk, w=w, fit_intercept=fit_intercept, of_rows=of_rows)
        totals = np.sum(self._compute(work, folds, self.y, s), axis=0)
        return totals[:, :-1] / totals[:, -1:]

    def _compute(self, work: Callable, folds: Folds, *values: NDArray) -> tuple:
        """Compute a function of each chunk, the held-out rows of each fold there, and values."""
        ends = np.cumsum(self.rows.chunk_lengths)
        cuts = [np.split(test, np.searchsorted(test, ends[:-1])) for _, test in folds.splits]
        starts = ends - self.rows.chunk_lengths
        here = (
            [rows - start for rows in tests]
            for start, *tests in zip(starts.tolist(), *cuts, strict=True)
        )
        pieces = [self.rows.split(value) for value in values]
        return compute_chunks(work, zip(delayed_chunks(self.X), here, *pieces, strict=True))


# Called by the workers. Any chunk may be empty.


def _held_out_of_chunk(
    X: Any, held_out: list[Indices], w: Array, fit_intercept: bool
) -> list[Array]:
    """Scores of the rows of a chunk that each fold holds out."""
    X = checked_chunk(X)
    return [
        model_scores(X[rows], w_f, fit_intercept) for rows, w_f in zip(held_out, w, strict=True)
    ]


def _sums_of_chunk(
    X: Any,
    held_out: list[Indices],
    y: NDArray,
    s: Array,
    w: Array,
    fit_intercept: bool,
    of_rows: ScoreOfRows,
) -> Array:
    """Sums of weighted scores of the rows that each fold holds out, and last of the weights."""
    sums = []
    for rows, z in zip(held_out, _held_out_of_chunk(X, held_out, w, fit_intercept), strict=True):
        sums.append(np.append(s[rows] @ of_rows(y[rows], z), s[rows].sum()))
    return np.stack(sums)
