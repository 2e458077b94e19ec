"""Rows drawn at random that stand for all: where a descent on many rows gets its start.

A subsample is a dense copy in memory. Classes are drawn apart, so that a rare one is not
missed, and every row is weighted by how many it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from ..rows.base import Block, Sums
from ..rows.memory import RowsInMemory


@dataclass(frozen=True)
class Subsample:
    """Rows of an objective in random order, of which the first few are a subsample too.

    Parameters
    ----------
    whole : Objective
        The objective that the rows come from.
    rows : RowsInMemory
        The rows, their weights such that together they stand for all.
    """

    whole: Objective
    rows: RowsInMemory

    @classmethod
    def draw(cls, whole: Objective, n_rows: int, rng: np.random.Generator) -> Subsample:
        """Draw rows.

        Parameters
        ----------
        whole : Objective
            Where to draw from.
        n_rows : int
            How many rows to draw, about.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Subsample
            The rows drawn. A class gets its share of them, but at least half of what it would
            get if all classes were equally frequent, or all the rows that it has.
        """
        counts = whole.rows.label_counts(max(2, whole.n_scores))
        label, rank, stands_for = [], [], []
        for k, count in enumerate(counts):
            share = n_rows * count // whole.rows.n_samples
            size = min(count, max(share, n_rows // (2 * len(counts))))
            if size > 0:
                # One from each stretch of rows: even over the data, whatever their order.
                position = (np.arange(size) + rng.random(size)) * (count / size)
                rank.append(np.minimum(position.astype(np.intp), count - 1))
                label.append(np.full(size, k))
                stands_for.append(np.full(size, count / size))
        order = rng.permutation(sum(map(len, rank)))
        drawn = (np.concatenate(parts)[order] for parts in (label, rank, stands_for))
        return cls(whole, whole.rows.members(*drawn))

    def objective(self, n_rows: int) -> Objective:
        r"""Objective of the first rows, with a penalty that holds each feature back.

        Parameters
        ----------
        n_rows : int
            How many rows.

        Returns
        -------
        Objective
            Their loss, scaled to that of all rows, with the penalty of all rows plus what one
            more row would add that tells nothing:

            .. math:: r_j + c \\, s \\, \\frac{\\sum_i (x_{ij} - \\bar x_j)^4}
                                        {\\sum_i (x_{ij} - \\bar x_j)^2},

            with c the largest curvature of the loss and s the weight of a row. It hardly
            changes a feature that many rows tell of, and keeps the coefficient of a feature
            that is rare among these rows from running away.
        """
        n_rows = min(n_rows, self.rows.n_samples)
        part = self.rows.subset(slice(0, n_rows), np.full(n_rows, self.rows.n_samples / n_rows))
        row_weight = part.total_weight / n_rows
        extra = self.whole.loss.largest_curvature * row_weight * _typical_square(part)
        return replace(self.whole, rows=part, ridge=self.whole.ridge + extra)


def _typical_square(rows: RowsInMemory) -> Array:
    """Square of a feature's distance from its mean, where it is not near it."""
    center = rows.X[:256].mean(axis=0)

    def moments(block: Block) -> Sums:
        squares = np.square(block.X - center)
        return squares.sum(axis=0), np.einsum("ij,ij->j", squares, squares)

    second, fourth = rows.sum(moments, size=2 * rows.n_features)
    return np.divide(fourth, second, out=np.zeros_like(second), where=second > 0)
