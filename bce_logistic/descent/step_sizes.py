"""How far to go along a direction.

A step size moves from a point along a direction and returns the new coefficients. One that had
to evaluate the objective there, to be sure that the step is a good one, returns the new point
too, so that nobody evaluates it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective, Point


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


@dataclass(frozen=True)
class BacktrackingStep:
    r"""The whole step, shortened until the objective falls by enough.

    .. math:: F(w + \eta p) \le F(w) + c \, \eta \, \nabla F(w)^T p

    A step that fails is cut to the minimum of the parabola through what is known, but to no
    more than a half of it and no less than a twentieth.

    Parameters
    ----------
    sufficient : float, default=1e-4
        The constant c: which part of the decrease that the gradient promises is enough.
    shortest : float, default=1e-8
        Step below which the search gives up and stays where it is.

    References
    ----------
    L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives,
    Pacific Journal of Mathematics 16, 1966.
    """

    sufficient: float = 1e-4
    shortest: float = 1e-8

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there."""
        slope = float(np.vdot(point.gradient, p))
        # Close to the optimum the decrease drowns in the rounding of the objective itself.
        rounding = 4 * np.finfo(np.float64).eps * abs(point.value)
        eta = 1.0
        while eta >= self.shortest:
            there = objective.at(point.w + eta * p)
            if there.value <= point.value + self.sufficient * eta * slope + rounding:
                return there.w, there
            bend = there.value - point.value - eta * slope
            parabola = -slope * eta**2 / (2 * bend) if np.isfinite(bend) else 0.0
            eta = float(np.clip(parabola, eta / 20, eta / 2))
        return point.w, point
