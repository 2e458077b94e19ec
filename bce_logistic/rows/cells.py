"""Dense rows as many models share them: standardised, and sorted by the cells of the folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from .base import Block, RowBlocks, Sums, sum_terms

# Rows of one cell in a block from which a product of their own is worth the call.
MIN_CELL_ROWS = 256
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
        np.multiply(X - self.center, self.factor, out=A[:, :n_features], casting="same_kind")
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


class CellRows:
    """Rows with cells, standardised.

    Parameters
    ----------
    rows : RowBlocks
        Dense rows of two classes, which know their cells.
    scaling : Scaling
        How to standardise them.
    size : int
        Numbers in the largest sum that is taken.
    keeps : bool
        Whether a standardised copy of rows in memory is kept. Else each pass makes it block by
        block.
    pairs : bool, default=False
        Whether the products of the columns are kept, too, where they are few.
    """

    def __init__(
        self, rows: RowBlocks, scaling: Scaling, size: int, keeps: bool, pairs: bool = False
    ) -> None:
        self.rows, self.scaling, self.size = rows, scaling, size
        blocks = partial(_with_pairs if pairs else cell_blocks, scaling)
        self._blocks = rows.keep(blocks, size) if keeps else blocks

    def sum(self, function: Callable[[CellBlock], Sums]) -> Sums:
        """Sum a function of standardised rows, in one pass."""
        return self.rows.sum(partial(_sum_over_cells, function, self._blocks), self.size)


def cell_blocks(scaling: Scaling, block: Block) -> list[CellBlock]:
    """The rows of a block, standardised: one cell after the other, or together if they are few."""
    assert block.cell is not None
    ones = bool((block.s == 1).all())
    y, s = (block.y - 0.5).astype(scaling.dtype), block.s.astype(scaling.dtype)
    cells, counts = np.unique(block.cell, return_counts=True)
    if len(cells) == 1:
        return [CellBlock(scaling(block.X), y, None if ones else s, int(cells[0]))]
    if len(block.y) < MIN_CELL_ROWS * len(cells):
        return [CellBlock(scaling(block.X), y, None if ones else s, block.cell)]
    order = np.argsort(block.cell, kind="stable")
    A, ends = scaling(block.X[order]), np.cumsum(counts)
    parts = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return [
        CellBlock(A[part], y[order[part]], None if ones else s[order[part]], int(cell))
        for cell, part in zip(cells, parts, strict=True)
    ]


def _with_pairs(scaling: Scaling, block: Block) -> list[CellBlock]:
    return [part.with_pairs() for part in cell_blocks(scaling, block)]


def _sum_over_cells(
    function: Callable[[CellBlock], Sums], blocks: Callable[[Block], list[CellBlock]], block: Block
) -> Sums:
    return sum_terms(map(function, blocks(block)))
