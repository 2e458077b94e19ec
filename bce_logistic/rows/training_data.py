"""From what the user gives to rows that can be summed over: checked, numbered, weighted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, is_dask, keeps_namespace, to_numpy
from ..validation.classes import Classes
from ..validation.features import validated
from ..validation.labels import check_and_encode, check_partial_fit_classes, fit_encode
from ..validation.validation_set import check_held_out, draw_held_out
from ..validation.weights import check_sample_weight, weigh_classes
from .base import RowBlocks
from .label_index import label_weights
from .memory import RowsInMemory, row_blocks
from .threads import ParallelMap


class SampleTotals(NamedTuple):
    """What the batches have shown so far: samples with a weight, and the sum of the weights."""

    n_samples: int = 0
    total_weight: float = 0.0

    def more(self, n_samples: int, total_weight: float) -> SampleTotals:
        """Count some samples more."""
        return SampleTotals(self.n_samples + n_samples, self.total_weight + total_weight)


class RawData(NamedTuple):
    """Features, labels and weights as the user gives them; ``X`` None: nothing is given."""

    X: Any
    y: Any
    sample_weight: Any

    def to_numpy(self) -> RawData:
        """The same, labels and weights moved from other libraries and devices to NumPy."""
        y, s = (to_numpy(array) if keeps_namespace(array) else array for array in self[1:])
        return RawData(self.X, y, s)


class TrainingData(NamedTuple):
    """Samples to learn from.

    Attributes
    ----------
    classes : Classes
        The labels that there are, and their weights.
    rows : RowBlocks
        Features, numbers of the labels, and weights.
    held_out : RowBlocks or None
        The same of rows that the descent does not see.
    seen : Seen
        How many samples have a weight, and the sum of the weights.
    class_totals : ndarray of shape (n_classes,)
        Total sample weight of each class, before class weights.
    """

    classes: Classes
    rows: RowBlocks
    held_out: RowBlocks | None
    seen: SampleTotals
    class_totals: Array


def samples(
    estimator: Any, given: RawData, held_out: RawData, seed: int, run: ParallelMap
) -> TrainingData:
    """Samples of a fit.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Whose parameters count, and which learns the number and the names of the features.
    given : Given
        The samples.
    held_out : Given
        Held-out ones for early stopping, if the user has them.
    seed : int
        Seed of the draw of others.
    run : callable
        Map with which the rows are summed over.

    Returns
    -------
    Samples
        The samples. That a feature is finite is not checked: the first pass shows it.

    Raises
    ------
    ValueError, TypeError
        If features, labels or weights are not usable.
    """
    check_held_out(estimator.early_stopping, *held_out)
    if is_dask(given.X) or keeps_namespace(given.X):
        return _prepare_foreign(estimator, given)
    given = given.to_numpy()
    X, y = validated(estimator, given.X, given.y, ensure_all_finite=False)
    labels, y = fit_encode(y)
    s = check_sample_weight(given.sample_weight, len(y))
    totals = label_weights(y, s, len(labels))
    classes = weigh_classes(estimator, labels, totals)
    y, s = classes.coded(y, s)
    apart: RowBlocks | None = None
    if held_out.X is not None:
        X_val, y_val = validated(estimator, held_out.X, held_out.y, reset=False)
        y_val = check_and_encode(y_val, labels)
        s_val = check_sample_weight(held_out.sample_weight, len(y_val))
        val_totals = label_weights(y_val, s_val, len(labels)) * classes.weights
        y_val, s_val = classes.coded(y_val, s_val)
        if not s_val.any():
            raise ValueError("The held-out rows have no weight: nothing can be told from them.")
        if estimator.fit_intercept and val_totals[~classes.weighted].any():
            raise ValueError(
                f"y_val holds classes that have no weight in y, {classes.absent}: their "
                "probability is fitted as zero, and the held-out loss would be infinite. Leave "
                "these rows out of X_val and y_val."
            )
        apart = row_blocks(X_val, y_val, s_val, run)
    elif estimator.early_stopping:
        drawn = draw_held_out(y, s, estimator.validation_fraction, seed)
        apart = row_blocks(X[drawn], y[drawn], s[drawn], run)
        s = np.array(s)
        s[drawn] = 0  # absent, without a copy of the features of all the others
    rows = row_blocks(X, y, s, run)
    return TrainingData(classes, rows, apart, _seen(rows), totals)


def prepare_partial_fit(
    estimator: Any,
    given: RawData,
    classes: Any,
    known: NDArray | None,
    totals: Array | float,
    run: ParallelMap,
) -> TrainingData:
    """Samples of a batch of a stream.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Whose parameters count, and which learns the number and the names of the features from
        the first batch.
    given : Given
        The batch.
    classes : array-like or None
        All the classes of the stream, which the first batch has to name.
    known : ndarray or None
        The classes of the batches before; None: this is the first.
    totals : ndarray of shape (n_classes,) or 0
        Total sample weight of each class in the batches before.
    run : callable
        Map with which the rows are summed over.

    Returns
    -------
    Samples
        The samples; the class totals are those of all batches so far.

    Raises
    ------
    ValueError, TypeError
        If features, labels or weights are not usable.
    """
    if is_dask(given.X):
        raise ValueError(
            "partial_fit learns from rows in memory. Use fit, or dask_ml.wrappers.Incremental, "
            "which calls partial_fit chunk by chunk."
        )
    if keeps_namespace(given.X):
        raise ValueError(
            "partial_fit learns from rows of NumPy's. Use fit, or copy the rows to NumPy."
        )
    given = given.to_numpy()
    labels = check_partial_fit_classes(known, classes)
    X, y = validated(estimator, given.X, given.y, reset=known is None)
    y = check_and_encode(y, labels)
    s = check_sample_weight(given.sample_weight, len(y))
    totals = totals + label_weights(y, s, len(labels))
    weighed = weigh_classes(estimator, labels, totals, stream=True)
    rows = row_blocks(X, *weighed.coded(y, s), run)
    return TrainingData(weighed, rows, None, _seen(rows), totals)


def _seen(rows: RowsInMemory) -> SampleTotals:
    return SampleTotals(int(np.count_nonzero(rows.s)), rows.total_weight)


def _prepare_foreign(estimator: Any, given: RawData) -> TrainingData:
    """Samples in Dask collections or in arrays of another library, which offer less."""
    if estimator.batch_size is not None or estimator.early_stopping:
        raise ValueError(
            "Rows of a Dask collection, or of an array of another library, are summed over where "
            "they are: set batch_size=None and early_stopping=False. For mini-batches use "
            "dask_ml.wrappers.Incremental, or copy the rows to NumPy."
        )
    found: tuple[Classes, RowBlocks, Array]
    if is_dask(given.X):
        from .dask import dask_rows

        found = dask_rows(estimator, *given)
    else:
        from .array_api import array_rows

        found = array_rows(estimator, *given)
    classes, rows, totals = found
    return TrainingData(
        classes, rows, None, SampleTotals(rows.n_samples, rows.total_weight), totals
    )
