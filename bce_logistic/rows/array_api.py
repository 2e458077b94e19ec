"""Rows in an array of another library than NumPy, summed over where they are: on a GPU, say.

scikit-learn's setting ``array_api_dispatch`` decides whether such an array stays what it is. What
follows the rows in number is then computed by their library, on their device: scores, losses,
residuals, sums. What follows the columns is NumPy's: coefficients travel to the device, sums
come back, and so do the rows of a subsample.

References
----------
Consortium for Python Data API Standards, Python array API standard, version 2024.12.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arrays import (
    NUMBERS,
    Array,
    array_api_compat,
    asarray_like,
    is_non_numpy,
    keeps_namespace,
    to_numpy,
)
from ..validation.classes import Classes
from ..validation.labels import check_classes, fit_encode
from ..validation.weights import check_sample_weight, weigh_classes
from .base import Block, Columns, RowBlocks, Sums, sum_terms

_compat = array_api_compat()
array_namespace, device, to_device = _compat.array_namespace, _compat.device, _compat.to_device


# A block is worth the calls that start the work on it, and what is computed of it fits beside it.
BLOCK_BYTES = 64 << 20
# Labels up to this number take one byte each.
BYTE_LABELS = 256


class ArrayBlock(Block):
    """Some consecutive rows of an array of another library.

    Scores and residuals are as precise as the device can, sums over the rows are NumPy's.
    """

    def matvec(self, w: Array) -> Any:
        """``X @ w``; see :meth:`Block.matvec`."""
        return as_type(self.X @ asarray_like(w, self.X), self.s.dtype)

    def rmatvec(self, residual: Any) -> Array:
        """``X.T @ residual``; see :meth:`Block.rmatvec`."""
        return to_float64(self.XT @ as_type(residual, self.X.dtype))

    def apply_weights(self, residual: Any) -> Any:
        """Residuals of the rows, each times the weight of its row."""
        return residual * (self.s if residual.ndim == 1 else self.s[:, None])

    def column_sum(self, residual: Any) -> Array:
        """Sum of the residuals of the rows, in float64."""
        return to_float64(array_namespace(residual).sum(residual, axis=0))

    def weighted_value_sum(self, value: Any) -> float:
        """Sum of the values of the rows, each times the weight of its row, in float64."""
        return float(self.s @ value)

    def sandwich(self, d: Any, columns: Columns = slice(None)) -> Array:
        """``X.T @ diag(d) @ X``; see :meth:`Block.sandwich`."""
        xp = array_namespace(d)
        root = as_type(xp.sqrt(d), self.X.dtype)
        A = root[:, None] * take_columns(self.X, columns)
        return to_float64(A.T @ A)

    def sandwich_diagonal(self, d: Any) -> Array:
        """Diagonal of :meth:`sandwich`, for one or more weights a row."""
        return self._replace(XT=(self.X * self.X).T).rmatvec(d)

    def shifted(self, center: Array) -> Block:
        """The rows less a center, as precise as the device can; see :meth:`Block.shifted`."""
        X = as_type(self.X, self.s.dtype)
        X = X - asarray_like(center, X)
        return self._replace(X=X, XT=X.T)


class ArrayRows(RowBlocks):
    """Rows of an array of another library, summed over on its device.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Features. Never copied.
    y : array of integers of shape (n_samples,)
        Labels 0, 1, ..., on the same device.
    s : array of shape (n_samples,)
        Sample weights, likewise.
    """

    is_dense = True

    def __init__(self, X: Any, y: Any, s: Any) -> None:
        xp = array_namespace(X)
        self.X, self.y, self.s = X, y, s
        self.dtype = np.dtype(np.float32 if X.dtype == xp.float32 else np.float64)
        self.n_samples, self.n_features = X.shape
        self.n_stored = self.n_samples * self.n_features
        self.total_weight = float(xp.sum(s))
        self.smallest_weight = float(xp.min(xp.where(s > 0, s, np.inf)))
        self.passes = 0
        step = max(1, BLOCK_BYTES // (self.dtype.itemsize * self.n_features))
        starts = range(0, self.n_samples, step)
        cuts = [slice(start, min(start + step, self.n_samples)) for start in starts]
        self._blocks = [ArrayBlock(X[rows, :], X[rows, :].T, y[rows], s[rows]) for rows in cuts]

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks, one after the other."""
        self.passes += 1
        with np.errstate(all="ignore"):
            return sum_terms(map(function, self._blocks))

    def take_by_class(self, label: NDArray, position: NDArray[np.intp]) -> tuple[Array, Array]:
        """Features and weights, in NumPy, of the rows that are the first, second, ... of a label."""
        xp = array_namespace(self.X)
        X, s = np.empty((len(label), self.n_features)), np.empty(len(label))
        for k in np.unique(label):
            (of_label,) = xp.nonzero(self.y == int(k))
            at = np.flatnonzero(label == k)
            rows = xp.take(of_label, asarray_like(position[at], of_label))
            X[at] = to_numpy(xp.take(self.X, rows, axis=0))
            s[at] = to_numpy(xp.take(self.s, rows))
        return X, s

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; the features are not read."""
        return foreign_label_weights(self.y, self.s, n_labels)

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; the features are not read."""
        xp = array_namespace(self.y)
        return np.array([int(xp.count_nonzero(self.y == k)) for k in range(n_labels)])

    def column_density(self) -> Array:
        """Which share of the stored numbers belongs to each feature."""
        return np.full(self.n_features, 1 / self.n_features)

    def _check_features(self, estimator: Any) -> None:
        """Raise scikit-learn's error if a feature is NaN or infinite."""
        assert_all_finite(self.X, estimator_name=type(estimator).__name__, input_name="X")

    def to_user_array(self, array: NDArray) -> Any:
        """An array for the user, beside the features; labels that are text stay NumPy's."""
        if array.dtype.kind not in NUMBERS:
            return array
        return array_namespace(self.X).asarray(np.array(array), device=device(self.X))


def array_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[Classes, ArrayRows, Array]:
    """Classes and rows of an array of another library; labels and weights follow it.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Whose class weights are used, and which learns the number of features.
    X : array of shape (n_samples, n_features)
        Features.
    y : array or array-like of shape (n_samples,)
        Labels.
    sample_weight : array, array-like, number or None
        Sample weights.

    Returns
    -------
    classes : Classes
        The labels, and their weights.
    rows : ArrayRows
        The rows.
    class_totals : ndarray of shape (n_classes,)
        Total sample weight of each class.

    Raises
    ------
    ValueError, TypeError
        As for data in memory.
    """
    X, y = checked_features(estimator, X, y=y, reset=True, ensure_all_finite=False)
    labels, y = fit_encode_foreign(y)
    y, s = moved(y, X), check_weights_like(X, sample_weight)
    xp = array_namespace(X)
    totals = foreign_label_weights(y, s, len(labels))
    classes = weigh_classes(estimator, labels, totals)
    if (classes.weights != 1).any():
        s = s * xp.take(asarray_like(classes.weights, s), y)
    if not classes.scored.all():
        y = xp.take(asarray_like(classes.positions, y), y)
    if len(labels) <= BYTE_LABELS:
        y = as_type(y, xp.uint8)
    return classes, ArrayRows(X, y, s), totals


def scores(model: Any, X: Any) -> Any:
    """Scores ``X @ w + b`` of a fitted model, of shape (n_samples, n_scores), beside the features.

    Parameters
    ----------
    model : GDLogisticRegression
        The model, its coefficients beside the features.
    X : array of shape (n_samples, n_features)
        Features.

    Returns
    -------
    array
        The scores, in the more precise of the types of features and coefficients.
    """
    X = checked_features(model, X, reset=False)
    dtype = array_namespace(X).result_type(X.dtype, model.coef_.dtype)
    z = as_type(X, dtype) @ as_type(model.coef_, dtype).T
    return z + as_type(model.intercept_, dtype)


def check_same_place(model: Any, X: Any, method: str) -> None:
    """Refuse features that are not where the coefficients of a fitted model are.

    Parameters
    ----------
    model : GDLogisticRegression
        The model.
    X : object
        The features.
    method : str
        Name of the method that got them.

    Raises
    ------
    ValueError
        If the library or the device differ, or if scikit-learn's setting has changed.
    """
    check_is_fitted(model)
    coef = model.coef_
    if keeps_namespace(X) and is_non_numpy(coef) and place(X) == place(coef):
        return
    raise ValueError(
        f"Inputs passed to {type(model).__name__}.{method}() must use the same namespace and the "
        f"same device as those passed to fit(), with array_api_dispatch=True both times. They "
        f"are of {_described(X)}; the coefficients are of {_described(coef)}."
    )


# Arrays.


def place(array: Any) -> tuple[Any, Any]:
    """Library and device of an array."""
    return array_namespace(array), device(array)


def _described(array: Any) -> str:
    return f"{type(array).__module__} on {device(array)}" if is_non_numpy(array) else "NumPy"


def highest_float_dtype(array: Any) -> Any:
    """The most precise floating-point type on the device of an array."""
    information = array_namespace(array).__array_namespace_info__()
    types = information.dtypes(kind="real floating", device=device(array))
    return types.get("float64", types["float32"])


def as_type(array: Any, dtype: Any) -> Any:
    """An array in a type; not copied if it has it already."""
    return array_namespace(array).astype(array, dtype, copy=False)


def to_float64(array: Any) -> Array:
    """A few numbers as NumPy's, in float64."""
    return to_numpy(array).astype(np.float64, copy=False)


def moved(array: Any, X: Any) -> Any:
    """An array, moved to library and device of another."""
    xp = array_namespace(X)
    if is_non_numpy(array) and array_namespace(array) is xp:
        return to_device(array, device(X))
    return xp.asarray(np.array(to_numpy(array)), device=device(X))


def take_columns(X: Any, columns: Columns) -> Any:
    """Some columns of an array."""
    if isinstance(columns, slice):
        return X[:, columns]
    xp = array_namespace(X)
    return xp.take(X, xp.asarray(columns, device=device(X)), axis=1)


# Input.


def checked_features(estimator: Any, X: Any, *, reset: bool, **how: Any) -> Any:
    """Features of a type to compute with; the estimator checks or learns their number."""
    xp = array_namespace(X)
    if not xp.isdtype(X.dtype, ("bool", "integral", "real floating")):
        raise ValueError(f"Complex data not supported: X holds {X.dtype}.")
    return validate_data(
        estimator, X, reset=reset, dtype=[highest_float_dtype(X), xp.float32], **how
    )


def fit_encode_foreign(y: Any) -> tuple[NDArray, Any]:
    """Classes as an array of NumPy's, and the number of each label, where the labels are."""
    if isinstance(y, np.ndarray):
        classes, encoded = fit_encode(y)
        return classes, encoded.astype(np.int64)
    xp = array_namespace(y)
    found, encoded = xp.unique_inverse(y)  # in any order
    found = to_numpy(found)
    order = np.argsort(found)
    return check_classes(found[order]), xp.take(asarray_like(np.argsort(order), encoded), encoded)


def check_weights_like(X: Any, sample_weight: Any) -> Any:
    """Sample weights as precise as can be, beside the features."""
    xp, n_samples, dtype = array_namespace(X), X.shape[0], highest_float_dtype(X)
    if is_non_numpy(sample_weight):
        return check_sample_weight(moved(sample_weight, X), n_samples, dtype)
    s = check_sample_weight(sample_weight, n_samples)
    if sample_weight is None or isinstance(sample_weight, Real):
        return xp.full((n_samples,), float(s[0]), dtype=dtype, device=device(X))
    return as_type(moved(s, X), dtype)


def foreign_label_weights(y: Any, s: Any, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ..."""
    xp = array_namespace(s)
    return np.array([float(xp.sum(xp.where(y == k, s, 0.0))) for k in range(n_labels)])
