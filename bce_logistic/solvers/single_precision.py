"""A copy of the rows in single precision, for the passes far from the optimum.

A pass over it takes half of the time. Its optimum is near that of the rows as they are, with which
the descent goes on from there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from math import inf

import numpy as np

from ..descent.loop import Iterate
from ..objective.objective import Objective
from ..preconditioning.choice import newton, spans_few_dimensions, subsample_rows
from ..rows.memory import DenseRows, is_mapped

# Predicted decrease, relative to the objective, from which the rows are taken as they are.
ROUGH = 1e-8
# Columns, and numbers in a pass, from which the passes saved are worth the copy.
MIN_COLUMNS = 200
MIN_NUMBERS = 1 << 22
# Numbers in a copy, at most: 256 MiB.
MAX_NUMBERS = 1 << 26
# Distance from zero, in standard deviations, from which rounding the features matters, and the rows
# by which that is judged.
FAR, SOME_ROWS = 10, 256


def in_single_precision(objective: Objective) -> Objective | None:
    """The objective on a copy of its rows in single precision; None if that does not pay.

    It does not where few passes are to come: after a start from a subsample, before a restriction
    to the space of the rows, and for Newton's method on tiny data.
    """
    rows = objective.rows
    if not isinstance(rows, DenseRows) or rows.dtype == np.float32 or is_mapped(rows.X):
        return None
    is_small = rows.n_features < MIN_COLUMNS or rows.n_stored * objective.n_scores < MIN_NUMBERS
    if is_small or rows.n_stored > MAX_NUMBERS:
        return None
    if subsample_rows(objective) or spans_few_dimensions(objective) or newton(objective):
        return None
    some = rows.X[:: max(1, rows.n_samples // SOME_ROWS)]
    if np.any(np.abs(some.mean(axis=0)) > FAR * some.std(axis=0)):
        return None
    try:
        return replace(objective, rows=rows.in_single_precision())
    except FloatingPointError:
        return None


def far_off(
    iterates: Iterator[Iterate], tol: float
) -> Generator[Iterate, None, tuple[Iterate, bool]]:
    """The iterates so far from the optimum that rounding does not matter, and one more.

    Of what single precision says, only the coefficients are kept. Returns the last iterate, and
    whether it is near the optimum.
    """
    least = inf
    for iterate in iterates:
        yield iterate._replace(gap=inf, certificate=inf, coefficients=np.copy)
        point = iterate.point
        predicted = -np.vdot(point.gradient, iterate.direction) / 2
        is_far = iterate.gap > tol * point.value and predicted > ROUGH * point.value
        if not (is_far and point.value < least):
            return iterate, True
        least = point.value
    return iterate, False
