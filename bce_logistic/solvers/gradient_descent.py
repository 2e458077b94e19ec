"""Textbook gradient descent on all rows: ``solver="gd"``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from ..arrays import Array
from ..descent.directions import (
    AcceleratedDescent,
    AcceleratedProximalDescent,
    AcceleratedProximalState,
    Direction,
    HeavyBall,
    Nesterov,
    SteepestDescent,
)
from ..descent.loop import DescentState, Iterate, averaged, descend
from ..descent.step_sizes import FullStep, InverseScalingStep, StepSize
from ..objective.objective import Objective
from .convergence import Progress
from .divergence import ceiling, divergence_error, is_bounded, rise, swings


@dataclass(frozen=True)
class GradientDescent:
    """Gradient descent on all rows, from zero coefficients.

    Parameters
    ----------
    learning_rate : float or "auto"
        Step size; "auto": 1/L, with L the Lipschitz constant of the gradient.
    power_t : float
        Power with which the step size decays.
    momentum : float
        Coefficient of the momentum in [0, 1].
    nesterov : bool
        Nesterov's form of the momentum; accelerated descent if the step size is automatic and
        ``momentum`` is 0.
    reduction : {"mean", "sum"}
        Which gradient a fixed ``learning_rate`` multiplies.
    average : int
        First update whose result counts in the mean of the iterates; 0: no mean is taken.
    max_iter : int
        Number of updates.
    tol : float
        Bound on the largest component of the mean gradient; 0: none.
    is_proximal : bool, default=False
        Whether the penalty bends at zero, so that the proximal step follows each update.
    """

    learning_rate: float | str
    power_t: float
    momentum: float
    nesterov: bool
    reduction: str
    average: int
    max_iter: int
    tol: float
    is_proximal: bool = False

    name = "gd"
    advice = (
        "scale the features (sklearn.preprocessing.StandardScaler), set nesterov=True with "
        "learning_rate='auto', or increase max_iter"
    )

    @property
    def direction(self) -> Direction:
        """The update rule."""
        if self._is_accelerated:
            return AcceleratedDescent()
        if self.nesterov:
            return Nesterov(self.momentum)
        return HeavyBall(self.momentum) if self.momentum > 0 else SteepestDescent()

    @property
    def rule(self) -> object:
        """Key of the state of the descent."""
        return self.direction, self.average, self.is_proximal

    def start(self, objective: Objective) -> DescentState:
        """Zero coefficients."""
        return DescentState(np.zeros(objective.shape))

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Iterates of the descent, one for each update, without end."""
        eta, objectives = self._eta(objective), itertools.repeat(objective)
        if self._is_accelerated and self.is_proximal:
            direction = AcceleratedProximalDescent(objective.penalty, eta)
            return self._descend(objectives, start, direction, FullStep())
        step_size = InverseScalingStep(eta, self.power_t)
        return self._descend(objectives, start, self.direction, step_size)

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over the data up to the last iterate: one for each update."""
        return len(history) - 1

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep: those of the iterate, or the mean of the iterates."""
        if isinstance(iterate.state, AcceleratedProximalState) and not self.average:
            return iterate.state.x  # the iterate is a look-ahead
        return iterate.result

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Return "tol", "max_iter" or None; raise an error if a fixed learning rate diverges."""
        if len(history) > 1:
            self._refuse_blow_up(objective, iterate, history[0].value)
        if self.tol > 0 and self._converged(objective, iterate, history):
            return "tol"
        return "max_iter" if self.passes(objective, history) >= self.max_iter else None

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Raise an error if a fixed learning rate was too large.

        It was if the objective ended above its start and the rate is larger than the safe one, or
        if the objective swings without getting lower and the rate is unstable. A momentum of 1,
        with which a descent never comes to rest, is no error.
        """
        if not self._can_be_too_large:
            return
        start, end = history[0].value, self._final_value(objective, iterate, history)
        if end > ceiling(objective, start):
            self._refuse(objective, rise(objective, start, end))
        elif self._is_evaluated(iterate):
            values = np.array([progress.value for progress in history])
            if symptom := swings(objective, values):
                self._refuse(objective, symptom, above=self._stability)

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Always False: small steps cannot tell a distant optimum from one at infinity."""
        return False

    def _descend(
        self,
        objectives: Iterable[Objective],
        start: DescentState,
        direction: Direction,
        step_size: StepSize,
    ) -> Iterator[Iterate]:
        """Descend by the update rule, with the mean of the iterates if it is asked for."""
        w, state, t, _ = start
        iterates = descend(objectives, w, direction, step_size, state=state, t=t)
        return averaged(iterates, self.average, start) if self.average else iterates

    def _converged(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> bool:
        """Whether the mean gradient is small enough, and the objective not above its start."""
        if history[-1].gradient_norm > self.tol * objective.total_weight:
            return False
        end = self._final_value(objective, iterate, history)
        return end <= ceiling(objective, history[0].value)

    def _final_value(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> float:
        """Objective at the coefficients to keep, or a bound on it that is below the ceiling.

        At a mean of iterates a convex objective is at most their largest value.
        """
        if self._is_evaluated(iterate):
            return history[-1].value
        largest = max(progress.value for progress in history)
        if largest <= ceiling(objective, history[0].value):
            return largest
        return objective.at(iterate.result).value

    def _is_evaluated(self, iterate: Iterate) -> bool:
        """Whether the iterate's value is that of the coefficients to keep."""
        return iterate.average is None

    @property
    def _is_accelerated(self) -> bool:
        """Whether the momentum is found, too."""
        return self.nesterov and self.learning_rate == "auto" and self.momentum == 0

    def _eta(self, objective: Objective) -> float:
        """Step size for the objective's gradient, which is the sum; NaN if features overflow."""
        if isinstance(self.learning_rate, str):
            smoothness = objective.smoothness()
            return 1 / smoothness if smoothness < inf else nan
        mean = self.reduction == "mean"
        return self.learning_rate / objective.total_weight if mean else self.learning_rate

    @property
    def _can_be_too_large(self) -> bool:
        """Whether the learning rate is fixed, and the descent comes to rest with a smaller one."""
        return self.learning_rate != "auto" and self.momentum < 1

    def _refuse_blow_up(self, objective: Objective, iterate: Iterate, start: float) -> None:
        """Raise an error if a fixed learning rate makes the objective grow without bound."""
        if self.learning_rate != "auto" and not is_bounded(objective, iterate.point, start):
            self._refuse(objective, rise(objective, start, iterate.point.value), above=0.0)

    def _refuse(self, objective: Objective, symptom: str, above: float = 1.0) -> None:
        """Raise the error if the fixed learning rate is above a multiple of the safe one."""
        rate, safe = float(self.learning_rate), self._safe_learning_rate(objective)
        # Not "rate > above * safe": the safe learning rate of features that overflow is NaN.
        if not rate <= above * safe:
            raise divergence_error(rate, self.momentum, symptom, safe)

    def _safe_learning_rate(self, objective: Objective) -> float:
        r"""Largest learning rate for which the objective is known to stay below its start.

        .. math:: \eta = \frac{2 (1 - \mu)}{L}

        For Nesterov's form this is proved on a quadratic only.

        References
        ----------
        P. Ochs, Y. Chen, T. Brox, T. Pock, iPiano: inertial proximal algorithm for nonconvex
        optimization, SIAM Journal on Imaging Sciences 7, 2014: with such a step the objective
        plus a multiple of the last step's squared length never rises.
        """
        return self._as_learning_rate(objective, 2 * (1 - self.momentum) / objective.smoothness())

    def _as_learning_rate(self, objective: Objective, step: float) -> float:
        """The learning rate whose step down the summed gradient has this size."""
        return step * objective.total_weight if self.reduction == "mean" else step

    @property
    def _stability(self) -> float:
        r"""Largest multiple of the safe learning rate that is stable on a quadratic.

        Along a curvature L one root of the recursion reaches -1, for the heavy ball at a step of
        :math:`2 (1 + \mu) / L`, for Nesterov's form at :math:`2 (1 + \mu) / ((1 + 2 \mu) L)`.

        References
        ----------
        B. Polyak, Some methods of speeding up the convergence of iteration methods, USSR
        Computational Mathematics and Mathematical Physics 4, 1964: the heavy ball.
        """
        look_ahead = 1 + 2 * self.momentum if self.nesterov else 1.0
        return (1 + self.momentum) / ((1 - self.momentum) * look_ahead)
