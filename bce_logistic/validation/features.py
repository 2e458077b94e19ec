"""Features: the one call that validates them, and the error that locates a value not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import assert_all_finite, check_consistent_length
from sklearn.utils.validation import validate_data

from .labels import batches, check_labels
from .numeric import check_numeric, explain_conversion
from .probabilities import ClassColumns
from .sparse import check_sparse, without_repeats

# Rows that are searched at a time for a value that is not finite.
SEARCHED_ROWS = 4096
# Most names in a message.
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
    """Features, and labels if given, as :func:`validate_data` returns them.

    With labels the features are laid out for sums over rows: in C order, or CSR without repeated
    entries. Types of features not in ``dtype`` are converted to its first. A ``y`` of two
    dimensions is returned as ``SoftLabels``. The errors are scikit-learn's; where a value can be
    named, the message says where it is and how to mend it.
    """
    has_labels = not isinstance(y, str)
    check_numeric(X, "X")
    columns = ClassColumns.of(y) if has_labels else None
    if has_labels and columns is None:
        check_labels(y)
    check_sparse(X)
    # validate_data spends a twentieth of a small fit on integers that need no check.
    plain = isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biu"
    try:
        data = validate_data(
            estimator,
            X,
            "no_validation" if plain else y,
            reset=reset,
            accept_sparse="csr",
            dtype=list(dtype),
            order="C" if has_labels else None,
            ensure_all_finite=False,
            **({"multi_output": True} if columns is not None else {}),
        )
    except (ValueError, TypeError) as error:
        explain_conversion(X, error)
        raise
    if plain:
        check_consistent_length(data, y)
    X, labels = data if has_labels and not plain else (data, y)
    if columns is not None:
        labels = columns.soft_labels(labels)
    if ensure_all_finite:
        check_finite(X, estimator)
    return (without_repeats(X), labels) if has_labels else X


def check_finite(X: Any, estimator: Any) -> None:
    """Raise scikit-learn's error if a feature is NaN or infinite, with the position of the first.

    ``X`` is an ndarray or a CSR matrix.
    """
    problem = non_finite(X, type(estimator).__name__)
    if problem is not None:
        raise ValueError(non_finite_message(*problem, estimator))


def non_finite(X: Any, estimator_name: str) -> tuple[str, int, int] | None:
    """Error message, row and column of the first value that is not finite, if any."""
    try:
        assert_all_finite(X, estimator_name=estimator_name, input_name="X")
    except ValueError as error:
        if scipy.sparse.issparse(X):
            entry = int(np.flatnonzero(~np.isfinite(X.data))[0])
            row = int(np.searchsorted(X.indptr, entry, side="right")) - 1
            return str(error), row, int(X.indices[entry])
        for rows in batches(len(X), SEARCHED_ROWS):
            found = np.argwhere(~np.isfinite(X[rows]))
            if len(found):
                return str(error), rows.start + int(found[0, 0]), int(found[0, 1])
        raise
    return None


def non_finite_message(message: str, i: int, j: int, estimator: Any) -> str:
    """Message of scikit-learn and the position of the value."""
    names = vars(estimator).get("feature_names_in_")
    column = "" if names is None else f", in the column {names[j]!r}"
    return f"{message}\nThe first is X[{i}, {j}]{column}."


def feature_names(estimator: Any) -> list[str]:
    """Names of the features; x0, x1, ... if the estimator was fitted without names."""
    generated = [f"x{j}" for j in range(estimator.n_features_in_)]
    return list(getattr(estimator, "feature_names_in_", generated))


def listed(names: list[str]) -> str:
    """Names for a message: the first MAX_LISTED, and their number if there are more."""
    if len(names) <= MAX_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_LISTED])}, ... ({len(names)} in all)"
