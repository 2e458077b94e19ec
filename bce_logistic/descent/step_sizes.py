"""Step sizes: how far to go along a direction.

A step size returns the coefficients after a step. One that evaluates the objective there returns
the new point too, so that it is not evaluated twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective, Point


class StepSize(Protocol):
    """A rule for the size of a step."""

    def __call__(
        self, objective: Objective, point: Point, p: Array, t: int
    ) -> tuple[Array, Point | None]:
        """Coefficients after update ``t`` along ``p``; the point there, if it is known."""
        ...


@dataclass(frozen=True)
class InverseScalingStep:
    r"""A step size fixed in advance, constant for a power of 0, and the prox of the penalty.

    .. math:: w \leftarrow \mathrm{prox}_{\eta_t}(w + \eta_t \, p), \qquad
              \eta_t = \frac{\eta_0}{(1 + t)^{\text{power}}}

    With an L1 penalty and steepest descent this is ISTA.

    References
    ----------
    H. Robbins, S. Monro, A stochastic approximation method, Annals of Mathematical Statistics
    22, 1951: with a power in (1/2, 1] the steps satisfy their conditions 6 and 27.
    I. Daubechies, M. Defrise, C. De Mol, An iterative thresholding algorithm for linear inverse
    problems with a sparsity constraint, Communications on Pure and Applied Mathematics 57, 2004.
    """

    eta: float
    power: float = 0.0

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, None]:
        """Coefficients after update ``t``; the objective is not evaluated."""
        eta = self.eta / (1 + t) ** self.power
        return objective.penalty.prox(point.w + eta * p, eta), None


@dataclass(frozen=True)
class FullStep:
    """The step as it is: ``w + p``."""

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, None]:
        """Coefficients after update ``t``; the objective is not evaluated."""
        return point.w + p, None


@dataclass(frozen=True)
class BacktrackingArmijo:
    r"""The full step, shortened until the objective decreases sufficiently.

    .. math:: F(w + \eta p) \le F(w) + c \, \eta \, \Delta, \qquad
              \Delta = \nabla F(w)^T p

    ``c`` is ``sufficient_decrease``. A penalty that bends at zero adds to :math:`\Delta` what it
    changes from ``w`` to ``w + p``. Where the change of a smooth objective is within rounding
    errors, in the precision of the rows, the slopes decide, which say the same of a quadratic:
    :math:`\nabla F(w + \eta p)^T p \le (2c - 1) \Delta`. A step that fails is cut to the minimum
    of the parabola through both values and the slope, but to between a fifth and a half of it, and
    not below ``min_step``. If ``p`` is no descent direction, or no step along it is accepted, the
    search is repeated along the gradient, or to the prox of a step along it, starting from Polyak's
    step :math:`F / \|\nabla F\|^2`, which reaches the zero of a linear objective.

    References
    ----------
    L. Armijo, Minimization of functions having Lipschitz continuous first partial derivatives,
    Pacific Journal of Mathematics 16, 1966.
    W. W. Hager, H. Zhang, A new conjugate gradient method with guaranteed descent and an efficient
    line search, SIAM Journal on Optimization 16, 2005: equation 4.1, the slopes.
    B. T. Polyak, Introduction to Optimization, 1987: section 5.3.2, the step for a known minimum.
    """

    sufficient_decrease: float = 1e-4
    min_step: float = 1e-8

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there; unchanged if none is accepted."""
        found = self._search(objective, point, p)
        if found is None:
            penalty = objective.penalty
            steepest = penalty.subgradient(point.w, point.gradient)
            squared_norm = max(float(np.vdot(steepest, steepest)), np.finfo(float).tiny)
            eta = point.value / squared_norm
            w = penalty.prox(point.w - eta * point.gradient, eta)
            found = self._search(objective, point, w - point.w)
        point = found or point
        return point.w, point

    def _search(self, objective: Objective, point: Point, p: Array) -> Point | None:
        """First point along ``p`` with a sufficient decrease, or None."""
        slope = float(np.vdot(point.gradient, p)) + objective.penalty.bend(point.w, p)
        # Close to the optimum the decrease is smaller than the objective's rounding error.
        rounding = 4 * np.finfo(np.float64).eps * abs(point.value)
        noise = np.finfo(objective.rows.dtype).eps * abs(point.value)
        smooth, flattened = objective.penalty.is_smooth, (2 * self.sufficient_decrease - 1) * slope
        eta = 1.0
        while eta >= self.min_step and slope < 0:
            trial = objective.at(point.w + eta * p)
            if trial.value <= point.value + self.sufficient_decrease * eta * slope + rounding:
                return trial
            is_noise = smooth and abs(trial.value - point.value) <= noise
            if is_noise and np.vdot(trial.gradient, p) <= flattened:
                return trial
            curvature = trial.value - point.value - eta * slope
            parabola = -slope * eta**2 / (2 * curvature) if np.isfinite(curvature) else 0.0
            eta = float(np.clip(parabola, eta / 5, eta / 2))
        return None


@dataclass(frozen=True)
class HalvedFromSaturation:
    r"""A step of another rule, halved while it ends in saturation: :math:`\nabla F^T (w' - w) > F`.

    At such an end :math:`w'` nearly all samples are classified with certainty, and the objective is
    little more than the penalty, which rises along the step.
    """

    step_size: BacktrackingArmijo

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there."""
        w, end = self.step_size(objective, point, p, t)
        while float(np.vdot(end.gradient, end.w - point.w)) > end.value:
            nearer = objective.at((point.w + end.w) / 2)
            if not nearer.value < end.value:
                break
            w, end = nearer.w, nearer
        return w, end
