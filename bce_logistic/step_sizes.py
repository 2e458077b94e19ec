"""How far to go along a direction.

A step size moves from a point along a direction and returns the new coefficients. One that had
to evaluate the objective there, to be sure that the step is a good one, returns the new point
too, so that nobody evaluates it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .objective import Objective, Point

Array = NDArray[np.float64]


class StepSize(Protocol):
    """A rule for the length of a step."""

    def __call__(
        self, objective: Objective, point: Point, p: Array, t: int
    ) -> tuple[Array, Point | None]:
        """Coefficients after update ``t`` along ``p``; the point there, if it is known."""
        ...


@dataclass(frozen=True)
class DecayingStep:
    r"""A step size fixed in advance: ``w + eta_t p``.

    .. math:: \eta_t = \frac{\eta_0}{(1 + t)^{\text{power}}}

    Parameters
    ----------
    eta : float
        Step size of the first update.
    power : float, default=0.0
        0: a constant step.

    References
    ----------
    H. Robbins, S. Monro, A stochastic approximation method, Annals of Mathematical Statistics
    22, 1951: with a power in (1/2, 1] the steps satisfy their conditions 6 and 27.
    """

    eta: float
    power: float = 0.0

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, None]:
        """Coefficients after update ``t``; the objective is not evaluated."""
        return point.w + self.eta / (1 + t) ** self.power * p, None
