"""Input that scikit-learn's public helpers do not check: weights, finiteness."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.class_weight import compute_class_weight

from .labels import label_weights, stretches

Array = NDArray[np.float64]


def is_dask(X: Any) -> bool:
    """Whether data are a Dask collection; Dask is not imported for that."""
    dask = sys.modules.get("dask")
    return dask is not None and dask.is_dask_collection(X)


def check_sample_weight(sample_weight: Any, n_samples: int) -> Array:
    """Sample weights as an array of numbers that are finite and not negative.

    Parameters
    ----------
    sample_weight : None, number or array-like of shape (n_samples,)
        None: one for every sample; a number: the same for every sample.
    n_samples : int
        Number of samples.

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights in float64; equal weights are one number, repeated without memory.

    Raises
    ------
    ValueError
        If a weight is negative, NaN or infinite, if all are zero, or if the shape is wrong.
    """
    weights = check_weights(sample_weight, n_samples)
    check_any_weight(weights)
    return weights


def check_any_weight(weights: Array) -> None:
    """Raise an error if all weights, or all totals of weights, are zero."""
    if not weights.any():
        raise ValueError("sample_weight is zero for every sample; no class is left to learn.")


def check_weights(sample_weight: Any, n_samples: int) -> Array:
    """The same for some of the samples, which may all be without weight."""
    if sample_weight is None:
        return np.broadcast_to(1.0, n_samples)
    equal = isinstance(sample_weight, Real)
    weights = np.ravel(sample_weight) if equal else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, one weight a sample; got {weights.ndim}D.")
    if weights.min() < 0:
        raise ValueError("sample_weight holds a negative weight; weights count samples.")
    if equal:
        return np.broadcast_to(weights, n_samples)
    if len(weights) != n_samples:
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}: one for a sample."
        )
    return weights


def class_weighted(s: Array, class_weight: Any, classes: NDArray, encoded: NDArray) -> Array:
    """Sample weights times class weights.

    Parameters
    ----------
    s : ndarray of shape (n_samples,)
        Sample weights.
    class_weight : dict, "balanced" or None
        "balanced": every class gets the same total weight,
        ``sum(s) / (n_classes * sum(s of the class))``.
    classes, encoded : ndarray
        What :func:`encode_labels` returned.

    Returns
    -------
    ndarray of shape (n_samples,)
        The products.

    Raises
    ------
    ValueError
        If no weight is left for more than one class, or if a class weight is negative or names
        a label that does not occur.
    """
    weights = class_weights(class_weight, classes, label_weights(encoded, s, len(classes)))
    return s if class_weight is None else weighted_by_class(s, weights, encoded)


def class_weights(class_weight: Any, classes: NDArray, totals: Array) -> Array:
    """Weight of every class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        As in :func:`class_weighted`.
    classes : ndarray of shape (n_classes,)
        The labels.
    totals : ndarray of shape (n_classes,)
        Total sample weight of each class.

    Returns
    -------
    ndarray of shape (n_classes,)
        The weights; ones for None.

    Raises
    ------
    ValueError
        If no weight is left for more than one class, or if a class weight is negative or names
        a label that does not occur.
    """
    if np.count_nonzero(totals) < 2:
        raise ValueError("sample_weight leaves weight for samples of one class only.")
    if isinstance(class_weight, str):
        with np.errstate(divide="ignore"):
            weights = np.where(totals > 0, totals.sum() / (len(classes) * totals), 0.0)
    else:
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must be finite and not negative; got {class_weight!r}.")
    if np.count_nonzero(totals * weights) < 2:
        raise ValueError("class_weight leaves weight for samples of one class only.")
    return weights


def weighted_by_class(s: Array, weights: Array, encoded: NDArray) -> Array:
    """Weights of samples, each times the weight of its class."""
    weighted = np.empty(len(s))
    for rows in stretches(len(s)):
        np.multiply(s[rows], weights[encoded[rows]], out=weighted[rows])
    return weighted


def explain_not_finite(X: Any, estimator: Any) -> None:
    """Raise the error that names why the objective is not finite at the start of a fit.

    Parameters
    ----------
    X : ndarray, sparse matrix or Dask collection
        The features.
    estimator : object
        Whose name the message gives.

    Raises
    ------
    ValueError
        scikit-learn's own if the features hold NaN or infinity, else one that advises to scale.
    """
    if is_dask(X):
        from .dask import check_features as check
    else:
        check = assert_all_finite
    check(X, estimator_name=type(estimator).__name__, input_name="X")
    raise ValueError(
        "The features are so large that the scores overflow. Scale them, for example with "
        "sklearn.preprocessing.StandardScaler."
    )


def lazy_for_dask(method: Callable) -> Callable:
    """Let a method that predicts from features return a lazy array for a Dask collection."""

    @functools.wraps(method)
    def predict(self: Any, X: Any) -> Any:
        if is_dask(X):
            from .dask import lazy_prediction

            return lazy_prediction(self, method.__name__, X)
        return method(self, X)

    return predict


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator all its attributes back if what is done inside does not succeed."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
