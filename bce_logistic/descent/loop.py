"""The loop: step after step down the gradient.

There is one in the package. What an iteration does is in the pieces that it is given:
a direction, a step size, and an iterator of objectives (one and the same objective for full
batches).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective, Point
from .directions import Direction
from .step_sizes import StepSize


class DescentState(NamedTuple):
    """What a descent starts from, or takes up again.

    Attributes
    ----------
    w : ndarray
        Coefficients.
    state : object
        What the direction remembers; None: a fresh start.
    t : int
        Updates already made.
    average : ndarray or None
        Mean of the iterates so far, if it is taken.
    """

    w: Array
    state: Any = None
    t: int = 0
    average: Array | None = None


class Iterate(NamedTuple):
    """Where the descent stands: enough to judge it, and to take it up again.

    Attributes
    ----------
    t : int
        Updates made so far.
    point : Point
        Coefficients, value and gradient.
    direction : ndarray
        Where the next update would go.
    state : object
        What the direction remembered from the updates before this point.
    average : ndarray or None
        Mean of the iterates so far, if it is taken.
    gap : float
        How far the objective is above its minimum at most, in nats, as far as the solver can say.
    certificate : float
        The duality gap, in nats, if it was computed here.
    """

    t: int
    point: Point
    direction: Array
    state: Any
    average: Array | None = None
    gap: float = inf
    certificate: float = inf

    @property
    def result(self) -> Array:
        """Coefficients to keep: the mean of the iterates if it is taken, else the last one."""
        return self.point.w if self.average is None else self.average

    @property
    def start(self) -> DescentState:
        """What takes the descent up again from here."""
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
    """Descend: ``w <- w + eta * p``, as long as there are objectives.

    Parameters
    ----------
    objectives : iterable of Objective
        What each update is to make smaller.
    start : ndarray or Point
        Coefficients to start from; a point if the first objective is known there.
    direction : Direction
        From a gradient to a direction ``p``.
    step_size : StepSize
        From a direction to a step ``eta`` along it.
    state : object, default=None
        State of the direction to go on from; None: a fresh start.
    t : int, default=0
        Updates already made.

    Yields
    ------
    Iterate
        Every point before the update there: whoever stops asking has spent nothing on it. And,
        if the objectives come to an end, the point where the last of them led, its value and
        gradient NaN unless the step size knows them.
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
    r"""Take the mean of the iterates of a descent as it goes on.

    .. math:: \bar w_t = \bar w_{t-1} + \frac{w_t - \bar w_{t-1}}{t - k + 1}, \qquad t \ge k

    Parameters
    ----------
    iterates : iterable of Iterate
        The descent.
    first : int
        First update k, at least 1, after which the iterate counts.
    start : Start
        What the descent started from.

    Yields
    ------
    Iterate
        The iterates with their mean so far; None as long as none counts.

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
