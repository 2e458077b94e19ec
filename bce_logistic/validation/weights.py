"""Input that scikit-learn's public helpers do not check: weights, finiteness."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_class_weight

from ..arrays import Array, namespace
from .classes import Classes
from .numeric import check_numeric


def check_sample_weight(sample_weight: Any, n_samples: int, dtype: Any = np.float64) -> Array:
    """Sample weights as an array of numbers that are finite and not negative.

    Parameters
    ----------
    sample_weight : None, number or array-like of shape (n_samples,)
        None: one for every sample; a number: the same for every sample.
    n_samples : int
        Number of samples.
    dtype : dtype, default=float64
        Type of the weights, in the library that an array of them belongs to.

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights in that type; equal weights are one number, repeated without memory.

    Raises
    ------
    ValueError
        If a weight is negative, NaN, infinite or no number, if their sum overflows, or if the
        shape is wrong.
    """
    if sample_weight is None:
        return np.broadcast_to(1.0, n_samples)
    check_numeric(sample_weight, "sample_weight")
    equal = isinstance(sample_weight, Real)
    weights = np.ravel(sample_weight) if equal else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=dtype, input_name="sample_weight")
    xp = namespace(weights)
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, one weight a sample; got {weights.ndim}D.")
    if xp.min(weights) < 0:
        raise ValueError("sample_weight holds a negative weight; weights count samples.")
    with np.errstate(over="ignore"):
        total = float(xp.sum(weights)) * (n_samples if equal else 1)
    if not np.isfinite(total):
        raise ValueError("sample_weight is so large that its sum overflows. Scale it.")
    if equal:
        return np.broadcast_to(weights, n_samples)
    if weights.shape[0] != n_samples:
        raise ValueError(
            f"sample_weight.shape == {tuple(weights.shape)}, expected {(n_samples,)}: one for a "
            "sample."
        )
    return weights


def weigh_classes(
    estimator: Any, labels: NDArray, totals: Array, *, stream: bool = False
) -> Classes:
    """Classes with their weights, and which of them are to be learnt.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Whose ``class_weight`` and ``fit_intercept`` count.
    labels : ndarray of shape (n_classes,)
        The classes, sorted.
    totals : ndarray of shape (n_classes,)
        Total sample weight of each class.
    stream : bool, default=False
        Whether classes without weight may come later: all are to be learnt.

    Returns
    -------
    Classes
        The classes. Without an intercept, nothing can switch a class off: all are to be learnt.

    Raises
    ------
    ValueError
        If a class weight is not usable, or if no class has weight.
    """
    weights = class_weights(estimator.class_weight, labels, totals)
    with np.errstate(over="ignore"):
        weighted = totals * weights > 0
    n_weighted = np.count_nonzero(weighted)
    if n_weighted == 0 and not stream:
        parameter = "class_weight" if totals.any() else "sample_weight"
        raise ValueError(f"{parameter} leaves no weight: it is zero for every sample.")
    learnt = weighted.copy()
    if stream or n_weighted < 2 or not estimator.fit_intercept:
        learnt[:] = True
    return Classes(labels, weights, weighted, learnt)


def class_weights(class_weight: Any, classes: NDArray, totals: Array) -> Array:
    """Weight of each class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        "balanced": every class gets the same total weight,
        ``sum(s) / (n_classes * sum(s of the class))``, over the classes that have any.
    classes : ndarray of shape (n_classes,)
        The classes.
    totals : ndarray of shape (n_classes,)
        Total weight of the samples of each class.

    Returns
    -------
    ndarray of shape (n_classes,)
        The weights.

    Raises
    ------
    ValueError
        If a class weight is negative, not finite, or names a label that does not occur.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        weights = np.zeros(len(classes))
        present = totals[totals > 0]
        weights[totals > 0] = totals.sum() / (len(present) * present)
    else:
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must be finite and not negative; got {class_weight!r}.")
    return weights
