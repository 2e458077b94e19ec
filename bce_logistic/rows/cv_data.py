"""The samples of a cross-validation: all rows, those that a fold trains on, held-out scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, is_dask, keeps_namespace, to_numpy
from ..validation.classes import Classes
from ..validation.features import validated
from ..validation.labels import batches, fit_encode
from ..validation.probabilities import ClassColumns
from ..validation.weights import check_sample_weight, weigh_classes
from .base import RowBlocks
from .folds import Folds, Indices
from .label_index import label_weights
from .memory import RowsInMemory, is_mapped, product, row_blocks
from .threads import ParallelMap
from .training_data import RawData

# Features of held-out rows that are copied at a time: they fit in a cache.
COPIED_NUMBERS = 1 << 17


ScoreOfRows = Callable[[NDArray, Array], Array]  # encoded labels, scores -> (n_rows, n_models)


class CVData(ABC):
    """Samples of a cross-validation, wherever they are stored.

    Attributes
    ----------
    classes : Classes
        The classes and their weights, which are those of all rows.
    rows : RowBlocks
        All rows, their weights times class weights.
    X : object
        The features, validated.
    labels : ndarray of shape (n_samples,)
        Labels as the user passes them, for the splitter and for scorers.
    y : ndarray of int of shape (n_samples,)
        Labels encoded by class.
    s : ndarray of shape (n_samples,)
        Sample weights, without class weights.
    """

    classes: Classes
    rows: RowBlocks
    X: Any
    labels: NDArray
    y: NDArray
    s: Array

    def fold_classes(self, folds: Folds, f: int, fit_intercept: bool) -> Classes:
        """The classes as a fold sees them; ValueError if it trains on fewer than two."""
        train = folds.splits[f][0]
        totals = label_weights(self.y[train], self.s[train], len(self.classes.labels))
        weighted = totals * self.classes.weights > 0
        if np.count_nonzero(weighted) < 2:
            only = self.classes.labels[weighted].tolist()
            raise ValueError(
                f"Fold {f} of cv trains on rows of one class only, {only}. Use a splitter that "
                "keeps the classes in every fold, such as StratifiedKFold, or shuffle the rows."
            )
        learnt = weighted if fit_intercept else np.ones_like(weighted)
        return replace(self.classes, weighted=weighted, scored=learnt)

    def check_held_out_weights(self, folds: Folds) -> None:
        """Raise ValueError if all held-out rows of a fold have a sample weight of zero."""
        for f, (_, test) in enumerate(folds.splits):
            if not self.s[test].any():
                raise ValueError(
                    f"The held-out rows of fold {f} of cv have no weight: sample_weight is zero "
                    "for all of them, so that they have no score."
                )

    @abstractmethod
    def training(self, folds: Folds, f: int, fit_intercept: bool) -> tuple[Classes, RowBlocks]:
        """The classes that a fold learns, and the rows that it trains on."""

    @abstractmethod
    def held_out(self, folds: Folds, w: Array, fit_intercept: bool) -> Iterable[Array]:
        """Scores of the held-out rows of each fold by its models, in NumPy.

        ``w``: (n_folds, n_models, n_columns, n_scores), the intercepts last. The scores of a fold
        have the shape (n_rows, n_models), and one more dimension for several classes.
        """

    def mean_scores(
        self, folds: Folds, w: Array, fit_intercept: bool, of_rows: ScoreOfRows, s: Array
    ) -> Array:
        """Mean over the held-out rows of each fold, weighted by ``s``, (n_folds, n_models).

        ``of_rows`` takes encoded labels and scores, and returns a number for each row and model.
        """
        means = []
        for (_, test), z in zip(folds.splits, self.held_out(folds, w, fit_intercept), strict=True):
            means.append(s[test] @ of_rows(self.y[test], z) / s[test].sum())
        return np.stack(means)


class CVDataInMemory(CVData):
    """Samples in memory or in a mapped file.

    The parameters are those of :func:`cv_data`.
    """

    rows: RowsInMemory

    def __init__(self, estimator: Any, data: RawData, run: ParallelMap) -> None:
        data = data.to_numpy()
        X = to_numpy(data.X) if keeps_namespace(data.X) else data.X
        self.X, self.labels = validated(estimator, X, data.y, ensure_all_finite=False)
        known, self.y = fit_encode(self.labels)
        self.s = check_sample_weight(data.sample_weight, len(self.y))
        self.classes = weigh_classes(estimator, known, label_weights(self.y, self.s, len(known)))
        self.rows = row_blocks(self.X, self.y, self.classes.coded(self.y, self.s)[1], run)

    def training(self, folds: Folds, f: int, fit_intercept: bool) -> tuple[Classes, RowBlocks]:
        """The classes that a fold learns, and the rows that it trains on.

        They are a copy; of a mapped file, all rows, the others without weight.
        """
        classes, train = self.fold_classes(folds, f, fit_intercept), folds.splits[f][0]
        if is_mapped(self.X):
            y = classes.coded(self.y, self.s)[0]
            return classes, self.rows.reweighted(self.rows.s * folds.counts(train), y)
        y = classes.coded(self.y[train], self.s[train])[0]
        return classes, row_blocks(self.X[train], y, self.rows.s[train], self.rows.run)

    def held_out(self, folds: Folds, w: Array, fit_intercept: bool) -> Iterator[Array]:
        """Scores of the held-out rows of each fold by its models, one fold after the other."""
        step = max(1, COPIED_NUMBERS // self.X.shape[1])
        for (_, test), of_fold in zip(folds.splits, w, strict=True):
            parts = (test[part] for part in batches(len(test), step))
            score = partial(self._scores, w=of_fold, fit_intercept=fit_intercept)
            yield np.concatenate(list(self.rows.run(score, parts)))

    def _scores(self, part: Indices, w: Array, fit_intercept: bool) -> Array:
        return model_scores(self.X[part], w, fit_intercept)


def model_scores(X: Any, w: Array, fit_intercept: bool) -> Array:
    """Scores of rows by models of shape (n_models, n_columns, n_scores)."""
    n_models, n_columns, n_scores = w.shape
    flat = w.transpose(1, 0, 2).reshape(n_columns, -1)
    z = product(X, flat[: X.shape[1]])
    z = z + flat[-1] if fit_intercept else z
    return z if n_scores == 1 else z.reshape(-1, n_models, n_scores)


def cv_data(estimator: Any, data: RawData, run: ParallelMap) -> CVData:
    """Samples of a cross-validation; whether features are finite is left for the first pass.

    Parameters
    ----------
    estimator : GDLogisticRegressionCV
        Provides the parameters, and learns the number and the names of the features.
    data : RawData
        The samples. Arrays of other libraries are copied to NumPy.
    run : callable
        Parallel map for sums over rows.

    Returns
    -------
    CVData
        The samples.

    Raises
    ------
    ValueError, TypeError
        If features, labels or weights are not usable.
    """
    if ClassColumns.of(data.y) is not None:
        raise ValueError(
            f"{type(estimator).__name__} learns from one label for each sample; y has two "
            "dimensions. For probabilities of the classes, search over GDLogisticRegression with "
            "sklearn.model_selection.GridSearchCV and a scorer that takes them."
        )
    if is_dask(data.X):
        from .dask_cv import CVDataInDask

        return CVDataInDask(estimator, data)
    return CVDataInMemory(estimator, data, run)
