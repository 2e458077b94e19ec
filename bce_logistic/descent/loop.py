"""The descent loop, ``w <- w + eta * p``: the only one in the package.

It is given a direction, a step size and an iterator of objectives: the same one again and again for
full batches, one for each mini-batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective, Point
from .directions import Direction
from .step_sizes import StepSize


class DescentState(NamedTuple):
    """Start of a descent, or of its continuation."""

    w: Array
    state: Any = None  # of the direction; None: a fresh start
    t: int = 0  # number of updates made
    average: Array | None = None  # mean of the iterates so far, if it is taken


class Iterate(NamedTuple):
    """An iterate of a descent, sufficient to judge it and to continue from it."""

    t: int  # number of updates made
    point: Point
    direction: Array  # of the next update
    state: Any  # of the direction, before this point
    average: Array | None = None  # mean of the iterates so far, if it is taken
    gap: float = inf  # the solver's bound on F - min F, in nats
    certificate: float = inf  # duality gap in nats, if it was computed
    coefficients: Callable[[Array], Array] | None = None  # from ``w``, where it holds others
    stalled: bool = False  # whether rounding keeps the solver from going on

    @property
    def result(self) -> Array:
        """Coefficients to keep: the mean of the iterates if it is taken, else the last one."""
        w = self.point.w if self.average is None else self.average
        return w if self.coefficients is None else self.coefficients(w)

    @property
    def start(self) -> DescentState:
        """State to continue the descent from."""
        return DescentState(self.point.w, self.state, self.t, self.average)


def descend(
    objectives: Iterable[Objective],
    start: Array | Point,
    direction: Direction,
    step_size: StepSize,
    *,
    state: Any = None,
    t: int = 0,
) -> Iterator[Iterate]:
    """Descend, ``w <- w + eta * p``, once for each objective.

    A start that is a point is the first objective's there; ``state`` and ``t`` continue a descent.
    Each iterate is yielded before its update is computed, so that abandoning the generator costs
    nothing. If the objectives come to an end, the last iterate is the result of the last update,
    with NaN for value and gradient unless the step size evaluated them.
    """
    w, point = (start.w, start) if isinstance(start, Point) else (start, None)
    for objective in objectives:
        if point is None:
            point = objective.at(w)
        p, next_state = direction(point.w, point.gradient, state)
        yield Iterate(t, point, p, state)
        w, point = step_size(objective, point, p, t)
        state, t = next_state, t + 1
    unknown = np.full_like(w, nan)
    yield Iterate(t, point or Point(w, nan, unknown), unknown, state)


def averaged(iterates: Iterable[Iterate], first: int, start: DescentState) -> Iterator[Iterate]:
    r"""Attach to each iterate of a descent the mean of the iterates from update k = ``first`` on.

    .. math:: \bar w_t = \bar w_{t-1} + \frac{w_t - \bar w_{t-1}}{t - k + 1}, \qquad t \ge k \ge 1

    References
    ----------
    B. T. Polyak, A. B. Juditsky, Acceleration of stochastic approximation by averaging, SIAM
    Journal on Control and Optimization 30, 1992: equation 2.
    """
    average = start.average
    for iterate in iterates:
        if iterate.t >= first and iterate.t > start.t:
            w = iterate.point.w
            average = w if average is None else average + (w - average) / (iterate.t - first + 1)
        yield iterate._replace(average=average)
