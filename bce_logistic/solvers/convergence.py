"""How far a descent still is from the optimum, judged by the steps that it made."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from ..descent.loop import Iterate
from ..objective.penalties import Penalty

# The estimates are right to about this factor. A convergence that slows down over many steps, like
# a power of their number, needs a larger one.
SAFETY = 4.0
SAFETY_IF_SLOW = 16.0
# Largest rounding error of the objective, relative to it.
ROUNDING = 16 * np.finfo(np.float64).eps
# Measures below count as this.
TINY = np.finfo(np.float64).tiny
# Steps after which a descent counts as slow.
SLOW = 32
# Largest ratio of successive decreases that is extrapolated with.
SLOWEST_CONTRACTION = 0.95


class Progress(NamedTuple):
    """Measures of convergence at one iterate.

    Attributes
    ----------
    value : float
        The objective.
    gradient_norm : float
        Largest absolute component of the gradient, or of the subgradient of least norm.
    half_squared_decrement : float
        Decrease that the metric of the descent predicts from here to the optimum: half the
        squared Newton decrement, ``gradient . P^-1 gradient / 2``.
    """

    value: float
    gradient_norm: float
    half_squared_decrement: float

    @classmethod
    def of(cls, iterate: Iterate, penalty: Penalty) -> Progress:
        """Progress at an iterate of an objective with this penalty."""
        (w, value, gradient, *_), p = iterate.point, iterate.direction
        slope = float(np.vdot(gradient, p)) + penalty.bend(w, p)
        return cls(value, float(np.abs(penalty.subgradient(w, gradient)).max()), -slope / 2)


def estimated_gap(history: Sequence[Progress]) -> float:
    r"""Distance of the objective from its minimum, estimated on the safe side.

    The decrease that the metric predicts is right if the metric is the Hessian. It is trusted if
    the last step achieved the predicted decrease. Otherwise the past decreases are extrapolated: if
    they shrink by the factor rho from one step to the next, those to come add up to

    .. math:: \delta \, (\rho + \rho^2 + \ldots) = \delta \, \frac{\rho}{1 - \rho}.

    Returns the largest of the estimates over single steps, over pairs and fours of them, and over
    quarters of a longer history, which detect a convergence that slows down; times a safety factor.
    In nats.
    """
    if model_is_accurate(history):
        return SAFETY * history[-1].half_squared_decrement
    gap = SAFETY * max(
        history[-1].half_squared_decrement, *(_to_come(history, width) for width in (1, 2, 4))
    )
    if len(history) < SLOW:
        return gap
    return max(gap, SAFETY_IF_SLOW * _to_come(history, min(len(history) // 4, SLOW)))


def steps_left(measures: Sequence[float], target: float) -> float:
    """Steps until a measure is at a target, if it shrinks as over half of its history.

    The rate is the slope of a straight line through the logarithms.
    """
    logs = np.log([max(measure, TINY) for measure in measures if measure < inf])
    if not len(logs):
        return inf
    left = logs[-1] - np.log(max(target, TINY))
    logs = logs[-max(4, len(logs) // 2 + 1) :]
    if left <= 0 or len(logs) < 3:
        return 0.0 if left <= 0 else inf
    steps = np.arange(len(logs)) - (len(logs) - 1) / 2
    slope = steps.dot(logs) / steps.dot(steps)
    return float(left / -slope) if slope < 0 else inf


def model_is_accurate(history: Sequence[Progress]) -> bool:
    """Whether the last step went as the metric predicted, most of the way to the optimum.

    After 32 steps the last two steps must have done so, since one of many may do so by chance.
    """
    steps = list(itertools.pairwise(history[-2:] if len(history) < SLOW else history[-3:]))
    return len(steps) > 0 and all(_as_predicted(before, now) for before, now in steps)


def _as_predicted(before: Progress, now: Progress) -> bool:
    """Whether a step went as the metric predicted, most of the way to the optimum."""
    promised = before.half_squared_decrement - now.half_squared_decrement
    kept = abs(before.value - now.value - promised) <= 0.3 * promised
    return kept and now.half_squared_decrement <= 0.25 * before.half_squared_decrement


def _to_come(history: Sequence[Progress], width: int) -> float:
    """Sum of the decreases to come, if they go on to shrink as over the last ``width`` steps."""
    if len(history) <= 2 * width:
        return 0.0
    oldest, middle, newest = (history[-1 - k * width].value for k in (2, 1, 0))
    decrease = max(middle - newest, 0.0)
    contraction = decrease / (oldest - middle) if oldest > middle else inf
    contraction = min(contraction, SLOWEST_CONTRACTION)
    return decrease * contraction / (1 - contraction)


def seen_to_stall(iterates: Iterable[Iterate], penalty: Penalty) -> Iterator[Iterate]:
    """The iterates; each tells whether the last steps, in the same coordinates, led nowhere."""
    history: list[Progress] = []
    last = (-1, False)
    for iterate in iterates:
        now = (iterate.t, iterate.coefficients is not None)
        if now == last:  # the same point with another preconditioner
            history.pop()
        elif now[1] != last[1]:
            history.clear()
        history.append(Progress.of(iterate, penalty))
        last = now
        yield iterate._replace(stalled=stalled_at_precision(history))


def stalled_at_precision(history: list[Progress]) -> bool:
    """Whether the last three steps decreased neither the objective nor its gradient."""
    if len(history) < 4:
        return False
    before, now = history[-4], history[-1]
    same = before.value - now.value <= ROUNDING * abs(now.value)
    return bool(same and now.gradient_norm >= 0.5 * before.gradient_norm)
