"""What the models of each fold say of the rows that it holds out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, is_dask
from ..rows.cv_data import CVData
from ..rows.folds import Folds
from .scoring import (
    MEANS,
    fold_model,
    make_scorer,
    probabilities,
    roc_auc,
    takes_sample_weight,
)


@dataclass(frozen=True)
class HeldOut:
    """Scores and predictions of held-out rows.

    Parameters
    ----------
    estimator : GDLogisticRegressionCV
        Provides the parameters.
    template : GDLogisticRegression
        The estimator of one fit.
    data : CVData
        The samples.
    folds : Folds
        The folds.
    w : ndarray of shape (n_folds, n_models, n_columns, n_classes or 1)
        Coefficients, the intercept last.
    """

    estimator: Any
    template: Any
    data: CVData
    folds: Folds
    w: NDArray

    def scores(self, models: list[tuple[float, float]], metadata: dict[str, Any]) -> Array:
        """Score of each model on the held-out rows of each fold, shape (n_folds, n_models).

        ``models`` holds the share of L1 and the C of each. Raises ValueError if there is no such
        score.
        """
        scoring, data = self.estimator.scoring, self.data
        name = "accuracy" if scoring is None else scoring
        s = data.s if "sample_weight" in metadata else np.ones(len(data.y))
        if "sample_weight" in metadata:
            data.check_held_out_weights(self.folds)
        if isinstance(name, str) and name in MEANS:
            of_rows = partial(MEANS[name], data.rows.dtype)
            fit_intercept = self.estimator.fit_intercept
            scores = data.mean_scores(self.folds, self.w, fit_intercept, of_rows, s)
            if np.isnan(scores).any():
                data.rows.check_finite(self.estimator)
        elif name == "roc_auc" and len(data.classes.labels) == 2:
            by_fold = zip(self.folds.splits, self._held_out(self.w), strict=True)
            scores = np.stack([roc_auc(data.y[test], z, s[test]) for (_, test), z in by_fold])
        elif is_dask(data.X):
            raise ValueError(
                f"On Dask collections scoring must be one of {[*MEANS, 'roc_auc']}; got {name!r}."
            )
        else:
            scores = np.stack(
                [self._by_scorer(f, models, metadata) for f in range(len(self.folds))]
            )
        undefined = np.flatnonzero(np.isnan(scores).all(axis=1))
        if len(undefined):
            raise ValueError(
                f"scoring={scoring!r} is not defined on the rows that fold {undefined[0]} of cv "
                "holds out: are all of one class? Use a splitter that keeps the classes in every "
                "fold, such as StratifiedKFold, or another score."
            )
        return scores

    def _by_scorer(
        self, f: int, models: list[tuple[float, float]], metadata: dict[str, Any]
    ) -> Array:
        """Score of each model on the held-out rows of a fold by a scorer, shape (n_models,)."""
        test, scorer = self.folds.splits[f][1], make_scorer(self.estimator.scoring)
        of_test = {
            name: self.data.s[test] if name == "sample_weight" else np.asarray(values)[test]
            for name, values in metadata.items()
            if name != "sample_weight" or takes_sample_weight(scorer)
        }
        X, labels, classes = self.data.X[test], self.data.labels[test], self.data.classes.labels
        fitted = (
            fold_model(self.template, penalty, w, classes)
            for penalty, w in zip(models, self.w[f], strict=True)
        )
        return np.array([scorer(model, X, labels, **of_test) for model in fitted])

    def predictions(self, chosen: NDArray[np.intp]) -> Array:
        """Mean probabilities of each row by the models that did not train on it.

        ``chosen``, (n_folds,), is the position of the model for each fold; NaN where there is none.
        """
        total = np.zeros((len(self.data.y), len(self.data.classes.labels)))
        w = self.w[np.arange(len(self.folds)), chosen][:, None]
        for (_, test), z in zip(self.folds.splits, self._held_out(w), strict=True):
            np.add.at(total, test, probabilities(z))
        times = sum(self.folds.counts(test) for _, test in self.folds.splits)
        with np.errstate(invalid="ignore"):
            return total / np.asarray(times)[:, None]

    def _held_out(self, w: NDArray) -> Any:
        return self.data.held_out(self.folds, w, self.estimator.fit_intercept)
