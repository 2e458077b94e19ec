"""Textbook gradient descent: which pieces the loop is given for ``solver="gd"``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import floor, inf, log, log10, nan

import numpy as np

from ..arrays import Array
from ..descent.directions import AcceleratedDescent, Direction, HeavyBall, Nesterov, SteepestDescent
from ..descent.loop import DescentState, Iterate, averaged, descend
from ..descent.step_sizes import InverseScalingStep
from ..objective.objective import Objective
from .convergence import Progress

# An objective so many times above its start is on its way to infinity.
DIVERGENCE = 1e4
# Fewer iterates do not show whether swings of the objective stay or die out.
ENOUGH_TO_SEE_SWINGS = 40


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
    """

    learning_rate: float | str
    power_t: float
    momentum: float
    nesterov: bool
    reduction: str
    average: int
    max_iter: int
    tol: float

    name = "gd"
    advice = (
        "scale the features (sklearn.preprocessing.StandardScaler), set nesterov=True with "
        "learning_rate='auto', or increase max_iter"
    )

    def start(self, objective: Objective) -> DescentState:
        """Zero coefficients."""
        return DescentState(np.zeros(objective.shape))

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Points of the descent, without end.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        start : Start
            Where to go on from.

        Returns
        -------
        iterator of Iterate
            One for every update.
        """
        step_size = InverseScalingStep(self._eta(objective), self.power_t)
        forever = itertools.repeat(objective)
        return self._descend(forever, start, step_size)

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over the data that led to the last iterate: one an update."""
        return len(history) - 1

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep when the descent stops at an iterate: those there, or the mean."""
        return iterate.result

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        iterate : Iterate
            Where the descent stands.
        history : list of Progress
            The iterates so far.

        Returns
        -------
        str or None
            "tol", "max_iter", or None: go on.

        Raises
        ------
        ValueError
            If a fixed learning rate makes the objective grow without bound.
        """
        if len(history) > 1:
            self._refuse_blow_up(objective, iterate, history[0].value)
        if self.tol > 0 and self._converged(objective, iterate, history):
            return "tol"
        return "max_iter" if self.passes(objective, history) >= self.max_iter else None

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Refuse the end of a descent whose fixed learning rate was too large.

        Parameters
        ----------
        objective : Objective
            What was minimised.
        iterate : Iterate
            Where the descent ended.
        history : list of Progress
            The iterates.

        Raises
        ------
        ValueError
            If the objective ended above its start and the learning rate is larger than the safe
            one, or if it swings without getting lower and the learning rate is unstable. A
            momentum of 1, which never comes to rest, is no error.
        """
        if not self._can_be_too_large:
            return
        end, weight = self._final_value(objective, iterate, history), objective.total_weight
        if end > ceiling(objective, history[0].value):
            self._refuse_above(objective, 1.0, rise(objective, history[0].value, end))
        elif swings := self._swings(objective, iterate, history):
            lowest, highest = (value / weight for value in swings)
            symptom = f"swings between {_digits(lowest)} and {_digits(highest)} nats a sample"
            self._refuse_above(objective, self._stability, f"{symptom} and gets no lower")

    def gap(self, history: list[Progress]) -> None:
        """Nothing: a gradient alone does not tell how far the optimum is."""

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Never: small steps do not tell an optimum far away from one at infinity."""
        return False

    @property
    def rule(self) -> object:
        """What the state of the descent belongs to."""
        return self.direction, self.average

    def _descend(
        self, objectives: Iterable[Objective], start: DescentState, step_size: InverseScalingStep
    ) -> Iterator[Iterate]:
        """Descend by the update rule; average the iterates, if that is asked for."""
        w, state, t, _ = start
        iterates = descend(objectives, w, self.direction, step_size, state=state, t=t)
        return averaged(iterates, self.average, start) if self.average else iterates

    def _refuse_blow_up(self, objective: Objective, iterate: Iterate, start: float) -> None:
        """Raise an error if a fixed learning rate makes the objective grow without bound."""
        value = iterate.point.value
        # "below" is not true of NaN either.
        is_sound = (
            value < DIVERGENCE * ceiling(objective, start) and np.isfinite(iterate.point.w).all()
        )
        if self.learning_rate != "auto" and not is_sound:
            safe = self._safe_learning_rate(objective)
            raise self._divergence(rise(objective, start, value), safe)

    @property
    def _can_be_too_large(self) -> bool:
        """Whether the learning rate is fixed, and the descent meant to come to rest."""
        return self.learning_rate != "auto" and self.momentum < 1

    def _refuse_above(self, objective: Objective, multiple: float, symptom: str) -> None:
        """Raise an error if a fixed learning rate is above a multiple of the safe one."""
        safe = self._safe_learning_rate(objective)
        # "at most" is not true of NaN, the safe learning rate of features that overflow.
        if not float(self.learning_rate) <= multiple * safe:
            raise self._divergence(symptom, safe)

    def _divergence(self, symptom: str, safe: float) -> ValueError:
        """The error that names the largest safe learning rate."""
        rate = float(self.learning_rate)
        momentum = f" and momentum={self.momentum:g}" if self.momentum > 0 else ""
        numbers = ""
        smaller = "a smaller learning_rate" if self.momentum < 1 else "a momentum below 1"
        if np.finfo(np.float64).tiny < safe < rate:
            numbers = (
                f" For these data{momentum}, a learning_rate of up to {_rounded_down(safe)} is "
                f"safe; {rate:g} is {_digits(rate / safe)} times that."
            )
            smaller = f"learning_rate={_rounded_down(safe)}"
        return ValueError(
            f"Gradient descent does not converge with learning_rate={rate}: the "
            f"objective {symptom}.{numbers} Set {smaller} or learning_rate='auto', or scale the "
            "features, for example with sklearn.preprocessing.StandardScaler, which makes larger "
            "steps safe."
        )

    def _safe_learning_rate(self, objective: Objective) -> float:
        r"""Largest learning rate for which the objective is known to stay below its start.

        .. math:: \eta = \frac{2 (1 - \mu)}{L}

        For Nesterov's form it is known on a quadratic only.

        References
        ----------
        P. Ochs, Y. Chen, T. Brox, T. Pock, iPiano: inertial proximal algorithm for nonconvex
        optimization, SIAM Journal on Imaging Sciences 7, 2014: with such a step the objective
        plus a multiple of the last step's squared length never rises.
        """
        return self._in_units(objective, 2 * (1 - self.momentum) / objective.smoothness())

    def _in_units(self, objective: Objective, step: float) -> float:
        """The learning rate that makes a step of this size down the summed gradient."""
        return step * objective.total_weight if self.reduction == "mean" else step

    @property
    def _stability(self) -> float:
        r"""How many times the safe learning rate is stable on a quadratic.

        Along a curvature L one root of the recursion reaches -1, for the heavy ball at a step of
        :math:`2 (1 + \mu) / L`, for Nesterov's form at :math:`2 (1 + \mu) / ((1 + 2 \mu) L)`.

        References
        ----------
        B. Polyak, Some methods of speeding up the convergence of iteration methods, USSR
        Computational Mathematics and Mathematical Physics 4, 1964: the heavy ball.
        """
        look_ahead = 1 + 2 * self.momentum if self.nesterov else 1.0
        return (1 + self.momentum) / ((1 - self.momentum) * look_ahead)

    def _final_value(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> float:
        """Objective at the coefficients to keep, or a bound on it below that of the start.

        At a mean of iterates a convex objective is at most their largest.
        """
        values = [progress.value for progress in history]
        if self._is_known(iterate):
            return values[-1]
        if max(values) <= ceiling(objective, values[0]):
            return max(values)
        return objective.at(iterate.result).value

    def _is_known(self, iterate: Iterate) -> bool:
        """Whether the iterate's value is that of the coefficients to keep."""
        return iterate.average is None

    def _swings(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> tuple[float, float] | None:
        """Range of the last quarter of the iterates, if they rise and fall and get no lower.

        The last two quarters have no lower objective than those before, and the last one swings
        as far as the one before it.
        """
        if len(history) < ENOUGH_TO_SEE_SWINGS or iterate.average is not None:
            return None
        values = np.array([progress.value for progress in history])
        rounding = _rounding(objective) * values.max()
        first, third, last = np.split(values, [len(values) // 2, len(values) * 3 // 4])
        swings = (
            np.diff(last).max() > rounding
            and min(third.min(), last.min()) > first.min() - rounding
            and np.ptp(last) > np.ptp(third) - rounding
        )
        return (last.min(), last.max()) if swings else None

    @property
    def direction(self) -> Direction:
        """The update rule."""
        automatic = self.learning_rate == "auto"
        if self.nesterov and automatic and self.momentum == 0:
            return AcceleratedDescent()
        if self.nesterov:
            return Nesterov(self.momentum)
        return HeavyBall(self.momentum) if self.momentum > 0 else SteepestDescent()

    def _converged(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> bool:
        """Whether the mean gradient is small enough, and the objective not above its start."""
        if history[-1].gradient_norm > self.tol * objective.total_weight:
            return False
        end = self._final_value(objective, iterate, history)
        return end <= ceiling(objective, history[0].value)

    def _eta(self, objective: Objective) -> float:
        """Step size in units of the summed gradient, which is what the objective gives."""
        if isinstance(self.learning_rate, str):
            curvature = objective.smoothness()
            return 1 / curvature if curvature < inf else nan  # which the next iterate will show
        mean = self.reduction == "mean"
        return self.learning_rate / objective.total_weight if mean else self.learning_rate


def _rounding(objective: Objective) -> float:
    """Relative change of an objective that is rounding."""
    return float(np.finfo(objective.rows.dtype).eps) ** 0.5


def value_at_zero(objective: Objective) -> float:
    """Objective at zero coefficients, in nats: each class is as likely as another."""
    return objective.total_weight * log(max(2, objective.n_scores))


def ceiling(objective: Objective, start: float) -> float:
    """Objective at the start of a fit or at zero coefficients, the larger one, and rounding.

    A fit that goes on from another one may first rise, by the momentum of that one.
    """
    return max(start, value_at_zero(objective)) * (1 + _rounding(objective))


def rise(objective: Objective, start: float, end: float) -> str:
    """What an objective did that ended above its start, for a message."""
    start, end = (value / objective.total_weight for value in (start, end))
    return f"rose from {_digits(start)} to {_digits(end if end < inf else inf)} nats a sample"


def _digits(number: float) -> str:
    """A number with three digits."""
    return f"{float(f'{number:.3g}'):,g}"


def _rounded_down(rate: float) -> str:
    """A learning rate with three digits, not larger."""
    digit = 10.0 ** (floor(log10(rate)) - 2)
    return f"{floor(rate / digit) * digit:.3g}"
