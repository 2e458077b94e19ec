"""Input that scikit-learn's public helpers do not check: weights, finiteness."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.class_weight import compute_class_weight

from .labels import label_weights, stretches

Array = NDArray[np.float64]


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
    if sample_weight is None:
        return np.broadcast_to(1.0, n_samples)
    equal = isinstance(sample_weight, Real)
    weights = np.ravel(sample_weight) if equal else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, one weight a sample; got {weights.ndim}D.")
    if weights.min() < 0:
        raise ValueError("sample_weight holds a negative weight; weights count samples.")
    if not weights.any():
        raise ValueError("sample_weight is zero for every sample; no class is left to learn.")
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
    totals = label_weights(encoded, s, len(classes))
    if np.count_nonzero(totals) < 2:
        raise ValueError("sample_weight leaves weight for samples of one class only.")
    if class_weight is None:
        return s
    if isinstance(class_weight, str):
        with np.errstate(divide="ignore"):
            weights = np.where(totals > 0, totals.sum() / (len(classes) * totals), 0.0)
    else:
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must be finite and not negative; got {class_weight!r}.")
    if np.count_nonzero(totals * weights) < 2:
        raise ValueError("class_weight leaves weight for samples of one class only.")
    weighted = np.empty(len(s))
    for rows in stretches(len(s)):
        np.multiply(s[rows], weights[encoded[rows]], out=weighted[rows])
    return weighted


def explain_not_finite(X: Any, estimator: Any) -> None:
    """Raise the error that names why the objective is not finite at the start of a fit.

    Parameters
    ----------
    X : ndarray or sparse matrix
        The features.
    estimator : object
        Whose name the message gives.

    Raises
    ------
    ValueError
        scikit-learn's own if the features hold NaN or infinity, else one that advises to scale.
    """
    assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")
    raise ValueError(
        "The features are so large that the scores overflow. Scale them, for example with "
        "sklearn.preprocessing.StandardScaler."
    )


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
