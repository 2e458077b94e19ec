"""Refuse values that NumPy would silently reinterpret or fails to convert, and say which and why.

NumPy turns masked values into their fill, dates into counts and text of numbers into numbers, and
its own conversion errors name neither row nor column.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import is_non_numpy

# Kinds of arrays whose values are numbers.
NUMERIC = "biufc"
TEMPORAL = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def check_numeric(data: Any, name: str) -> None:
    """Refuse features or weights that are masked, text, dates, durations or records.

    ``name`` stands for them in the ValueError. Values of object arrays are not inspected: their
    conversion fails by itself, see :func:`explain_conversion`.
    """
    if is_masked(data):
        raise ValueError(
            f"{name} has masked values. Leave these samples out, or impute them: "
            f"sklearn.impute.SimpleImputer takes NaN, which {name}.astype(float).filled(np.nan) "
            "gives."
        )
    if _is_frame(data):
        # One column of each type; a frame of only dates would become an array of numbers.
        for dtype, column in dict(zip(data.dtypes, data.columns, strict=True)).items():
            if str(getattr(dtype, "kind", "O")) in NUMERIC:
                continue
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
            f"{name} holds text ({dtype}), not numbers. If the text is of numbers, convert it "
            f"with {name}.astype(float); if it names categories, encode it, for example with "
            "sklearn.preprocessing.OneHotEncoder."
        )
    if kind == "V":
        raise ValueError(
            f"{name} holds records ({dtype}), not numbers. Make columns of their fields with "
            f"numpy.lib.recfunctions.structured_to_unstructured({name})."
        )


def explain_conversion(X: Any, error: Exception) -> None:
    """Raise an error that names the first feature that is not a number, if one can be found.

    ``error`` is the one that the conversion raised. Text, dates, durations and missing values
    raise ValueError, any other object TypeError.
    """
    for where, selector, values in _columns(X):
        bad = _first_non_number(values)
        if bad is None:
            continue
        i, value = bad
        if isinstance(value, (str, bytes)):
            message = (
                f"{where} holds text, for example {value!r} in row {i}: could not convert string "
                "to float. Encode it before the model, for example with "
                "sklearn.compose.make_column_transformer((sklearn.preprocessing.OneHotEncoder("
                f"handle_unknown='ignore'), [{selector}]), remainder='passthrough'); or with "
                "OrdinalEncoder, if its values have an order."
            )
        elif isinstance(value, datetime.time):
            message = _time_of_day(where)
        elif isinstance(value, TEMPORAL):
            duration = isinstance(value, (datetime.timedelta, np.timedelta64))
            message = _temporal(where, type(value).__name__, duration)
        elif is_missing(value):
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


def is_masked(data: Any) -> bool:
    """Whether any value is masked; scikit-learn would ignore the mask."""
    return isinstance(data, np.ma.MaskedArray) and bool(np.ma.is_masked(data))


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or NA: the latter three do not equal themselves."""
    if value is None:
        return True
    if isinstance(value, (str, int)):  # most labels: a shortcut
        return False
    differs = np.ndim(value) == 0 and value != value
    return differs is not False and differs is not np.False_


def _is_frame(data: Any) -> bool:
    """Whether data are a frame of pandas, polars, or a library with the same attributes."""
    return hasattr(data, "columns") and hasattr(data, "dtypes")


def _columns(X: Any) -> Iterator[tuple[str, str, NDArray]]:
    """Expression for each column, its selector in a ColumnTransformer, and its values."""
    if _is_frame(X):
        for j, name in enumerate(X.columns):
            if np.asarray(X[name].head(1)).dtype.kind not in NUMERIC:
                selector = repr(name) if isinstance(name, str) else str(j)  # integers are positions
                yield f"X[{name!r}]", selector, np.asarray(X[name], dtype=object)
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


def _first_non_number(values: NDArray) -> tuple[int, Any] | None:
    """Position and value of the first object that float() refuses; None if there is none."""
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
        f"{where} holds {held} ({dtype}), not numbers. Count the days, for example: {days}, "
        f"where c = np.asarray({where}, dtype='{kind}[s]')."
    )


def _time_of_day(where: str) -> str:
    """Message that refuses times of the day."""
    return (
        f"{where} holds times of the day, not numbers. Count the hours, for example: "
        f"[t.hour + t.minute / 60 for t in {where}]."
    )
