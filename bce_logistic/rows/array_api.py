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
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arrays import NUMBERS, Array, beside, is_foreign, on_host, stays
from ..validation.classes import Classes
from ..validation.labels import check_classes, encode_labels
from ..validation.weights import check_sample_weight, weigh_classes
from .base import Block, Columns, RowBlocks, Sums, added
from .memory import DenseRows, RowsInMemory

try:
    from array_api_compat import array_namespace as array_namespace
    from array_api_compat import device, to_device
except ImportError as error:
    raise ImportError(
        "Arrays of other libraries than NumPy need array-api-compat: "
        "pip install 'bce_logistic[array-api]'."
    ) from error


# A block is worth the calls that start the work on it, and what is computed of it fits beside it.
BLOCK_BYTES = 64 << 20
# Labels up to this number take one byte each.
BYTE_LABELS = 256


class ArrayBlock(Block):
    """Some consecutive rows of an array of another library.

    Scores and residuals are as precise as the device can, sums over the rows are NumPy's.
    """

    def scores(self, w: Array) -> Any:
        """``X @ w``; see :meth:`Block.scores`."""
        return as_type(self.X @ beside(w, self.X), self.s.dtype)

    def weighted_sum(self, residual: Any) -> Array:
        """``X.T @ residual``; see :meth:`Block.weighted_sum`."""
        return in_double(self.XT @ as_type(residual, self.X.dtype))

    def weighted(self, residual: Any) -> Any:
        """Residuals of the rows, each times the weight of its row."""
        return residual * (self.s if residual.ndim == 1 else self.s[:, None])

    def total(self, residual: Any) -> Array:
        """Sum of the residuals of the rows, in float64."""
        return in_double(array_namespace(residual).sum(residual, axis=0))

    def weighted_total(self, value: Any) -> float:
        """Sum of the values of the rows, each times the weight of its row, in float64."""
        return float(self.s @ value)

    def gram(self, d: Any, columns: Columns = slice(None)) -> Array:
        """``X.T @ diag(d) @ X``; see :meth:`Block.gram`."""
        xp = array_namespace(d)
        root = as_type(xp.sqrt(d), self.X.dtype)
        A = root[:, None] * taken_columns(self.X, columns)
        return in_double(A.T @ A)

    def gram_diagonal(self, d: Any) -> Array:
        """Diagonal of :meth:`gram`, for one or more weights a row."""
        return self._replace(XT=(self.X * self.X).T).weighted_sum(d)

    def shifted(self, center: Array) -> Block:
        """The rows less a center, as precise as the device can; see :meth:`Block.shifted`."""
        X = as_type(self.X, self.s.dtype)
        X = X - beside(center, X)
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

    dense = True

    def __init__(self, X: Any, y: Any, s: Any) -> None:
        xp = array_namespace(X)
        self.X, self.y, self.s = X, y, s
        self.dtype = np.dtype(np.float32 if X.dtype == xp.float32 else np.float64)
        self.n_samples, self.n_features = X.shape
        self.size = self.n_samples * self.n_features
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
            return added(map(function, self._blocks))

    def members(self, label: NDArray, rank: NDArray[np.intp], scale: Array) -> RowsInMemory:
        """Dense copy in NumPy of the rows that are the first, second, ... of a label."""
        xp = array_namespace(self.X)
        X, s = np.empty((len(label), self.n_features)), np.empty(len(label))
        for k in np.unique(label):
            (of_label,) = xp.nonzero(self.y == int(k))
            at = np.flatnonzero(label == k)
            rows = xp.take(of_label, beside(rank[at], of_label))
            X[at] = on_host(xp.take(self.X, rows, axis=0))
            s[at] = on_host(xp.take(self.s, rows))
        return DenseRows(X, label, s * scale)

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; the features are not read."""
        return total_weights(self.y, self.s, n_labels)

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; the features are not read."""
        xp = array_namespace(self.y)
        return np.array([int(xp.count_nonzero(self.y == k)) for k in range(n_labels)])

    def column_shares(self) -> Array:
        """Which share of the stored numbers belongs to each feature."""
        return np.full(self.n_features, 1 / self.n_features)

    def handed_back(self, array: NDArray) -> Any:
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
    labels, y = numbered(y)
    y, s = moved(y, X), weights_beside(X, sample_weight)
    xp = array_namespace(X)
    totals = total_weights(y, s, len(labels))
    classes = weigh_classes(estimator, labels, totals)
    if (classes.weights != 1).any():
        s = s * xp.take(beside(classes.weights, s), y)
    if not classes.scored.all():
        y = xp.take(beside(classes.positions, y), y)
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
    if stays(X) and is_foreign(coef) and place(X) == place(coef):
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
    return f"{type(array).__module__} on {device(array)}" if is_foreign(array) else "NumPy"


def widest(array: Any) -> Any:
    """The most precise floating-point type on the device of an array."""
    information = array_namespace(array).__array_namespace_info__()
    types = information.dtypes(kind="real floating", device=device(array))
    return types.get("float64", types["float32"])


def as_type(array: Any, dtype: Any) -> Any:
    """An array in a type; not copied if it has it already."""
    return array_namespace(array).astype(array, dtype, copy=False)


def in_double(array: Any) -> Array:
    """A few numbers as NumPy's, in float64."""
    return on_host(array).astype(np.float64, copy=False)


def moved(array: Any, X: Any) -> Any:
    """An array, moved to library and device of another."""
    xp = array_namespace(X)
    if is_foreign(array) and array_namespace(array) is xp:
        return to_device(array, device(X))
    return xp.asarray(np.array(on_host(array)), device=device(X))


def taken_columns(X: Any, columns: Columns) -> Any:
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
    return validate_data(estimator, X, reset=reset, dtype=[widest(X), xp.float32], **how)


def numbered(y: Any) -> tuple[NDArray, Any]:
    """Classes as an array of NumPy's, and the number of each label, where the labels are."""
    if isinstance(y, np.ndarray):
        classes, encoded = encode_labels(y)
        return classes, encoded.astype(np.int64)
    xp = array_namespace(y)
    found, encoded = xp.unique_inverse(y)  # in any order
    found = on_host(found)
    order = np.argsort(found)
    return check_classes(found[order]), xp.take(beside(np.argsort(order), encoded), encoded)


def weights_beside(X: Any, sample_weight: Any) -> Any:
    """Sample weights as precise as can be, beside the features."""
    xp, n_samples, dtype = array_namespace(X), X.shape[0], widest(X)
    if is_foreign(sample_weight):
        return check_sample_weight(moved(sample_weight, X), n_samples, dtype)
    s = check_sample_weight(sample_weight, n_samples)
    if sample_weight is None or isinstance(sample_weight, Real):
        return xp.full((n_samples,), float(s[0]), dtype=dtype, device=device(X))
    return as_type(moved(s, X), dtype)


def total_weights(y: Any, s: Any, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ..."""
    xp = array_namespace(s)
    return np.array([float(xp.sum(xp.where(y == k, s, 0.0))) for k in range(n_labels)])
