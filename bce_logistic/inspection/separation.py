"""Check by a linear program whether classes are separated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..arrays import Array, is_dask, keeps_namespace
from ..objective.linear_separation import Constraints, find_direction
from ..validation.features import feature_names, validated
from ..validation.labels import SoftLabels, fit_encode
from ..validation.weights import check_sample_weight


@dataclass(frozen=True, eq=False)
class SeparationResult:
    """Result of :func:`check_separation`.

    Parameters
    ----------
    kind : {"none", "quasi", "complete"}
        Whether no, some or all samples are separated.
    features : list of str
        Features whose coefficients have no finite optimum; of collinear features as few as
        possible.
    coef : ndarray of shape (1, n_features) or (n_classes, n_features)
        Direction in which the coefficients diverge, in the layout of ``coef_``; zero if there is
        none.
    intercept : ndarray of shape (1,) or (n_classes,)
        Direction of the intercept, in the layout of ``intercept_``.
    """

    kind: str
    features: list[str]
    coef: Array
    intercept: Array

    @property
    def separated(self) -> bool:
        """Whether there is no optimum without a penalty."""
        return self.kind != "none"


def check_separation(
    X: Any, y: Any, *, sample_weight: Any = None, fit_intercept: bool = True
) -> SeparationResult:
    r"""Check whether classes are separated: without a penalty there is then no optimum.

    Two classes are separated if there is a direction of the coefficients along which no loss
    increases and some loss decreases:

    .. math:: (2 y_i - 1) (x_i^T w + b) \ge 0 \text{ for all samples}, \quad
              > 0 \text{ for some.}

    More classes: :math:`x_i^T (w_{y_i} - w_k) + b_{y_i} - b_k \ge 0` for all samples and all
    classes k, and not always zero. If it is always positive, the separation is complete, else
    quasi-complete. A linear program decides; no model is fitted.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features. Sparse ones stay sparse.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of at least two classes, or the probability of each class. A sample then belongs to
        every class with a probability that is not zero.
    sample_weight : array-like of shape (n_samples,), number or None, default=None
        Samples of weight zero are ignored, as are classes without weight; other weights have no
        effect.
    fit_intercept : bool, default=True
        Whether the model has an intercept.

    Returns
    -------
    SeparationResult
        Its ``separated``, ``kind``, ``features``, ``coef`` and ``intercept``.

    Raises
    ------
    TypeError
        If X is a Dask collection, or an array of another library that scikit-learn's setting
        ``array_api_dispatch`` keeps.
    ValueError
        If features, labels or weights are not usable.
    RuntimeError
        If the linear program is not solved, which only numbers at the limits of double precision
        should cause.

    See Also
    --------
    GDLogisticRegression : A fit without a penalty warns where this finds a separation.

    Notes
    -----
    Centring, where it is exact, scaling by powers of two and merging equal rows do not change
    the numbers. A margin counts as zero if it is within the rounding errors of the direction.

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71, 1984.
    K. Konis, Linear programming algorithms for detecting separated data in binary logistic
    regression models, DPhil thesis, University of Oxford, 2007: section 4.

    Examples
    --------
    All patients who were treated recovered:

    >>> import pandas as pd
    >>> from bce_logistic import check_separation
    >>> X = pd.DataFrame({"age": [30, 40, 50, 60, 70, 80], "treated": [0, 0, 0, 0, 1, 1]})
    >>> result = check_separation(X, ["ill", "well", "well", "ill", "well", "well"])
    >>> result.kind, result.features
    ('quasi', ['treated'])
    """
    if keeps_namespace(X) or is_dask(X):
        raise TypeError("check_separation needs all rows in memory: pass X and y as NumPy arrays.")
    features = BaseEstimator()  # learns the names
    X, y = validated(features, X, y)
    weighted = check_sample_weight(sample_weight, X.shape[0]) > 0
    X = X[weighted]
    if isinstance(y, SoftLabels):
        rows, label = np.nonzero(y.probabilities[weighted] > 0)
        X, y = X[rows], y.classes[label]
    else:
        y = y[weighted]
    classes, y = fit_encode(y)
    n_features, binary = X.shape[1], len(classes) == 2
    direction = find_direction(Constraints.of(X, y, fit_intercept))
    w = np.zeros((n_features + fit_intercept, 1 if binary else len(classes)))
    if direction is None:
        return SeparationResult("none", [], w[:n_features].T, np.zeros(w.shape[1]))
    w = direction.w if binary else np.hstack([w[:, :1], direction.w])
    return SeparationResult(
        "complete" if direction.complete else "quasi",
        np.array(feature_names(features))[direction.columns[:n_features]].tolist(),
        w[:n_features].T,
        w[n_features] if fit_intercept else np.zeros(w.shape[1]),
    )
