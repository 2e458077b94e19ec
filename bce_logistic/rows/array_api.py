"""Rows in an array of another library than NumPy, summed over on its device, such as a GPU.

scikit-learn's setting ``array_api_dispatch`` decides whether such an array is kept. Arrays with
one element a row (scores, losses, residuals) and their sums are then computed by its library, on
its device. Coefficients are NumPy's: they travel to the device; sums and the rows of a subsample
come back.

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
    is_floating,
    is_non_numpy,
    keeps_namespace,
    to_numpy,
)
from ..validation.classes import Classes
from ..validation.labels import batches
from ..validation.probabilities import ClassColumns
from ..validation.weights import check_sample_weight, weigh_classes
from .array_api_labels import (
    fit_encode_foreign,
    foreign_label_weights,
    foreign_most_probable,
    shares,
)
from .base import Block, Columns, RowBlocks, Sums, sum_terms

_compat = array_api_compat()
array_namespace, device, to_device = _compat.array_namespace, _compat.device, _compat.to_device


# Large enough to amortise calls of the library and, on an accelerator, launches of kernels; small
# enough that temporaries fit in memory.
BLOCK_BYTES, ACCELERATOR_BLOCK_BYTES = 64 << 20, 1 << 30
# Labels up to this number take one byte each.
BYTE_LABELS = 256


class ArrayBlock(Block):
    """Consecutive rows; scores and residuals in the highest precision of the device.

    Sums over the rows are returned to NumPy, in float64.
    """

    def matvec(self, w: Array) -> Any:
        """``X @ w``, on the device."""
        return as_type(self.X @ asarray_like(w, self.X), self.s.dtype)

    def rmatvec(self, residual: Any) -> Array:
        """``X.T @ residual``."""
        return to_float64(self.XT @ as_type(residual, self.X.dtype))

    def apply_weights(self, residual: Any) -> Any:
        """``diag(s) @ residual``, on the device."""
        return residual * (self.s if residual.ndim == 1 else self.s[:, None])

    def column_sum(self, residual: Any) -> Array:
        """Sum of the residuals over the rows."""
        return to_float64(array_namespace(residual).sum(residual, axis=0))

    def weighted_value_sum(self, value: Any) -> float:
        """``s @ value``."""
        return float(self.s @ value)

    def sandwich(self, d: Any, columns: Columns = slice(None)) -> Array:
        """``X.T @ diag(d) @ X`` of some columns of ``X``."""
        xp = array_namespace(d)
        root = as_type(xp.sqrt(d), self.X.dtype)
        A = root[:, None] * take_columns(self.X, columns)
        return to_float64(A.T @ A)

    def sandwiches(self, d: Any, columns: Columns = slice(None)) -> Array:
        """:meth:`sandwich` for each column of ``d``; shape (n_scores, n_columns, n_columns)."""
        xp, X = array_namespace(d), take_columns(self.X, columns)
        n_rows, n_columns = X.shape
        scaled = as_type(d, X.dtype)[:, :, None] * X[:, None, :]
        scaled = xp.reshape(scaled, (n_rows, d.shape[1] * n_columns))
        products = to_float64(X.T @ scaled)
        return products.reshape((n_columns, d.shape[1], n_columns)).transpose(1, 0, 2)

    def sandwich_diagonal(self, d: Any) -> Array:
        """Diagonal of :meth:`sandwich`; ``d`` may have the shape (n_rows, n_scores)."""
        return self._replace(XT=(self.X * self.X).T).rmatvec(d)

    def shifted(self, center: Array) -> Block:
        """The rows minus ``center``, in the highest precision of the device."""
        X = as_type(self.X, self.s.dtype)
        X = X - asarray_like(center, X)
        return self._replace(X=X, XT=X.T)


class ArrayRows(RowBlocks):
    """Rows of an array of another library, summed over on its device.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Features. Never copied.
    y : array of shape (n_samples,) or (n_samples, n_classes)
        Labels 0, 1, ..., or probabilities, on the device of the features.
    s : array of shape (n_samples,)
        Sample weights, on that device.
    """

    is_dense = True

    def __init__(self, X: Any, y: Any, s: Any) -> None:
        xp = array_namespace(X)
        self.X, self.y, self.s = X, y, s
        self.dtype = np.dtype(np.float32 if X.dtype == xp.float32 else np.float64)
        self.n_samples, self.n_features = X.shape
        self.n_stored = self.n_samples * self.n_features
        self.total_weight = float(xp.sum(s))
        by_class = [s * share for share in shares(y)] if is_floating(y) else [s]
        self.smallest_weight = min(float(xp.min(xp.where(w > 0, w, np.inf))) for w in by_class)
        self.passes = 0
        # Libraries name devices as they like, but all call the host a CPU.
        self.on_accelerator = "cpu" not in str(device(X)).lower()
        block_bytes = ACCELERATOR_BLOCK_BYTES if self.on_accelerator else BLOCK_BYTES
        step = max(1, block_bytes // (self.dtype.itemsize * self.n_features))
        self._blocks = [
            ArrayBlock(X[rows, :], X[rows, :].T, y[rows, ...], s[rows], rows.start)
            for rows in batches(self.n_samples, step)
        ]

    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks, one after the other."""
        self.passes += 1
        with np.errstate(all="ignore"):
            return sum_terms(map(function, self._blocks))

    def take_by_class(
        self, label: NDArray, position: NDArray[np.intp]
    ) -> tuple[Array, NDArray, Array]:
        """Features, labels and weights, in NumPy, of rows given by label and position."""
        xp, most_probable = array_namespace(self.X), foreign_most_probable(self.y)
        rows = np.empty(len(label), dtype=np.int64)
        for k in np.unique(label):
            (of_label,) = xp.nonzero(most_probable == int(k))
            at = np.flatnonzero(label == k)
            rows[at] = to_numpy(xp.take(of_label, asarray_like(position[at], of_label)))
        index = asarray_like(rows, of_label)
        X, y, s = (to_numpy(xp.take(array, index, axis=0)) for array in (self.X, self.y, self.s))
        return X.astype(np.float64, copy=False), y, s.astype(np.float64, copy=False)

    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ..."""
        return foreign_label_weights(self.y, self.s, n_labels)

    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """Number of rows of each label 0, 1, ..."""
        xp, most_probable = array_namespace(self.y), foreign_most_probable(self.y)
        return np.array([int(xp.count_nonzero(most_probable == k)) for k in range(n_labels)])

    def _check_features(self, estimator: Any) -> None:
        """Raise scikit-learn's error if a feature is NaN or infinite."""
        assert_all_finite(self.X, estimator_name=type(estimator).__name__, input_name="X")

    def to_user_array(self, array: NDArray) -> Any:
        """The array in the library and on the device of the features; text stays NumPy's."""
        if array.dtype.kind not in NUMBERS:
            return array
        return array_namespace(self.X).asarray(np.array(array), device=device(self.X))


def array_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[Classes, ArrayRows, Array]:
    """Classes, rows and total sample weight of each class; errors as for data in memory.

    Labels and weights, of any library, are moved to the device of the features. The estimator,
    whose class weights count, learns the number of features.
    """
    columns = ClassColumns.of(y)
    X, y = checked_features(estimator, X, y, reset=True, ensure_all_finite=False)
    labels, y = fit_encode_foreign(y if columns is None else columns.soft_labels(y))
    y, s = to_device_of(X, y), check_weights_like(X, sample_weight)
    xp = array_namespace(X)
    totals = foreign_label_weights(y, s, len(labels))
    classes = weigh_classes(estimator, labels, totals)
    if y.ndim == 2:
        return classes, ArrayRows(X, *classes.weighed_probabilities(y, s)), totals
    if (classes.weights != 1).any():
        s = s * xp.take(asarray_like(classes.weights, s), y)
    if not classes.scored.all():
        y = xp.take(asarray_like(classes.positions, y), y)
    if len(labels) <= BYTE_LABELS:
        y = as_type(y, xp.uint8)
    return classes, ArrayRows(X, y, s), totals


def scores(model: Any, X: Any) -> Any:
    """Scores ``X @ w + b`` of a fitted model, (n_samples, n_scores), on the device of ``X``.

    Their type is the more precise of those of features and coefficients.
    """
    X = checked_features(model, X, reset=False)
    dtype = array_namespace(X).result_type(X.dtype, model.coef_.dtype)
    z = as_type(X, dtype) @ as_type(model.coef_, dtype).T
    return z + as_type(model.intercept_, dtype)


def check_same_place(model: Any, X: Any, method: str) -> None:
    """Raise ValueError unless ``X`` has the library and device of the model's coefficients.

    scikit-learn's setting has to be that of the fit. ``method`` is named in the message.
    """
    check_is_fitted(model)
    coef = model.coef_
    if (
        keeps_namespace(X)
        and is_non_numpy(coef)
        and namespace_and_device(X) == namespace_and_device(coef)
    ):
        return
    raise ValueError(
        f"Inputs passed to {type(model).__name__}.{method}() must use the same namespace and the "
        f"same device as those passed to fit(), with array_api_dispatch=True both times. They "
        f"are of {_described(X)}; the coefficients are of {_described(coef)}."
    )


def namespace_and_device(array: Any) -> tuple[Any, Any]:
    """Library and device of an array, to compare."""
    return array_namespace(array), device(array)


def _described(array: Any) -> str:
    return f"{type(array).__module__} on {device(array)}" if is_non_numpy(array) else "NumPy"


def highest_float_dtype(array: Any) -> Any:
    """The most precise floating-point type on the device of an array."""
    information = array_namespace(array).__array_namespace_info__()
    types = information.dtypes(kind="real floating", device=device(array))
    return types.get("float64", types["float32"])


def as_type(array: Any, dtype: Any) -> Any:
    """The array in a type, not copied if it already has it."""
    return array_namespace(array).astype(array, dtype, copy=False)


def to_float64(array: Any) -> Array:
    """The numbers as a NumPy array in float64."""
    return to_numpy(array).astype(np.float64, copy=False)


def to_device_of(X: Any, array: Any) -> Any:
    """The array in the library and on the device of ``X``."""
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


def checked_features(
    estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, ensure_all_finite: bool = True
) -> Any:
    """Features as floating-point numbers, and labels if given; their number is checked or set."""
    xp = array_namespace(X)
    if not xp.isdtype(X.dtype, ("bool", "integral", "real floating")):
        raise ValueError(f"Complex data not supported: X holds {X.dtype}.")
    return validate_data(
        estimator,
        X,
        y,
        reset=reset,
        dtype=[highest_float_dtype(X), xp.float32],
        ensure_all_finite=ensure_all_finite,
        **({"multi_output": True} if len(getattr(y, "shape", ())) == 2 else {}),
    )


def check_weights_like(X: Any, sample_weight: Any) -> Any:
    """Sample weights in the highest precision of the device of ``X``, moved there."""
    xp, n_samples, dtype = array_namespace(X), X.shape[0], highest_float_dtype(X)
    if is_non_numpy(sample_weight):
        return check_sample_weight(to_device_of(X, sample_weight), n_samples, dtype)
    s = check_sample_weight(sample_weight, n_samples)
    if sample_weight is None or isinstance(sample_weight, Real):
        return xp.full((n_samples,), float(s[0]), dtype=dtype, device=device(X))
    return as_type(to_device_of(X, s), dtype)
