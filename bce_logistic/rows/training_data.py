"""From the user's data to rows that can be summed over: validated, encoded, weighted."""

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
from .label_index import label_weights, most_probable
from .memory import RowsInMemory, row_blocks
from .threads import ParallelMap


class SampleTotals(NamedTuple):
    """Number of samples with a positive weight, and the sum of their weights."""

    n_samples: int = 0
    total_weight: float = 0.0

    def more(self, n_samples: int, total_weight: float) -> SampleTotals:
        """Totals with some more samples."""
        return SampleTotals(self.n_samples + n_samples, self.total_weight + total_weight)


class RawData(NamedTuple):
    """Features, labels and weights as the user passes them; all None: not given."""

    X: Any
    y: Any
    sample_weight: Any

    def to_numpy(self) -> RawData:
        """The same, labels and weights copied to NumPy from other libraries and devices."""
        y, s = (to_numpy(array) if keeps_namespace(array) else array for array in self[1:])
        return RawData(self.X, y, s)


class TrainingData(NamedTuple):
    """Samples to learn from.

    Attributes
    ----------
    classes : Classes
        The classes and their weights.
    rows : RowBlocks
        Features, encoded labels, and weights.
    held_out : RowBlocks or None
        Validation rows, which early stopping watches and the descent does not use.
    seen : SampleTotals
        Totals of the rows.
    class_totals : ndarray of shape (n_classes,)
        Total sample weight of each class, before class weights.
    """

    classes: Classes
    rows: RowBlocks
    held_out: RowBlocks | None
    seen: SampleTotals
    class_totals: Array


def samples(
    estimator: Any, data: RawData, validation: RawData, seed: int, run: ParallelMap
) -> TrainingData:
    """Samples of a fit; whether features are finite is left for the first pass to find out.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Provides the parameters, and learns the number and the names of the features.
    data : RawData
        The samples.
    validation : RawData
        Validation samples for early stopping, if the user passes them.
    seed : int
        Seed of the draw of validation samples if not.
    run : callable
        Parallel map for sums over rows.

    Returns
    -------
    TrainingData
        The samples.

    Raises
    ------
    ValueError, TypeError
        If features, labels or weights are not usable.
    """
    check_held_out(estimator.early_stopping, *validation)
    if is_dask(data.X) or keeps_namespace(data.X):
        return _prepare_foreign(estimator, data)
    data = data.to_numpy()
    X, y = validated(estimator, data.X, data.y, ensure_all_finite=False)
    labels, y = fit_encode(y)
    s = check_sample_weight(data.sample_weight, len(y))
    classes, y, s, totals = weigh(estimator, labels, y, s)
    rows = row_blocks(X, y, s, run)
    validation_rows: RowBlocks | None = None
    if validation.X is not None:
        validation_rows = _validation_rows(estimator, validation, classes, run)
    elif estimator.early_stopping:
        drawn = draw_held_out(most_probable(y), s, estimator.validation_fraction, seed)
        validation_rows = row_blocks(X[drawn], y[drawn], s[drawn], run)
        s = np.array(s)
        s[drawn] = 0  # excludes these rows without a copy of the others
        rows = rows.reweighted(s)
    return TrainingData(classes, rows, validation_rows, _totals(rows), totals)


def _validation_rows(
    estimator: Any, validation: RawData, classes: Classes, run: ParallelMap
) -> RowsInMemory:
    """The user's rows for early stopping, encoded and weighted as the training data."""
    X, y = validated(estimator, validation.X, validation.y, reset=False)
    y = check_and_encode(y, classes.labels)
    s = check_sample_weight(validation.sample_weight, len(y))
    totals = label_weights(y, s, len(classes.labels)) * classes.weights
    rows = row_blocks(X, *classes.coded(y, s), run)
    if not rows.s.any():
        raise ValueError("The validation rows have no weight: sample_weight_val is zero for all.")
    if estimator.fit_intercept and totals[~classes.weighted].any():
        raise ValueError(
            f"y_val holds classes that have no weight in y, {classes.absent}: their probability "
            "is fitted as zero, and the validation loss would be infinite. Leave these rows out of "
            "X_val and y_val."
        )
    return rows


def prepare_partial_fit(
    estimator: Any,
    data: RawData,
    classes: Any,
    known: NDArray | None,
    totals: Array | float,
    run: ParallelMap,
) -> TrainingData:
    """Samples of a batch of a stream.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Provides the parameters; the first batch sets the number and the names of its features.
    data : RawData
        The batch.
    classes : array-like or None
        All classes of the stream, which the first batch has to name unless its labels are soft.
    known : ndarray or None
        The classes named with earlier batches; None at the first.
    totals : ndarray of shape (n_classes,) or 0
        Total sample weight of each class in earlier batches.
    run : callable
        Parallel map for sums over rows.

    Returns
    -------
    TrainingData
        The samples; the class totals are those of all batches so far.

    Raises
    ------
    ValueError, TypeError
        If features, labels or weights are not usable.
    """
    if is_dask(data.X):
        raise ValueError(
            "partial_fit learns from rows in memory. Use fit, or dask_ml.wrappers.Incremental, "
            "which calls partial_fit chunk by chunk."
        )
    if keeps_namespace(data.X):
        raise ValueError(
            "partial_fit learns from NumPy arrays. Use fit, or copy the rows to NumPy."
        )
    data = data.to_numpy()
    X, y = validated(estimator, data.X, data.y, reset=known is None)
    labels = check_partial_fit_classes(known, classes, y)
    y = check_and_encode(y, labels)
    s = check_sample_weight(data.sample_weight, len(y))
    weighed, y, s, totals = weigh(estimator, labels, y, s, totals, stream=True)
    rows = row_blocks(X, y, s, run)
    return TrainingData(weighed, rows, None, _totals(rows), totals)


def weigh(
    estimator: Any,
    labels: NDArray,
    y: NDArray,
    s: Array,
    earlier: Array | float = 0.0,
    *,
    stream: bool = False,
) -> tuple[Classes, NDArray, Array, Array]:
    """Classes, labels among those learnt, weights times class weights, and totals of each class.

    ``y`` holds encoded labels, or probabilities, (n_samples, n_classes). The totals of sample
    weights include ``earlier`` ones of a stream.
    """
    totals = earlier + label_weights(y, s, len(labels))
    classes = weigh_classes(estimator, labels, totals, stream=stream)
    return classes, *classes.coded(y, s), totals


def _totals(rows: RowsInMemory) -> SampleTotals:
    return SampleTotals(int(np.count_nonzero(rows.s)), rows.total_weight)


def _prepare_foreign(estimator: Any, data: RawData) -> TrainingData:
    """Samples in Dask collections or in arrays of another library, which support less."""
    if estimator.batch_size is not None or estimator.early_stopping:
        raise ValueError(
            "Rows of a Dask collection, or of an array of another library, are summed over where "
            "they are: set batch_size=None and early_stopping=False. For mini-batches use "
            "dask_ml.wrappers.Incremental, or copy the rows to NumPy."
        )
    prepared: tuple[Classes, RowBlocks, Array]
    if is_dask(data.X):
        from .dask import dask_rows

        prepared = dask_rows(estimator, *data)
    else:
        from .array_api import array_rows

        prepared = array_rows(estimator, *data)
    classes, rows, totals = prepared
    seen = SampleTotals(rows.n_samples, rows.total_weight)
    return TrainingData(classes, rows, None, seen, totals)
