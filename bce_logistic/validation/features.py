"""Reject input that NumPy or SciPy would silently reinterpret; name the value that is unusable."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from ..arrays import is_non_numpy

# Rows that are searched at a time for a value that is not finite.
ROWS = 4096
# Kinds of arrays that convert without a look at their values.
NUMERIC = "biufc"
TEMPORAL = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)

# Names in a message, at most.
MAX_LISTED = 100


def validated(
    estimator: Any,
    X: Any,
    y: Any = "no_validation",
    *,
    reset: bool = True,
    ensure_all_finite: bool = True,
    dtype: Sequence[type] = (np.float64, np.float32),
) -> Any:
    """Features, and labels if there are any, as :func:`validate_data` gives them.

    With labels the features are laid out for sums over rows: in C order, or canonical CSR.

    Parameters
    ----------
    estimator : GDLogisticRegression
        Learns or checks the number and the names of the features.
    X : array-like or sparse matrix
        Features.
    y : array-like, default="no_validation"
        Labels.
    reset : bool, default=True
        Whether the estimator learns the number and the names of the features.
    ensure_all_finite : bool, default=True
        Whether NaN and infinity are refused.
    dtype : sequence of types, default=(float64, float32)
        What features stay; everything else becomes the first.

    Returns
    -------
    ndarray or CSR matrix, or tuple of it and an ndarray
        The features, and the labels.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, but where a value can be named, one that says where it is and what to
        do with it.
    """
    check_numeric(X, "X")
    if not isinstance(y, str):
        check_labels(y)
    check_sparse(X)
    try:
        found = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=list(dtype),
            order=None if isinstance(y, str) else "C",
            ensure_all_finite=False,
        )
    except (ValueError, TypeError) as error:
        explain_conversion(X, error)
        raise
    labels = () if isinstance(y, str) else found[1:]
    X = found[0] if labels else found
    if ensure_all_finite:
        check_finite(X, estimator)
    return (canonical(X), *labels) if labels else X


def canonical(X: Any) -> Any:
    """Sparse rows with sorted indices and no repeated entry, in new memory if they had others.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.

    Returns
    -------
    ndarray or CSR array
        The features; canonical ones in the same memory.
    """
    if not scipy.sparse.issparse(X):
        return X
    # A new matrix: the flags that the given one caches about its order may be out of date, and
    # its arrays may be longer than what indptr refers to.
    n_stored = X.indptr[-1]
    arrays = X.data[:n_stored], X.indices[:n_stored], X.indptr
    rows = compressed(scipy.sparse.csr_array, X.shape, *arrays)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def compressed(kind: Any, shape: tuple, data: NDArray, indices: NDArray, indptr: NDArray) -> Any:
    """A compressed sparse matrix of given arrays; SciPy's constructor may copy them."""
    matrix = kind(shape, dtype=data.dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


def check_numeric(data: Any, name: str) -> None:
    """Refuse what NumPy would turn into numbers without a word.

    Parameters
    ----------
    data : array-like, sparse matrix or data frame
        Features or weights.
    name : str
        How the message calls them.

    Raises
    ------
    ValueError
        If values are masked, or if they are text, dates, durations or records.
    """
    if _is_masked(data):
        raise ValueError(
            f"{name} has masked values. Leave these samples out, or impute them: "
            f"sklearn.impute.SimpleImputer takes NaN, which {name}.astype(float).filled(np.nan) "
            "gives."
        )
    if _is_frame(data):
        # One column of each type; a frame of only dates would become an array of numbers.
        for dtype, column in dict(zip(data.dtypes, data.columns, strict=True)).items():
            first = np.asarray(data[column].head(1))
            kinds = {first.dtype.kind, getattr(dtype, "kind", None)}
            if kinds & {"m", "M"}:
                raise ValueError(_temporal(f"{name}[{column!r}]", dtype, "m" in kinds))
            if first.size and isinstance(first.flat[0], datetime.time):
                raise ValueError(_time_of_day(f"{name}[{column!r}]"))
        return
    dtype = getattr(data, "dtype", None)
    kind = getattr(dtype, "kind", "O")
    if kind in "mM":
        raise ValueError(_temporal(name, dtype, kind == "m"))
    if kind in "US":
        raise ValueError(
            f"{name} holds no numbers but text ({dtype}). If the text is of numbers, convert it "
            f"with {name}.astype(float); if it names categories, encode it, for example with "
            "sklearn.preprocessing.OneHotEncoder."
        )
    if kind == "V":
        raise ValueError(
            f"{name} holds no numbers but records ({dtype}). Make columns of their fields with "
            f"numpy.lib.recfunctions.structured_to_unstructured({name})."
        )


def check_labels(y: Any, name: str = "y") -> None:
    """Refuse labels that are missing, and those that NumPy would turn into others without a word.

    Parameters
    ----------
    y : array-like or None
        Labels.
    name : str, default="y"
        How the message calls them.

    Raises
    ------
    ValueError
        If a label is masked or missing.
    TypeError
        If a list holds text and other labels: all would become text.
    """
    if _is_masked(y):
        raise ValueError(
            f"{name} has masked values. Leave these samples out: fit(X[known], y[known]), where "
            "known = ~np.ma.getmaskarray(y)."
        )
    if y is None or scipy.sparse.issparse(y) or is_non_numpy(y):
        return
    listed = isinstance(y, (list, tuple))
    labels = np.asarray(y, dtype=object) if listed else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        return
    position = _first_missing(labels)
    if position is not None:
        kind = labels.dtype.kind
        made = "dtype=object" if kind == "O" else f"dtype={labels.dtype.name!r}"
        missing = {"f": "np.isnan", "m": "np.isnat", "M": "np.isnat"}.get(kind, "pandas.isna")
        raise ValueError(
            f"{name} has a missing label (None, NaN, NaT or NA) at position {position}: "
            f"{labels[position]!r}. Leave the samples without a label out: with labels = "
            f"np.array(y, {made}).ravel() and known = ~{missing}(labels), "
            f"fit(X[known], labels[known]{'.tolist()' * (kind == 'O')})."
        )
    if listed and len({isinstance(label, str) for label in labels}) > 1:
        raise TypeError(f"{name} mixes text and other labels. Convert them to one type.")


def _first_missing(labels: NDArray) -> int | None:
    """Position of the first label that is None, NaN, NaT or NA."""
    if labels.dtype.kind == "O":
        return next((i for i, label in enumerate(labels) if _is_missing(label)), None)
    if labels.dtype.kind not in "fmM":
        return None
    missing = np.isnan(labels)  # true of NaT, too
    return int(missing.argmax()) if missing.any() else None


def _is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA: only these do not equal themselves."""
    if value is None:
        return True
    if isinstance(value, (str, int)):  # most labels; no need to ask
        return False
    differs = np.ndim(value) == 0 and value != value
    return differs is not False and differs is not np.False_


def check_sparse(X: Any) -> None:
    """Refuse a sparse matrix whose indices lead out of it: SciPy would read foreign memory.

    It costs one read of the indices.

    Parameters
    ----------
    X : object
        Features; anything but a sparse matrix is passed over.

    Raises
    ------
    ValueError
        If an index or a bound is out of range, or if arrays do not belong together.
    """
    if not scipy.sparse.issparse(X) or len(X.shape) != 2:
        return
    if X.format == "coo":
        sound = all(map(_indices_in_range, (X.row, X.col), X.shape))
    elif X.format in ("csr", "csc"):
        n_rows, n_columns = X.shape if X.format == "csr" else X.shape[::-1]
        indptr = X.indptr
        sound = (
            len(indptr) == n_rows + 1
            and indptr[0] == 0
            and bool((indptr[:-1] <= indptr[1:]).all())
            and indptr[-1] <= min(len(X.indices), len(X.data))
            and _indices_in_range(X.indices[: indptr[-1]], n_columns)
        )
    else:
        return
    if not sound:
        raise ValueError(
            f"X is a corrupt {X.format} matrix: its indices lead out of its shape {X.shape} or "
            "are not in order. Make it anew from its data."
        )


def _indices_in_range(indices: NDArray, length: int) -> bool:
    """Whether all indices are integers in ``[0, length)``."""
    if indices.dtype.kind not in "iu" or indices.size == 0:
        return indices.size == 0
    # As numbers without a sign, negative ones are large: one read instead of two.
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))
    return bool(unsigned.max() < length)


def check_finite(X: Any, estimator: Any) -> None:
    """Raise scikit-learn's error if a feature is NaN or infinite, and say where the first is.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    estimator : GDLogisticRegression
        Whose name, and whose names of the features, the message gives.

    Raises
    ------
    ValueError
        If a feature is not finite.
    """
    found = not_finite(X, type(estimator).__name__)
    if found is not None:
        raise ValueError(not_finite_message(*found, estimator))


def not_finite(X: Any, estimator_name: str) -> tuple[str, int, int] | None:
    """Message of scikit-learn, row and column of the first value that is not finite, if any."""
    try:
        assert_all_finite(X, estimator_name=estimator_name, input_name="X")
    except ValueError as error:
        if scipy.sparse.issparse(X):
            entry = int(np.flatnonzero(~np.isfinite(X.data))[0])
            row = int(np.searchsorted(X.indptr, entry, side="right")) - 1
            return str(error), row, int(X.indices[entry])
        for start in range(0, len(X), ROWS):
            found = np.argwhere(~np.isfinite(X[start : start + ROWS]))
            if len(found):
                break
        return str(error), start + int(found[0, 0]), int(found[0, 1])
    return None


def not_finite_message(words: str, i: int, j: int, estimator: Any) -> str:
    """Message of scikit-learn, and where the value is."""
    names = vars(estimator).get("feature_names_in_")
    column = "" if names is None else f", in the column {names[j]!r}"
    return f"{words}\nThe first is X[{i}, {j}]{column}."


def explain_conversion(X: Any, error: Exception) -> None:
    """Raise an error that names the first value of the features that cannot be a number, if any.

    Parameters
    ----------
    X : array-like
        Features that could not be converted.
    error : Exception
        What the conversion raised.

    Raises
    ------
    ValueError
        If a value is text, a date, a duration, or missing.
    TypeError
        If it is anything else that is no number.
    """
    for where, place, values in _columns(X):
        bad = _first_no_number(values)
        if bad is None:
            continue
        i, value = bad
        if isinstance(value, (str, bytes)):
            message = (
                f"{where} holds text, for example {value!r} in row {i}: could not convert string "
                "to float. Encode it before the model, for example with "
                "sklearn.compose.make_column_transformer((sklearn.preprocessing.OneHotEncoder("
                f"handle_unknown='ignore'), [{place}]), remainder='passthrough'); or with "
                "OrdinalEncoder, if its values have an order."
            )
        elif isinstance(value, datetime.time):
            message = _time_of_day(where)
        elif isinstance(value, TEMPORAL):
            duration = isinstance(value, (datetime.timedelta, np.timedelta64))
            message = _temporal(where, type(value).__name__, duration)
        elif _is_missing(value):
            message = (
                f"{where} has a missing value, {value!r}, in row {i}. Replace it by NaN, with "
                f"np.where(pandas.isna({where}), np.nan, {where}).astype(float), and impute that, "
                "for example with sklearn.impute.SimpleImputer."
            )
        elif isinstance(error, TypeError):
            raise TypeError(f"{where} holds no number in row {i}: {error}.") from error
        else:
            return
        raise ValueError(message) from error


def _columns(X: Any) -> Iterator[tuple[str, str, NDArray]]:
    """How a user writes each column, how a ColumnTransformer names it, and its values."""
    if _is_frame(X):
        for j, name in enumerate(X.columns):
            if np.asarray(X[name].head(1)).dtype.kind not in NUMERIC:
                place = repr(name) if isinstance(name, str) else str(j)  # what is a number counts
                yield f"X[{name!r}]", place, np.asarray(X[name], dtype=object)
        return
    if is_non_numpy(X) or getattr(getattr(X, "dtype", None), "kind", "O") in NUMERIC:
        return
    try:
        values = np.asarray(X, dtype=object)
    except (ValueError, TypeError):
        return
    if values.ndim == 2:
        for j in range(values.shape[1]):
            yield f"X[:, {j}]", str(j), values[:, j]


def _first_no_number(values: NDArray) -> tuple[int, Any] | None:
    """Position and value of the first object that is no number; None: all are."""
    try:
        values.astype(np.float64)
    except (ValueError, TypeError):
        for i, value in enumerate(values):
            try:
                float(value)
            except (ValueError, TypeError):
                if value is not None:
                    return i, value
    return None


def _temporal(where: str, dtype: Any, duration: bool) -> str:
    """Message that refuses dates or durations."""
    held, kind, days = "dates", "datetime64", "(c - c.min()) / np.timedelta64(1, 'D')"
    if duration:
        held, kind, days = "durations", "timedelta64", "c / np.timedelta64(1, 'D')"
    return (
        f"{where} holds no numbers but {held} ({dtype}). Count the days, for example: {days}, "
        f"where c = np.asarray({where}, dtype='{kind}[s]')."
    )


def _time_of_day(where: str) -> str:
    """Message that refuses times of the day."""
    return (
        f"{where} holds no numbers but times of the day. Count the hours, for example: "
        f"[t.hour + t.minute / 60 for t in {where}]."
    )


def _is_masked(data: Any) -> bool:
    """Whether values are masked; scikit-learn would use them as if they were not."""
    return isinstance(data, np.ma.MaskedArray) and bool(np.ma.is_masked(data))


def _is_frame(data: Any) -> bool:
    """Whether data are a frame of pandas or polars, or of another library with their names."""
    return hasattr(data, "columns") and hasattr(data, "dtypes")


def feature_names(estimator: Any) -> list[str]:
    """Names of the features, made up if the estimator saw none."""
    made_up = [f"x{j}" for j in range(estimator.n_features_in_)]
    return list(getattr(estimator, "feature_names_in_", made_up))


def listed(names: list[str]) -> str:
    """Names for a message; of very many the first, and how many there are."""
    if len(names) <= MAX_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_LISTED])}, ... ({len(names)} in all)"
