"""Sample weights, class weights and weights of the penalty."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_class_weight

from ..arrays import Array, is_non_numpy, namespace, to_numpy
from .classes import Classes
from .numeric import check_numeric


def check_sample_weight(sample_weight: Any, n_samples: int, dtype: Any = np.float64) -> Array:
    """Weights of shape (n_samples,) in the given type; None or a number: a read-only broadcast.

    ``dtype`` is one of the array's own library. Raises ValueError if a weight is negative, NaN,
    infinite or not a number, if the sum overflows, or if the shape is wrong.
    """
    if sample_weight is None:
        return np.broadcast_to(1.0, n_samples)
    check_numeric(sample_weight, "sample_weight")
    equal = isinstance(sample_weight, Real)
    weights = np.ravel(sample_weight) if equal else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=dtype, input_name="sample_weight")
    xp = namespace(weights)
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, one weight per sample; got {weights.ndim}D.")
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
            f"sample_weight.shape == {tuple(weights.shape)}, expected {(n_samples,)}: one for "
            "each sample."
        )
    return weights


def check_penalty_weights(penalty_weights: Any, n_features: int) -> Array:
    """Weights of shape (n_features,) in float64; None: ones.

    Raises ValueError if a weight is negative, NaN, infinite or not a number, or if the shape is
    wrong.
    """
    if penalty_weights is None:
        return np.ones(n_features)
    check_numeric(penalty_weights, "penalty_weights")
    weights = to_numpy(penalty_weights) if is_non_numpy(penalty_weights) else penalty_weights
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="penalty_weights")
    if weights.shape != (n_features,):
        raise ValueError(
            f"penalty_weights.shape == {weights.shape}, expected {(n_features,)}: one for each "
            "feature."
        )
    if weights.min() < 0:
        raise ValueError(
            "penalty_weights holds a negative weight; 0 leaves a feature without a penalty."
        )
    return weights


def weigh_classes(
    estimator: Any, labels: NDArray, totals: Array, *, stream: bool = False
) -> Classes:
    """Classes with their weights, and which of them are to be learnt.

    All are in a ``stream``, where their samples may come later, and without an intercept, which
    alone could make a class impossible. ``totals`` holds the sample weight of each of the sorted
    ``labels``. Raises ValueError if a class weight is not usable, or if no class has weight.
    """
    weights = compute_class_weights(estimator.class_weight, labels, totals)
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


def compute_class_weights(class_weight: Any, classes: NDArray, totals: Array) -> Array:
    """Weight of each class: finite and not negative, else ValueError.

    "balanced" gives every class the same total weight, ``totals.sum() / (n_classes * totals)``
    over the classes that have any; a dict may not name a label that does not occur.
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
