"""How far a descent still is from the optimum, judged by the steps that it made."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from math import inf, log
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..descent.loop import Iterate
from ..objective.certificate import duality_gap
from ..objective.objective import Objective, Point
from ..preconditioning.factors import Hessian

# The estimates are right to about this factor, and the promise is to be on the safe side; over
# many steps a convergence that slows down, like a power of their number, needs a larger one.
SAFETY = 4.0
SAFETY_IF_SLOW = 16.0
# A factor that is not of the Hessian here misses more, above all where it was made far away.
SAFETY_OF_REUSED = 10.0
# A relative gap that is small enough to plan with where none is asked for.
TINY_TOL = 1e-10
TINY = np.finfo(np.float64).tiny
# Last steps that tell how the Hessian changed.
RECENT = 4
# Steps that are many.
SLOW = 32
# Decreases that do not shrink from step to step are taken to shrink by this factor.
SLOWEST_CONTRACTION = 0.95


class Progress(NamedTuple):
    """What one iterate tells of the convergence.

    Attributes
    ----------
    value : float
        The objective.
    gradient_norm : float
        Largest absolute component of the gradient.
    half_squared_decrement : float
        Decrease that the metric of the descent predicts from here to the optimum: half the
        squared Newton decrement, ``gradient . P^-1 gradient / 2``.
    """

    value: float
    gradient_norm: float
    half_squared_decrement: float

    @classmethod
    def of(cls, iterate: Iterate) -> Progress:
        """Progress at an iterate."""
        _, value, gradient, _ = iterate.point
        slope = float(np.vdot(gradient, iterate.direction))
        return cls(value, float(np.abs(gradient).max()), -slope / 2)


def estimated_gap(history: Sequence[Progress]) -> float:
    r"""Distance of the objective from its minimum, estimated on the safe side.

    The prediction of the metric is right if the metric is the Hessian, and believed if the last
    step did what was predicted of it. Otherwise the decreases made so far speak for themselves:
    if they shrink by the factor rho from one step to the next, all that are still to come add
    up to

    .. math:: \delta \, (\rho + \rho^2 + \ldots) = \delta \, \frac{\rho}{1 - \rho}.

    The largest of the estimates is taken, over single steps, over pairs and fours of them, and
    over quarters of a longer history, which see a convergence that slows down; and it is
    doubled at least.

    Parameters
    ----------
    history : sequence of Progress
        The iterates so far.

    Returns
    -------
    float
        The gap, in nats.
    """
    if model_is_accurate(history):
        return SAFETY * history[-1].half_squared_decrement
    gap = SAFETY * max(
        history[-1].half_squared_decrement, *(_to_come(history, width) for width in (1, 2, 4))
    )
    if len(history) < SLOW:
        return gap
    return max(gap, SAFETY_IF_SLOW * _to_come(history, min(len(history) // 4, SLOW)))


def model_is_accurate(history: Sequence[Progress]) -> bool:
    """Whether the last step went as the metric predicted, most of the way to the optimum.

    After many steps the last two have to: of many, one does so by chance.

    Parameters
    ----------
    history : sequence of Progress
        The iterates so far.

    Returns
    -------
    bool
        Whether the metric is as good as the Hessian.
    """
    steps = list(itertools.pairwise(history[-2:] if len(history) < SLOW else history[-3:]))
    return len(steps) > 0 and all(_as_predicted(before, now) for before, now in steps)


def _as_predicted(before: Progress, now: Progress) -> bool:
    """Whether a step went as the metric predicted, most of the way to the optimum."""
    promised = before.half_squared_decrement - now.half_squared_decrement
    kept = abs(before.value - now.value - promised) <= 0.3 * promised
    return kept and now.half_squared_decrement <= 0.25 * before.half_squared_decrement


def _to_come(history: Sequence[Progress], width: int) -> float:
    """Sum of the decreases to come, if they go on to shrink as over the last steps."""
    decrease, contraction = _decrease_and_contraction(history, width)
    return decrease * contraction / (1 - contraction)


def _decrease_and_contraction(history: Sequence[Progress], width: int) -> tuple[float, float]:
    """Decrease over the last ``width`` steps, and its ratio to that over the ``width`` before."""
    if len(history) <= 2 * width:
        return 0.0, 0.0
    oldest, middle, newest = (history[-1 - k * width].value for k in (2, 1, 0))
    decrease = max(middle - newest, 0.0)
    contraction = decrease / (oldest - middle) if oldest > middle else inf
    return decrease, min(contraction, SLOWEST_CONTRACTION)


class Gap:
    """How far the iterates of one metric are above the minimum: believed, certified or estimated.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    tol : float
        Relative gap that is to be reached.
    hessian : Hessian, optional
        An approximate Hessian that is believed: no direction is much stiffer in it than in the
        Hessian at the time when it was made. How the Hessian changed since, the steps tell.
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

    def judged(self, iterate: Iterate) -> Iterate:
        """The iterate with what is known of its gap."""
        gap = self(iterate)
        return iterate._replace(gap=gap, certificate=self.certificate)

    def __call__(self, iterate: Iterate) -> float:
        """The gap at an iterate, in nats; infinite where it is not known to be small."""
        self.certificate = inf
        self.history.append(Progress.of(iterate))
        if not np.isfinite(self.history[-1]).all():
            return inf
        gradient, value = iterate.point.gradient, iterate.point.value
        certifiable = self.objective.penalises_every_feature
        bound = self.objective.penalty.gap(gradient) if certifiable else inf
        if self.is_newton:
            believed = SAFETY * self.history[-1].half_squared_decrement
            measure = believed
            if not model_is_accurate(self.history):
                believed = inf
        elif self.hessian is not None:
            measure = believed = self._decrement(iterate, self.hessian.squared_decrement)
        elif certifiable:
            measure, believed = bound, inf
        else:
            measure = believed = estimated_gap(self.history)
        self.last = iterate.point
        self.measures.append(measure)
        target = self.tol * value
        if believed <= target or bound > min(target, self.checked / 2):
            return believed
        self.checked = bound
        self.certificate = duality_gap(self.objective, iterate.point)
        return self.certificate

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
        """Steps until the gap is as small as wanted, if it shrinks on as over half of the history.

        The rate is the slope of a straight line through its logarithms.
        """
        target = max(self.tol, TINY_TOL) * self.history[-1].value
        finite = [measure for measure in self.measures if measure < inf]
        if not finite:
            return inf
        logs = np.log(np.maximum(finite, TINY))
        left = logs[-1] - log(max(target, TINY))
        if left <= 0:
            return 0.0
        logs = logs[-max(4, len(logs) // 2 + 1) :]
        if len(logs) < 3:
            return inf
        steps = np.arange(len(logs)) - (len(logs) - 1) / 2
        slope = steps.dot(logs) / steps.dot(steps)
        return left / -slope if slope < 0 else inf

    def is_nearly_there(self) -> bool:
        """Whether the next step is expected to be the last."""
        if (self.is_newton or self.hessian is not None) and len(self.history) > 1:
            before, now = (progress.half_squared_decrement for progress in self.history[-2:])
            target = self.tol * self.history[-1].value
            return SAFETY * now**2 <= target * before
        return self.steps_left() <= 1

    def is_stuck(self) -> bool:
        """Whether the last step led nowhere."""
        return len(self.history) > 1 and self.history[-1] == self.history[-2]
