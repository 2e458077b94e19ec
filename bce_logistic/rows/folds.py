"""The folds of a cross-validation, kept apart from the rows that they divide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Folds:
    """Training and held-out rows of each fold.

    Rows that the same folds train on, equally often, form a cell. A sum over the training rows of a
    fold is then a sum over cells, so that every fold shares one pass over the rows.

    Parameters
    ----------
    splits : tuple of (ndarray of int, ndarray of int)
        Positions of the training rows and of the held-out rows of each fold, in order.
    n_samples : int
        Number of rows.
    """

    splits: tuple[tuple[Indices, Indices], ...]
    n_samples: int

    @classmethod
    def of(cls, splits: Iterable[tuple[NDArray, NDArray]], n_samples: int) -> Folds:
        """Folds of a splitter, or of an iterable of positions or masks.

        Raises ValueError if there is no fold, or if one trains on or holds out no row.
        """
        positions = tuple(
            (_positions(train, n_samples), _positions(test, n_samples)) for train, test in splits
        )
        if not positions:
            raise ValueError("cv holds no folds.")
        for f, (train, test) in enumerate(positions):
            for rows, use in ((train, "trains on"), (test, "holds out")):
                if not len(rows):
                    raise ValueError(f"Fold {f} of cv {use} no rows.")
        return cls(positions, n_samples)

    def __len__(self) -> int:
        return len(self.splits)

    @cached_property
    def cells(self) -> NDArray:
        """Cell of each row, shape (n_samples,), numbered from zero, in the smallest type."""
        cells = np.unique(self._codes, return_inverse=True)[1].reshape(-1)
        return cells.astype(np.min_scalar_type(int(cells.max())))

    @cached_property
    def training(self) -> Array:
        """How often each fold trains on each row of a cell, shape (n_cells, n_folds)."""
        first = np.unique(self.cells, return_index=True)[1]
        return np.stack([self.counts(train)[first] for train, _ in self.splits], axis=1)

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        """One number a row; rows of the same cell, and only these, share it."""
        codes, base = np.zeros(self.n_samples, dtype=np.int64), 1
        for train, _ in self.splits:
            counts = self.counts(train).astype(np.int64)
            codes += base * counts
            base *= int(counts.max()) + 1
            if base > 1 << 40:  # the next fold may overflow
                codes = np.unique(codes, return_inverse=True)[1].reshape(-1).astype(np.int64)
                base = int(codes.max()) + 1
        return codes

    def counts(self, rows: Indices) -> Array:
        """How often each row is among some, shape (n_samples,)."""
        return np.bincount(rows, minlength=self.n_samples).astype(np.float64)


def _positions(rows: NDArray, n_samples: int) -> Indices:
    """Positions of rows given by positions or by a mask; ValueError if out of range."""
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else np.sort(rows.astype(np.intp))
    if len(rows) and not -n_samples <= rows[0] <= rows[-1] < n_samples:
        raise ValueError(f"cv holds positions out of range: there are {n_samples} rows.")
    return np.sort(rows % n_samples) if len(rows) and rows[0] < 0 else rows
