"""The loop: step after step down the gradient.

There is one in the package. What an iteration does is in the pieces that it is given:
a direction, a step size, and an iterator of objectives (one and the same objective for full
batches).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .directions import Direction
from .objective import Objective, Point
from .step_sizes import StepSize

Array = NDArray[np.float64]


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
    """

    t: int
    point: Point
    direction: Array
    state: Any


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
        Every point before the update there: whoever stops asking has spent nothing on it.
    """
    w, point = (start.w, start) if isinstance(start, Point) else (start, None)
    for objective in objectives:
        if point is None:
            point = objective.at(w)
        p, next_state = direction(point.w, point.gradient, state)
        yield Iterate(t, point, p, state)
        w, point = step_size(objective, point, p, t)
        state, t = next_state, t + 1
