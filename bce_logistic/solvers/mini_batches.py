r"""Objectives of a few rows at a time, whose gradients stand for that of all rows.

The objective of a batch of ``b`` rows out of ``n`` of total weight ``W`` is

.. math:: F_B(w) = \frac{n}{b W} \sum_{i \in B} s_i \, \ell_i + \frac{\|w\|^2}{2 C W}

so that over batches drawn at random the mean objective of all rows is what is expected,
:math:`E[\nabla F_B] = \nabla F / W`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..objective.objective import Objective
from ..rows.memory import RowsInMemory, row_blocks
from ..rows.training_data import SampleTotals

# Numbers of X that are gathered at a time, for many small batches at once.
GATHERED_NUMBERS = 1 << 19


@dataclass(frozen=True)
class MiniBatches:
    """Cuts rows into batches, and makes an objective of each.

    Until every row has been seen once, those seen count as all there are: a stream knows no
    more, and the first pass over rows that are all there is the same as a stream of them.

    Parameters
    ----------
    objective : Objective
        The objective of all rows at hand.
    batch_size : int
        Rows of a batch; the last one of a pass may have fewer.
    reduction : {"mean", "sum"}
        "mean": the objective above; "sum": the plain sum over the batch, and the batch's part
        ``b / n`` of the penalty.
    n_samples : float
        Samples with a weight that there are in all; ``inf``: a stream.
    max_strength : float, default=inf
        Bound on the strength of the penalty while not every row was seen. With the step size's
        reciprocal, a step shrinks no coefficient beyond zero.
    """

    objective: Objective
    batch_size: int
    reduction: str
    n_samples: float
    max_strength: float = inf

    def objectives(self, order: NDArray[np.intp], seen: SampleTotals) -> Iterator[Objective]:
        """Objectives of one batch after the other.

        Parameters
        ----------
        order : ndarray of integers
            The rows to cut into batches.
        seen : Seen
            What was seen before.

        Yields
        ------
        Objective
            Of one batch. The features of many batches are copied at a time.
        """
        rows, whole, b = rows_in_memory(self.objective), self.objective, self.batch_size
        n_gathered = max(1, GATHERED_NUMBERS * rows.n_samples // max(1, rows.n_stored) // b) * b
        for start in range(0, len(order), n_gathered):
            gathered = order[start : start + n_gathered]
            X = np.take(rows.X, gathered, axis=0) if rows.is_dense else rows.X[gathered]
            y, s = rows.y[gathered], rows.s[gathered]
            for first in range(0, len(gathered), b):
                batch = slice(first, first + b)
                s_batch = s[batch]
                first_time = seen.n_samples < self.n_samples
                if first_time:
                    seen = seen.more(len(s_batch), float(s_batch.sum()))
                share = len(s_batch) / seen.n_samples
                factor = 1 / (share * seen.total_weight) if self.reduction == "mean" else 1.0
                penalty = whole.penalty.scaled(factor * share)
                if first_time:
                    penalty = penalty.at_most(self.max_strength)
                part = row_blocks(X[batch], y[batch], s_batch * factor, rows.run)
                yield replace(whole, penalty=penalty, rows=part)


def rows_in_memory(objective: Objective) -> RowsInMemory:
    """Rows of an objective, which have to be in memory for batches to be gathered of them."""
    return cast(RowsInMemory, objective.rows)
