"""Dense rows that many models share: standardised, and sorted by the cells of the folds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_even_slices

from ..arrays import Array
from ..validation.labels import batches
from .base import Block, RowBlocks, Sums, sum_terms
from .folds import Indices
from .memory import RowsInMemory

# Rows of one cell in a block from which they get a matrix product of their own.
MIN_CELL_ROWS = 256
# Numbers in a block of a copy, and groups of blocks whose sums threads take.
BLOCK_NUMBERS, MAX_GROUPS = 1 << 19, 16
# Numbers up to which the products of all pairs of columns are kept, so that one matrix product
# makes the Hessians of all models.
MAX_PAIR_NUMBERS = 1 << 20


@dataclass(frozen=True)
class Scaling:
    """Columns minus ``center``, times ``factor``, in a precision, and ones for an intercept.

    ``center`` and ``factor`` have the shape (n_features,).
    """

    center: Array
    factor: Array
    fit_intercept: bool
    dtype: Any

    def __call__(self, X: NDArray) -> NDArray:
        """The standardised columns, shape (n_rows, n_columns), the ones last."""
        n_features = len(self.center)
        A = np.empty((len(X), n_features + self.fit_intercept), self.dtype)
        A[:, n_features:] = 1
        np.subtract(X, self.center, out=A[:, :n_features], casting="same_kind")
        A[:, :n_features] *= self.factor.astype(self.dtype)
        return A

    def coefficients(self, W: Array) -> Array:
        """From coefficients of standardised columns, (..., n_columns), to those of the features."""
        if not self.fit_intercept:
            return W * self.factor
        w = W[..., :-1] * self.factor
        return np.concatenate([w, W[..., -1:] - (w @ self.center)[..., None]], axis=-1)

    def strength(self, Cs: Array) -> Array:
        """Strength of the L2 penalty on the coefficients of standardised columns, for each C."""
        on_features = np.square(self.factor) / Cs[:, None]
        return np.pad(on_features, [(0, 0), (0, int(self.fit_intercept))])


def spread(X: Array) -> Array:
    """Standard deviation of each column; 1 for constant ones."""
    spread = X.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


class CellBlock(NamedTuple):
    """Some standardised rows.

    ``A``: (n_rows, n_columns). ``y``: labels less one half. ``s``: weights, None if all are one.
    ``cell``: their cell, or the cell of each row if they are of several. ``pairs``: products of all
    pairs of columns, (n_rows, n_pairs), if they are kept.
    """

    A: NDArray
    y: NDArray
    s: NDArray | None
    cell: int | NDArray[np.intp]
    pairs: NDArray | None = None

    def with_pairs(self) -> CellBlock:
        """The same with the products of the columns, unless they are many."""
        i, j = np.triu_indices(self.A.shape[1])
        if len(self.A) * len(i) > MAX_PAIR_NUMBERS:
            return self
        return self._replace(pairs=self.A[:, i] * self.A[:, j])


class CellRows(ABC):
    """Rows with cells, standardised.

    Parameters
    ----------
    rows : RowBlocks
        Dense rows of two classes, which know their cells.
    scaling : Scaling
        How to standardise them.
    """

    def __init__(self, rows: RowBlocks, scaling: Scaling) -> None:
        self.rows, self.scaling = rows, scaling
        self._cell_sums: Array | None = None

    @abstractmethod
    def sum(self, function: Callable[[CellBlock], Sums]) -> Sums:
        """Sum a function of standardised rows, in one pass."""

    def cell_sums(self, n_cells: int) -> Array:
        """``A.T @ (s * (y - 1/2))`` and, last, ``s @ s`` of each cell, (n_cells, n_columns + 1)."""
        if self._cell_sums is None:
            (self._cell_sums,) = self.sum(partial(_cell_sums, n_cells))
        return self._cell_sums


class StreamedCellRows(CellRows):
    """Rows that each pass standardises block by block; ``size``: numbers in the largest sum."""

    def __init__(self, rows: RowBlocks, scaling: Scaling, size: int) -> None:
        super().__init__(rows, scaling)
        self.size = size

    def sum(self, function: Callable[[CellBlock], Sums]) -> Sums:
        """Sum a function of standardised rows, in one pass."""
        return self.rows.sum(partial(_sum_over_cells, function, self.scaling), self.size)


class KeptCellRows(CellRows):
    """A standardised copy of rows in memory, cell after cell.

    ``pairs``: whether the products of the columns are kept, too, where they are few.
    """

    def __init__(self, rows: RowsInMemory, scaling: Scaling, pairs: bool = False) -> None:
        super().__init__(rows, scaling)

        def copied(part: Indices | slice) -> CellBlock:
            assert rows.cells is not None
            cell = rows.cells[part]
            block = _cell_block(
                scaling,
                rows.X[part],
                rows.y[part],
                rows.s[part],
                int(cell[0]) if (cell == cell[0]).all() else cell,
            )
            return block.with_pairs() if pairs else block

        self._blocks = list(rows.run(copied, _parts(rows)))

    def sum(self, function: Callable[[CellBlock], Sums]) -> Sums:
        """Sum a function of standardised rows, in one pass."""
        self.rows.passes += 1

        def partial_sum(group: slice) -> Sums:
            with np.errstate(all="ignore"):
                return sum_terms(map(function, self._blocks[group]))

        n_groups = min(MAX_GROUPS, len(self._blocks))
        return sum_terms(self.rows.run(partial_sum, gen_even_slices(len(self._blocks), n_groups)))


def _parts(rows: RowsInMemory) -> list[Indices | slice]:
    """Rows of each block of a copy: of one cell, or consecutive ones if cells are small."""
    assert rows.cells is not None
    step = max(MIN_CELL_ROWS, BLOCK_NUMBERS // rows.n_features)
    counts = np.bincount(rows.cells)
    if rows.n_samples < MIN_CELL_ROWS * np.count_nonzero(counts):
        return list(batches(rows.n_samples, step))
    order = np.argsort(rows.cells, kind="stable")
    of_cells = np.split(order, np.cumsum(counts)[:-1])
    return [
        rows_of_cell[part] for rows_of_cell in of_cells for part in batches(len(rows_of_cell), step)
    ]


def cell_blocks(scaling: Scaling, block: Block) -> list[CellBlock]:
    """The rows of a block, standardised: one cell after the other, or together if they are few."""
    assert block.cell is not None
    cells, counts = np.unique(block.cell, return_counts=True)
    if len(cells) == 1 or len(block.y) < MIN_CELL_ROWS * len(cells):
        cell = int(cells[0]) if len(cells) == 1 else block.cell
        return [_cell_block(scaling, block.X, block.y, block.s, cell)]
    order = np.argsort(block.cell, kind="stable")
    parts = zip(cells.tolist(), np.split(order, np.cumsum(counts)[:-1]), strict=True)
    return [
        _cell_block(scaling, block.X[rows], block.y[rows], block.s[rows], cell)
        for cell, rows in parts
    ]


def _cell_block(
    scaling: Scaling, X: NDArray, y: NDArray, s: Array, cell: int | Indices
) -> CellBlock:
    weights = None if (s == 1).all() else s.astype(scaling.dtype)
    return CellBlock(scaling(X), (y - 0.5).astype(scaling.dtype), weights, cell)


def _cell_sums(n_cells: int, block: CellBlock) -> Sums:
    s = np.ones_like(block.y) if block.s is None else block.s
    total = np.zeros((n_cells, block.A.shape[1] + 1))
    if isinstance(block.cell, int):
        total[block.cell] = [*(s * block.y).dot(block.A), s.dot(s)]
        return (total,)
    terms = np.column_stack([block.A * (s * block.y)[:, None], s * s])
    np.add.at(total, block.cell, terms)
    return (total,)


def _sum_over_cells(function: Callable[[CellBlock], Sums], scaling: Scaling, block: Block) -> Sums:
    return sum_terms(map(function, cell_blocks(scaling, block)))
