"""Input that others would silently take for something else: refused before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


def check_kind(data: Any, name: str) -> None:
    """Refuse what NumPy would turn into numbers without a word.

    Parameters
    ----------
    data : array-like, sparse matrix or data frame
        Features or weights.
    name : str
        What the message calls them.

    Raises
    ------
    ValueError
        If values are masked, or if they are text, dates, durations or records.
    """
    _check_mask(data, name)
    if hasattr(data, "columns"):  # a frame of one kind of columns becomes an array of that kind
        data = np.asarray(data.head(1))
    dtype = getattr(data, "dtype", None)
    if getattr(dtype, "kind", "O") in "USMmV":
        raise ValueError(
            f"{name} holds no numbers but {dtype}. Encode it, or convert it with astype(float)."
        )


def check_labels(y: Any) -> None:
    """Refuse labels that NumPy would turn into others without a word.

    Parameters
    ----------
    y : array-like
        Labels.

    Raises
    ------
    ValueError
        If a label is masked.
    TypeError
        If a list holds text and other labels: all would become text.
    """
    _check_mask(y, "y")
    if isinstance(y, (list, tuple)) and len({isinstance(label, str) for label in y}) > 1:
        raise TypeError("y mixes text and other labels. Convert them to one type.")


def _check_mask(data: Any, name: str) -> None:
    """Refuse masked values, which scikit-learn would use as if they were not masked."""
    if np.ma.is_masked(data):
        raise ValueError(
            f"{name} has masked values. Leave these samples out, or impute them: "
            "sklearn.impute.SimpleImputer takes NaN, which filled(np.nan) gives."
        )


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
        sound = all(map(_inside, (X.row, X.col), X.shape))
    elif X.format in ("csr", "csc"):
        n_rows, n_columns = X.shape if X.format == "csr" else X.shape[::-1]
        indptr = X.indptr
        sound = (
            len(indptr) == n_rows + 1
            and indptr[0] == 0
            and bool((indptr[:-1] <= indptr[1:]).all())
            and indptr[-1] <= min(len(X.indices), len(X.data))
            and _inside(X.indices[: indptr[-1]], n_columns)
        )
    else:
        return
    if not sound:
        raise ValueError(
            f"X is a corrupt {X.format} matrix: its indices lead out of its shape {X.shape} or "
            "are not in order. Make it anew from its data."
        )


def _inside(indices: NDArray, length: int) -> bool:
    """Whether all indices are integers in ``[0, length)``."""
    if indices.dtype.kind not in "iu" or indices.size == 0:
        return indices.size == 0
    # As numbers without a sign, negative ones are large: one read instead of two.
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))
    return bool(unsigned.max() < length)


def check_features(X: Any, y: Any = None) -> None:
    """Refuse features, and labels with them, that others would silently take for something else.

    Parameters
    ----------
    X : array-like or sparse matrix
        Features.
    y : array-like, default=None
        Labels.

    Raises
    ------
    ValueError, TypeError
        As :func:`check_kind`, :func:`check_labels` and :func:`check_sparse` do.
    """
    check_kind(X, "X")
    check_labels(y)
    check_sparse(X)
