"""Soft labels: a ``y`` of two dimensions, which holds the probabilities of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import NUMBERS, namespace, row_sum
from .labels import SoftLabels, check_classes, check_labels, label_batches
from .numeric import is_masked

# How far the probabilities of a sample may sum to more or less than one, as rounded ones do.
SUM_TOLERANCE = 1e-6

WANTED = (
    "A y of two dimensions holds the probabilities of the classes: a row for each sample, a column "
    "for each class, no number negative, and every row summing to one. If each sample has one "
    "label, pass these with one dimension; if it has several, use "
    "sklearn.multioutput.MultiOutputClassifier."
)


@dataclass(frozen=True)
class ClassColumns:
    """The columns of a ``y`` of two dimensions: their sorted names, if any, and their order."""

    names: NDArray | None
    order: NDArray[np.intp]

    @classmethod
    def of(cls, y: Any) -> Self | None:
        """The columns of ``y``, two or more; None if it has labels.

        Raises ValueError if ``y`` is sparse or masked, or if names of columns are not usable.
        """
        shape: tuple = np.shape(y[:1]) if isinstance(y, (list, tuple)) else getattr(y, "shape", ())
        if len(shape) != 2 or shape[1] < 2:
            return None
        if scipy.sparse.issparse(y):
            raise ValueError(f"y is a sparse matrix. {WANTED} Pass a dense array: y.toarray().")
        if is_masked(y):
            raise ValueError(f"y has masked values. {WANTED} Leave these samples out.")
        if not hasattr(y, "columns"):
            return cls(None, np.arange(shape[1]))
        named = list(y.columns)
        check_labels(named, "The columns of y")
        names, order = np.unique(named, return_index=True)
        if np.ndim(named) > 1 or len(names) < len(named):
            raise ValueError(f"The columns of y name the classes, each once; got {named}.")
        return cls(check_classes(names), order)

    @property
    def classes(self) -> NDArray:
        """The names of the columns, or else 0, 1, ..."""
        return np.arange(len(self.order)) if self.names is None else self.names

    def soft_labels(self, y: Any, name: str = "y") -> SoftLabels:
        """Checked probabilities of an array, in floating point; ``name`` stands for it in errors.

        Raises ValueError if they are not probabilities.
        """
        y = _floating(y, name)
        for rows in label_batches(y.shape[0]):
            _check_rows(y[rows, :], rows.start, name)
        if (self.order[1:] < self.order[:-1]).any():
            y = y[:, self.order]
        return SoftLabels(y, self.names)


def _floating(y: Any, name: str) -> Any:
    """The array itself in single or double precision, else converted to floating point."""
    xp = namespace(y)
    if y.dtype in (xp.float32, xp.float64):
        return y
    if isinstance(y, np.ndarray):
        if y.dtype.kind not in NUMBERS + "O":
            raise ValueError(f"{name} holds {y.dtype}. {WANTED}")
        try:
            return y.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} holds no numbers: {error}. {WANTED}") from error
    return xp.astype(y, xp.float32)  # not every device has a float64


def _check_rows(y: Any, start: int, name: str) -> None:
    """Raise ValueError for the first of some rows that are no probabilities."""
    xp = namespace(y)
    y = y.astype(np.float64, copy=False) if isinstance(y, np.ndarray) else y
    lowest, total = xp.min(y, axis=1), row_sum(y)
    valid = (lowest >= 0) & (xp.abs(total - 1) <= SUM_TOLERANCE)
    if xp.all(valid):
        return
    i = next(i for i in range(y.shape[0]) if not valid[i])
    if not lowest[i] >= 0:
        j = next(j for j in range(y.shape[1]) if not y[i, j] >= 0)
        raise ValueError(f"{name}[{start + i}, {j}] is {float(y[i, j]):.6g}. {WANTED}")
    raise ValueError(
        f"{name}[{start + i}] sums to {float(total[i]):.9g}. {WANTED} Frequencies become "
        f"probabilities if they are divided by their sum: {name} / {name}.sum(axis=1, "
        "keepdims=True)."
    )
