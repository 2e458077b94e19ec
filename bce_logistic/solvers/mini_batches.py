r"""Objectives of mini-batches.

The objective of a batch of ``b`` rows out of ``n`` of total weight ``W`` is

.. math:: F_B(w) = \frac{n}{b W} \sum_{i \in B} s_i \, \ell_i + \frac{\|w\|^2}{2 C W}

so that over random batches its gradient is an unbiased estimate of the mean gradient of all rows:
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

# Numbers of X that are copied at a time, for many small batches together.
GATHERED_NUMBERS = 1 << 19


@dataclass(frozen=True)
class MiniBatches:
    """Cut rows into batches, with an objective for each.

    During the first pass, averages are taken over the rows seen so far, as if they were the whole
    data set. The first epoch of ``fit`` therefore equals a sequence of ``partial_fit`` calls.

    Parameters
    ----------
    objective : Objective
        The objective of all rows in memory.
    batch_size : int
        Rows of a batch; the last one of a pass may have fewer.
    reduction : {"mean", "sum"}
        "mean": the objective above; "sum": the plain sum over the batch, and the batch's part
        ``b / n`` of the penalty.
    n_samples : float
        Number of samples with a weight; ``inf``: a stream.
    max_strength : float, default=inf
        Bound on the strength of the penalty during the first pass. With the reciprocal of the step
        size, no step shrinks a coefficient beyond zero.
    """

    objective: Objective
    batch_size: int
    reduction: str
    n_samples: float
    max_strength: float = inf

    def objectives(self, order: NDArray[np.intp], seen: SampleTotals) -> Iterator[Objective]:
        """Objective of each batch of the rows in this order, ``seen`` before them."""
        rows, penalty, b = rows_in_memory(self.objective), self.objective.penalty, self.batch_size
        n_gathered = max(1, GATHERED_NUMBERS * rows.n_samples // max(1, rows.n_stored) // b) * b
        for start in range(0, len(order), n_gathered):
            gathered = order[start : start + n_gathered]
            X = np.take(rows.X, gathered, axis=0) if rows.is_dense else rows.X[gathered]
            y, s = rows.y[gathered], rows.s[gathered]
            for first in range(0, len(gathered), b):
                batch = slice(first, first + b)
                s_batch = s[batch]
                first_pass = seen.n_samples < self.n_samples
                if first_pass:
                    seen = seen.more(len(s_batch), float(s_batch.sum()))
                share = len(s_batch) / seen.n_samples
                factor = 1 / (share * seen.total_weight) if self.reduction == "mean" else 1.0
                batch_penalty = penalty.scaled(factor * share)
                if first_pass:
                    batch_penalty = batch_penalty.at_most(self.max_strength)
                part = row_blocks(X[batch], y[batch], s_batch * factor, rows.run)
                yield replace(self.objective, penalty=batch_penalty, rows=part)

    def scales(self, n_rows: int) -> Iterator[float]:
        """Factor of each batch's objective in the sum over all rows with a weight."""
        total = self.objective.total_weight
        for first in range(0, n_rows, self.batch_size):
            size = min(self.batch_size, n_rows - first)
            yield total * size / n_rows if self.reduction == "mean" else 1.0


def rows_in_memory(objective: Objective) -> RowsInMemory:
    """Rows of an objective, which have to be in memory to be gathered for batches."""
    return cast(RowsInMemory, objective.rows)


def rows_with_weight(objective: Objective) -> NDArray[np.intp]:
    """Positions of the rows whose weight is not zero."""
    return np.flatnonzero(rows_in_memory(objective).s)
