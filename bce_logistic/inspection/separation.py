"""Whether classes can be separated: the linear program, for users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..arrays import Array, is_dask, keeps_namespace
from ..objective.linear_separation import Constraints, find_direction
from ..validation.features import feature_names, validated
from ..validation.labels import fit_encode
from ..validation.weights import check_sample_weight


@dataclass(frozen=True, eq=False)
class SeparationResult:
    """What :func:`check_separation` finds.

    Parameters
    ----------
    kind : {"none", "quasi", "complete"}
        Whether no sample, some or all can be told for certain.
    features : list of str
        The features whose coefficients have no finite optimum. Of collinear features, which
        share what there is, as few as possible.
    coef : ndarray of shape (1, n_features) or (n_classes, n_features)
        A direction in which the coefficients run to infinity, laid out as ``coef_``; zero if
        there is none.
    intercept : ndarray of shape (1,) or (n_classes,)
        That of the intercept, laid out as ``intercept_``.
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
    r"""Whether classes are separated, so that logistic regression without a penalty has no optimum.

    Two classes are separated if there is a direction of the coefficients, of which larger
    multiples are always better:

    .. math:: (2 y_i - 1) (x_i^T w + b) \ge 0 \text{ for all samples}, \quad
              > 0 \text{ for some.}

    More classes: :math:`x_i^T (w_{y_i} - w_k) + b_{y_i} - b_k \ge 0` for all samples and all
    classes k, and not always zero. If it is always positive the separation is complete, else
    quasi-complete. A linear program decides, in which no penalty and no descent take part.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features. Sparse ones stay sparse.
    y : array-like of shape (n_samples,)
        Labels of at least two classes.
    sample_weight : array-like of shape (n_samples,), number or None, default=None
        Samples of weight zero do not count, nor do classes without weight; all others count
        alike.
    fit_intercept : bool, default=True
        Whether the model has an intercept.

    Returns
    -------
    SeparationResult
        What was found: ``separated``, ``kind``, ``features`` and the direction.

    Raises
    ------
    TypeError
        If X is a Dask collection, or an array of another library that scikit-learn's setting
        ``array_api_dispatch`` keeps.
    ValueError
        If features, labels or weights are not usable.
    RuntimeError
        If the linear program is not solved, which only numbers at the limits of double precision
        should bring about.

    See Also
    --------
    GDLogisticRegression : A fit without a penalty warns where this finds a separation.

    Notes
    -----
    Columns are centred where that is exact, rows and columns are scaled by powers of two, and
    equal rows are merged, so that the numbers are those given. A margin counts as zero if it is
    within the rounding errors of the direction.

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71, 1984.
    K. Konis, Linear programming algorithms for detecting separated data in binary logistic
    regression models, DPhil thesis, University of Oxford, 2007: section 4.

    Examples
    --------
    Everyone who was treated got well:

    >>> import pandas as pd
    >>> from bce_logistic import check_separation
    >>> X = pd.DataFrame({"age": [30, 40, 50, 60, 70, 80], "treated": [0, 0, 0, 0, 1, 1]})
    >>> found = check_separation(X, ["ill", "well", "well", "ill", "well", "well"])
    >>> found.kind, found.features
    ('quasi', ['treated'])
    """
    if keeps_namespace(X) or is_dask(X):
        raise TypeError("check_separation needs all rows in memory: pass X and y as NumPy arrays.")
    named = BaseEstimator()
    X, y = validated(named, X, y)
    weighted = check_sample_weight(sample_weight, len(y)) > 0
    classes, y = fit_encode(y[weighted])
    n_features, binary = X.shape[1], len(classes) == 2
    found = find_direction(Constraints.of(X[weighted], y, fit_intercept))
    w = np.zeros((n_features + fit_intercept, 1 if binary else len(classes)))
    if found is None:
        return SeparationResult("none", [], w[:n_features].T, np.zeros(w.shape[1]))
    w = found.w if binary else np.hstack([w[:, :1], found.w])
    return SeparationResult(
        "complete" if found.complete else "quasi",
        np.array(feature_names(named))[found.columns[:n_features]].tolist(),
        w[:n_features].T,
        w[n_features] if fit_intercept else np.zeros(w.shape[1]),
    )
