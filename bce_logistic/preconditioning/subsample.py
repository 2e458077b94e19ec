"""A random subsample of the rows, on which a descent on many rows finds its start.

A subsample is a dense copy in memory. Each class is sampled separately, so that a rare one is not
missed, and every row is weighted by the number of rows that it represents.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from ..rows.base import Block, Sums
from ..rows.memory import DenseRows, RowsInMemory, row_blocks


@dataclass(frozen=True)
class Subsample:
    """Rows of an objective in random order, of which the first few are a subsample too.

    Parameters
    ----------
    whole : Objective
        The objective that the rows come from.
    rows : RowsInMemory
        The rows, weighted so that together they represent all rows.
    """

    whole: Objective
    rows: RowsInMemory

    @classmethod
    def draw(cls, whole: Objective, n_rows: int, rng: np.random.Generator) -> Subsample:
        """Draw rows.

        Parameters
        ----------
        whole : Objective
            The objective whose rows are drawn.
        n_rows : int
            Approximate number of rows to draw.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Subsample
            The rows drawn. A class gets its share of them, but at least half of the share that it
            would have if all classes were equally frequent, or all of its rows.
        """
        counts = whole.rows.label_counts(max(2, whole.n_scores))
        labels, positions, scales = [], [], []
        for k, count in enumerate(counts):
            share = n_rows * count // whole.rows.n_samples
            size = min(count, max(1, share, n_rows // (2 * len(counts))))
            if size > 0:
                # One from each stretch of rows: even over the data, whatever their order.
                spread = (np.arange(size) + rng.random(size)) * (count / size)
                positions.append(np.minimum(spread.astype(np.intp), count - 1))
                labels.append(np.full(size, k))
                scales.append(np.full(size, count / size))
        order = rng.permutation(sum(map(len, positions)))
        label, position, scale = (
            np.concatenate(parts)[order] for parts in (labels, positions, scales)
        )
        X, y, s = whole.rows.take_by_class(label, position)
        return cls(whole, DenseRows(X, y, s * scale, whole.rows.run))

    def objective(self, n_rows: int) -> Objective:
        r"""Objective of the first rows, with an additional ridge on each feature.

        Parameters
        ----------
        n_rows : int
            Number of rows.

        Returns
        -------
        Objective
            Their loss, scaled to that of all rows, with the penalty of all rows plus a ridge, the
            curvature that one additional, uninformative row would add:

            .. math:: r_j + c \\, s \\, \\frac{\\sum_i (x_{ij} - \\bar x_j)^4}
                                        {\\sum_i (x_{ij} - \\bar x_j)^2},

            with c the largest curvature of the loss and s the weight of a row. The ridge has
            little effect on a coefficient that many rows determine, and keeps that of a feature
            that is rare among these rows from diverging.
        """
        n_rows = min(n_rows, self.rows.n_samples)
        part = self.rows.subset(slice(0, n_rows), np.full(n_rows, self.rows.n_samples / n_rows))
        row_weight = part.total_weight / n_rows
        extra = self.whole.loss.smoothness * row_weight * _fourth_over_second_moment(part)
        return replace(self.whole, rows=part, penalty=self.whole.penalty.plus(extra))


def _fourth_over_second_moment(rows: RowsInMemory) -> Array:
    """Square of a feature's distance from its mean, where it is not near it."""
    center = rows.X[:256].mean(axis=0)

    def moments(block: Block) -> Sums:
        squares = np.square(block.X - center)
        return squares.sum(axis=0), np.einsum("ij,ij->j", squares, squares)

    second, fourth = rows.sum(moments, size=2 * rows.n_features)
    return np.divide(fourth, second, out=np.zeros_like(second), where=second > 0)


def even_sample(objective: Objective, n_rows: int, rng: np.random.Generator) -> Objective:
    """The objective on rows in memory, drawn evenly over the data; sparse ones are left sparse.

    Each row is weighted by the number of rows that it represents; the penalty is that of all rows.
    """
    rows = cast(RowsInMemory, objective.rows)
    n_rows = min(n_rows, rows.n_samples)
    drawn = (np.arange(n_rows) + rng.random(n_rows)) * (rows.n_samples / n_rows)
    drawn = np.minimum(drawn.astype(np.intp), rows.n_samples - 1)
    weights = rows.s[drawn] * (rows.n_samples / n_rows)
    return replace(objective, rows=row_blocks(rows.X[drawn], rows.y[drawn], weights, rows.run))
