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
class InverseScalingStep:
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
class BacktrackingArmijo:
    r"""The whole step, shortened until the objective falls by enough.

    .. math:: F(w + \eta p) \le F(w) + c \, \eta \, \nabla F(w)^T p

    A step that fails is cut to the minimum of the parabola through what is known, but to no
    more than a half of it and no less than a fifth. Where the direction leads uphill, or no step
    along it is short enough, the search goes along the gradient, from Polyak's step
    :math:`F / \|\nabla F\|^2` for an objective that could fall to zero.

    Parameters
    ----------
    sufficient_decrease : float, default=1e-4
        The constant c: the part of the decrease predicted by the gradient that is enough.
    min_step : float, default=1e-8
        Step below which the search gives up.

    References
    ----------
    L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives,
    Pacific Journal of Mathematics 16, 1966.
    B. T. Polyak, Introduction to Optimization, 1987: section 5.3.2, the step for a known minimum.
    """

    sufficient_decrease: float = 1e-4
    min_step: float = 1e-8

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there; unchanged if no step helps."""
        found = self._search(objective, point, p)
        if found is None:
            squared_norm = max(float(np.vdot(point.gradient, point.gradient)), np.finfo(float).tiny)
            found = self._search(objective, point, -point.value / squared_norm * point.gradient)
        point = found or point
        return point.w, point

    def _search(self, objective: Objective, point: Point, p: Array) -> Point | None:
        """The first point along ``p`` that is low enough, if there is one."""
        slope = float(np.vdot(point.gradient, p))
        # Close to the optimum the decrease drowns in the rounding of the objective itself.
        rounding = 4 * np.finfo(np.float64).eps * abs(point.value)
        eta = 1.0
        while eta >= self.min_step and slope < 0:
            trial = objective.at(point.w + eta * p)
            if trial.value <= point.value + self.sufficient_decrease * eta * slope + rounding:
                return trial
            curvature = trial.value - point.value - eta * slope
            parabola = -slope * eta**2 / (2 * curvature) if np.isfinite(curvature) else 0.0
            eta = float(np.clip(parabola, eta / 5, eta / 2))
        return None
