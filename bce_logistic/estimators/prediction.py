"""Predictions of a fitted linear classifier, and its conversions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from ..arrays import is_dask, is_non_numpy, keeps_namespace, namespace, to_numpy
from ..objective.losses import BinaryCrossEntropy, CrossEntropy
from ..rows.memory import product
from ..validation.features import validated
from ..validation.labels import LABEL_BATCH, label_batches
from ..validation.probabilities import ClassColumns

# Before scikit-learn 1.8, l1_ratio alone does not set the penalty.
NAMES_PENALTY = LogisticRegression().get_params().get("penalty") == "l2"


def dispatch_on_array_type(method: Callable) -> Callable:
    """Make a predicting method lazy for Dask collections, and check the device of other arrays."""

    @functools.wraps(method)
    def predict(self: Any, X: Any) -> Any:
        if is_dask(X):
            from ..rows.dask_predictions import lazy_prediction

            return lazy_prediction(self, method.__name__, X)
        if keeps_namespace(X) or is_non_numpy(vars(self).get("coef_")):
            from ..rows.array_api import check_same_place

            check_same_place(self, X, method.__name__)
        return method(self, X)

    return predict


def _by_batches(function: Callable[[Any], Any], z: Any) -> Any:
    """A function of the scores that has a row for each sample and a column for each class.

    Of many samples in NumPy it is computed some at a time, which stay in the cache; several
    scores are overwritten.
    """
    if not isinstance(z, np.ndarray) or len(z) <= LABEL_BATCH:
        return function(z)
    result = z if z.ndim == 2 else np.empty((len(z), 2), z.dtype)
    for rows in label_batches(len(z)):
        result[rows] = function(z[rows])
    return result


class LinearPredictions(ClassifierMixin):
    """Predictions from ``coef_``, ``intercept_`` and ``classes_``."""

    C: float
    l1_ratio: float
    fit_intercept: bool
    class_weight: dict | str | None
    max_iter: int
    warm_start: bool
    random_state: int | np.random.RandomState | None
    classes_: Any
    coef_: Any
    intercept_: NDArray
    n_iter_: NDArray[np.int32]

    @dispatch_on_array_type
    def decision_function(self, X: Any) -> NDArray:
        """Scores ``X @ w + b``: log-odds for two classes.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features. An array of another library must be on the device of ``coef_``.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples,) or (n_samples, n_classes)
            The scores, in nats; for two classes those of ``classes_[1]``.
        """
        check_is_fitted(self)
        if keeps_namespace(X):
            from ..rows.array_api import scores

            z = scores(self, X)
        else:
            X = validated(self, X, reset=False)
            z = product(X, self.coef_.T)
            z += self.intercept_
        return z[:, 0] if z.shape[1] == 1 else z

    @dispatch_on_array_type
    def predict_proba(self, X: Any) -> NDArray:
        """Probabilities of the classes: the sigmoid or the softmax of the scores.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; every row sums to one.
        """
        z = self.decision_function(X)
        loss = BinaryCrossEntropy() if z.ndim == 1 else CrossEntropy()
        return _by_batches(loss.probabilities, z)

    @dispatch_on_array_type
    def predict_log_proba(self, X: Any) -> NDArray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples, n_classes)
            Log-probabilities, in nats, in the order of ``classes_``; finite even where the
            probability underflows to zero.
        """
        z = self.decision_function(X)
        loss = BinaryCrossEntropy() if z.ndim == 1 else CrossEntropy()
        return _by_batches(loss.log_probabilities, z)

    @dispatch_on_array_type
    def predict(self, X: Any) -> NDArray:
        """Most probable class of each sample.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples,)
            Predicted labels.
        """
        z = self.decision_function(X)
        xp = namespace(z)
        k = xp.asarray(z > 0, dtype=xp.int64) if z.ndim == 1 else xp.argmax(z, axis=1)
        if isinstance(self.classes_, np.ndarray):  # text is never on another device
            return self.classes_[to_numpy(k)]
        return xp.take(self.classes_, k)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the weighted share of samples whose label is predicted.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.
        y : array-like or Dask collection of shape (n_samples,)
            Labels.
        sample_weight : array-like or Dask collection of shape (n_samples,), default=None
            Weights of the samples. None: 1 for every sample.

        Returns
        -------
        float
            Accuracy, between 0 and 1.

        Raises
        ------
        ValueError
            If ``y`` holds probabilities of the classes instead of labels.
        """
        if ClassColumns.of(y) is not None:
            raise ValueError(
                "The accuracy needs one label for each sample; y has two dimensions. For "
                "probabilities of the classes, compute the cross-entropy: "
                "-(y * model.predict_log_proba(X)).sum(axis=1).mean()."
            )
        if is_dask(X):
            from ..rows.dask_predictions import accuracy

            return accuracy(self, X, y, sample_weight)
        return super().score(X, y, sample_weight)

    def sparsify(self) -> Self:
        """Convert ``coef_`` to a sparse matrix, which saves memory if most of it is zero.

        Returns
        -------
        Self
            The estimator itself.
        """
        check_is_fitted(self)
        self.coef_ = scipy.sparse.csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Convert ``coef_`` back to an array.

        Returns
        -------
        Self
            The estimator itself.
        """
        check_is_fitted(self)
        if scipy.sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def to_sklearn(self) -> LogisticRegression:
        """Convert to scikit-learn's LogisticRegression.

        For tools that only support that class, such as converters to other formats.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            A fitted estimator with copies of the coefficients and the same predictions.
        """
        check_is_fitted(self)
        penalty: dict[str, Any] = {"l1_ratio": self.l1_ratio, "solver": "saga"}
        if NAMES_PENALTY:
            penalty["penalty"] = "elasticnet"
        model = LogisticRegression(
            **(penalty if self.l1_ratio > 0 else {}),
            C=self.C,
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
            random_state=self.random_state,
            max_iter=self.max_iter,
            warm_start=self.warm_start,
        )
        learnt = ("classes_", "coef_", "intercept_", "n_iter_")
        fitted = (*learnt, "n_features_in_", "feature_names_in_")
        vars(model).update({name: copy(vars(self)[name]) for name in fitted if name in vars(self)})
        return model
