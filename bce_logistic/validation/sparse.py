"""Compressed sparse matrices: refuse corrupt ones, and add up repeated entries of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


def check_sparse(X: Any) -> None:
    """Refuse a sparse matrix with indices out of range, with which SciPy would read foreign memory.

    Costs one read of the indices; anything but a CSR, CSC or COO matrix is accepted.
    """
    if not scipy.sparse.issparse(X) or len(X.shape) != 2:
        return
    if X.format == "coo":
        valid = all(map(_indices_in_range, (X.row, X.col), X.shape))
    elif X.format in ("csr", "csc"):
        n_rows, n_columns = X.shape if X.format == "csr" else X.shape[::-1]
        indptr = X.indptr
        valid = (
            len(indptr) == n_rows + 1
            and indptr[0] == 0
            and bool((indptr[:-1] <= indptr[1:]).all())
            and indptr[-1] <= min(len(X.indices), len(X.data))
            and _indices_in_range(X.indices[: indptr[-1]], n_columns)
        )
    else:
        return
    if not valid:
        raise ValueError(
            f"X is a corrupt {X.format} matrix: its indices are out of range for the shape "
            f"{X.shape}, or not in order. Build it again from its data."
        )


def _indices_in_range(indices: NDArray, length: int) -> bool:
    """Whether all indices are integers in ``[0, length)``."""
    if indices.dtype.kind not in "iu" or indices.size == 0:
        return indices.size == 0
    # As unsigned integers, negative ones are large: one read instead of two.
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))
    return bool(unsigned.max() < length)


def without_repeats(X: Any) -> Any:
    """A CSR array with no repeated entry, in the same memory if it has none.

    Dense features are returned as they are.
    """
    if not scipy.sparse.issparse(X):
        return X
    # A new matrix: the flags that the given one caches about its order may be out of date, and
    # its arrays may be longer than indptr says.
    n_stored = X.indptr[-1]
    arrays = X.data[:n_stored], X.indices[:n_stored], X.indptr
    rows = compressed(scipy.sparse.csr_array, X.shape, *arrays)
    if _repeats_entries(rows):
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def _repeats_entries(rows: scipy.sparse.csr_array) -> bool:
    """Whether some row has two entries in one column."""
    if rows.has_sorted_indices:
        return not rows.has_canonical_format
    # Column by column, the rows come in order: much faster than sorting, which needs a copy, too.
    marks = np.empty(len(rows.indices), dtype=np.int8)
    columns = compressed(
        scipy.sparse.csr_array, rows.shape, marks, rows.indices, rows.indptr
    ).tocsc()
    same = columns.indices[1:] == columns.indices[:-1]
    starts = columns.indptr[1:-1]
    same[starts[(starts > 0) & (starts < len(marks))] - 1] = False
    return bool(same.any())


def compressed(kind: Any, shape: tuple, data: NDArray, indices: NDArray, indptr: NDArray) -> Any:
    """A compressed sparse matrix of given arrays; SciPy's constructor may copy them."""
    matrix = kind(shape, dtype=data.dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix
