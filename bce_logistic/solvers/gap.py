"""How far an iterate is above the minimum: by a trusted factor, a certificate or an estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from ..arrays import Array
from ..descent.loop import Iterate
from ..descent.step_sizes import BacktrackingArmijo, HalvedFromSaturation
from ..objective.certificate import duality_gap
from ..objective.objective import Objective, Point
from ..objective.self_concordance import hessian_share
from ..preconditioning.factors import Hessian
from .convergence import SAFETY, Progress, estimated_gap, model_is_accurate, steps_left

# The same for a factor that was built at another point, from which the Hessian has changed.
SAFETY_OF_REUSED = 10.0
# Relative gap to plan with if the tolerance is zero.
TINY_TOL = 1e-10
# Number of last steps from which the change of the Hessian is measured.
RECENT = 4


class Gap:
    """How far the iterates of one metric are above the minimum.

    Parameters
    ----------
    objective : Objective
        The objective to minimise.
    tol : float
        Relative gap that is to be reached.
    hessian : Hessian, optional
        An approximate Hessian whose decrement is trusted: in no direction is it much stiffer than
        the Hessian at the point where it was built. The steps show later changes of the Hessian.
    is_newton : bool, default=False
        Whether each step is made with the Hessian at its start.
    """

    def __init__(
        self,
        objective: Objective,
        tol: float,
        hessian: Hessian | None = None,
        is_newton: bool = False,
    ) -> None:
        self.objective, self.tol, self.hessian = objective, tol, hessian
        self.is_newton = is_newton
        self.history: list[Progress] = []
        self.measures: list[float] = []
        self.ratios: list[float] = []
        self.last: Point | None = None
        self.checked = self.certificate = inf
        self.share = 1.0

    def judged(self, iterate: Iterate) -> Iterate:
        """The iterate, with its gap and its certificate filled in."""
        gap = self(iterate)
        return iterate._replace(gap=gap, certificate=self.certificate)

    def __call__(self, iterate: Iterate) -> float:
        """The gap at an iterate, in nats; infinite where it is not known to be small."""
        self.certificate = inf
        self.history.append(Progress.of(iterate, self.objective.penalty))
        if not np.isfinite(self.history[-1]).all():
            return inf
        gradient, value = iterate.point.gradient, iterate.point.value
        certifiable = self.objective.penalises_every_feature
        bound = self.objective.penalty.gap(iterate.point.w, gradient) if certifiable else inf
        if self.is_newton:
            believed = SAFETY * self.history[-1].half_squared_decrement
            measure = believed
            if not model_is_accurate(self.history):
                believed = inf
        elif self.hessian is not None:
            measure = believed = self._decrement(iterate, self.hessian.squared_decrement)
            # With few rows, a factor of rounded products is too stiff where they cancel.
            rows = self.objective.rows
            if certifiable and rows.dtype == np.float32 and rows.n_samples < len(gradient):
                believed = inf
        elif certifiable:
            measure, believed = bound, inf
        else:
            measure = believed = estimated_gap(self.history)
        self.last = iterate.point
        self.measures.append(measure)
        target = self.tol * value
        if 0 < believed <= target and not self._is_trusted(iterate, target):
            believed = inf
        if believed <= target or bound > min(target, self.checked / 2):
            return believed
        self.checked = bound
        self.certificate = duality_gap(self.objective, iterate.point)
        return self.certificate

    def _is_trusted(self, iterate: Iterate, target: float) -> bool:
        """Whether the Hessian holds from where it was made, or to where Newton's step leads.

        Half the squared decrement is the gap; twice that allows for the change to come. The steps
        may not have been along the directions in which the Hessian changed most. The share that was
        left at the last iterate that was asked about spares a pass.
        """
        if self.is_newton:
            enough = 2 * self.history[-1].half_squared_decrement / target
            return enough <= hessian_share(self.objective, iterate.direction)
        if self.hessian is None:
            return True
        enough = self.hessian.squared_decrement(iterate.point.gradient) / target
        if enough <= self.share:
            self.share = hessian_share(self.objective, iterate.point.w - self.hessian.w)
        return enough <= self.share

    def _decrement(self, iterate: Iterate, decrement: Callable[[Array], float]) -> float:
        r"""Half the squared decrement in the approximate Hessian, for the Hessian as it is now.

        .. math:: \tfrac12 g^T P^{-1} g / c, \qquad
                  c = \min \frac{y^T P^{-1} y}{s^T y} \text{ over the last steps}
        """
        point = iterate.point
        if self.last is not None:
            s, y = point.w - self.last.w, point.gradient - self.last.gradient
            sy = float(np.vdot(s, y))
            if sy > 0:
                self.ratios.append(decrement(y) / sy)
        if len(self.ratios) < 2:
            return inf
        ratio = min(1.0, *self.ratios[-RECENT:])
        return SAFETY_OF_REUSED * max(
            decrement(point.gradient) / (2 * ratio), self.history[-1].half_squared_decrement
        )

    def steps_left(self) -> float:
        """Steps until the gap is at the tolerance, if it shrinks as before."""
        return steps_left(self.measures, max(self.tol, TINY_TOL) * self.history[-1].value)

    def is_nearly_there(self) -> bool:
        """Whether the next step is expected to be the last."""
        if (self.is_newton or self.hessian is not None) and len(self.history) > 1:
            before, now = (progress.half_squared_decrement for progress in self.history[-2:])
            target = self.tol * self.history[-1].value
            return SAFETY * now**2 <= target * before
        return self.steps_left() <= 1

    def is_stuck(self) -> bool:
        """Whether the last step changed nothing."""
        return len(self.history) > 1 and self.history[-1] == self.history[-2]


@dataclass(frozen=True)
class CertifiedLastStep:
    """A backtracking step, with the duality gap prepared in the pass that is to be the last."""

    gap: Gap

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there."""
        if self.gap.is_nearly_there():
            objective = replace(objective, certifies=True)
        return HalvedFromSaturation(BacktrackingArmijo())(objective, point, p, t)
