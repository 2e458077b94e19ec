"""Signs that a learning rate is too large, and the error that names a safe one."""

from __future__ import annotations

from math import floor, inf, log, log10

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective, Point

# Multiple of the objective at the start above which a descent diverges.
MAX_GROWTH = 1e4
# Smallest number of iterates that shows whether an oscillation persists or dies out.
MIN_ITERATES = 40


def value_at_zero(objective: Objective) -> float:
    """Objective at zero coefficients, in nats: all classes have the same probability."""
    return objective.total_weight * log(max(2, objective.n_scores))


def ceiling(objective: Objective, start: float) -> float:
    """Objective at the start of a fit or at zero coefficients, the larger one, and rounding.

    A fit that continues another may first rise, by the momentum of that one.
    """
    return max(start, value_at_zero(objective)) * (1 + _rounding(objective))


def is_bounded(objective: Objective, point: Point, start: float) -> bool:
    """Whether coefficients and objective are finite, and it is not far above its start."""
    bound = MAX_GROWTH * ceiling(objective, start)
    return bool(point.value < bound and np.isfinite(point.w).all())


def rise(objective: Objective, start: float, end: float) -> str:
    """Part of a message: the objective ended above its start."""
    start, end = (value / objective.total_weight for value in (start, end))
    return f"rose from {_digits(start)} to {_digits(end if end < inf else inf)} nats a sample"


def swings(objective: Objective, values: Array) -> str | None:
    """Part of a message if the last quarter of the values rises and falls, and gets no lower.

    The last two quarters have no lower value than the first half, and the range of the last one is
    no smaller than that of the third.
    """
    if len(values) < MIN_ITERATES:
        return None
    rounding = _rounding(objective) * values.max()
    first, third, last = np.split(values, [len(values) // 2, len(values) * 3 // 4])
    if not (
        np.diff(last).max() > rounding
        and min(third.min(), last.min()) > first.min() - rounding
        and np.ptp(last) > np.ptp(third) - rounding
    ):
        return None
    lowest, highest = (_digits(v / objective.total_weight) for v in (last.min(), last.max()))
    return f"swings between {lowest} and {highest} nats a sample and gets no lower"


def divergence_error(rate: float, momentum: float, symptom: str, safe: float) -> ValueError:
    """The error that names the symptom and the largest safe learning rate."""
    numbers = ""
    remedy = "a smaller learning_rate" if momentum < 1 else "a momentum below 1"
    if np.finfo(np.float64).tiny < safe < rate:
        with_momentum = f" and momentum={momentum:g}" if momentum > 0 else ""
        numbers = (
            f" For these data{with_momentum}, a learning_rate of up to {_rounded_down(safe)} is "
            f"safe; {rate:g} is {_digits(rate / safe)} times that."
        )
        remedy = f"learning_rate={_rounded_down(safe)}"
    return ValueError(
        f"Gradient descent does not converge with learning_rate={rate}: the "
        f"objective {symptom}.{numbers} Set {remedy} or learning_rate='auto', or scale the "
        "features, for example with sklearn.preprocessing.StandardScaler, which makes larger "
        "steps safe."
    )


def _rounding(objective: Objective) -> float:
    """Relative change of the objective that may be rounding."""
    return float(np.finfo(objective.rows.dtype).eps) ** 0.5


def _digits(number: float) -> str:
    """The number with three digits."""
    return f"{float(f'{number:.3g}'):,g}"


def _rounded_down(rate: float) -> str:
    """The learning rate with three digits, rounded down."""
    digit = 10.0 ** (floor(log10(rate)) - 2)
    return f"{floor(rate / digit) * digit:.3g}"
