"""Run a solver on an objective until there is a reason to stop."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.certificate import duality_gap, is_certifiable
from ..objective.objective import Objective, Point
from ..objective.rounding import rounding_gap
from ..rows.training_data import SampleTotals
from .base import Solver
from .convergence import Progress
from .early_stopping import EarlyStopping
from .stochastic import StochasticDescent

# How much larger than estimated the part of the gap may be that is rounding.
ROUNDING = 16

# (iterate, history, passes, reason to stop or None) -> whether to stop
Monitor = Callable[[Iterate, list[Progress], int, str | None], bool]


class Result(NamedTuple):
    """Result of a descent."""

    w: Array  # coefficients to keep
    last: Iterate
    curve: list[Progress]  # at the start and after each update, or pass over mini-batches
    reason: str  # why the descent stopped
    gap: float = inf  # bound on F - min F at ``w``, in nats
    validation_losses: list[float] | None = None  # mean loss of the validation rows, by iterate
    converged: bool = False  # whether ``w`` is the minimum, up to the tolerance or rounding


def minimize(
    objective: Objective,
    solver: Solver,
    start: DescentState,
    early_stopping: EarlyStopping | None,
    monitor: Monitor,
    *,
    certifies: bool = True,
) -> Result:
    """Descend until there is a reason to stop; the monitor is called with each iterate.

    The result has its gap if the fit ``certifies`` it, or where convergence depends on it.
    """
    history: list[Progress] = []
    curve: dict[int, Progress] = {}
    for iterate in solver.iterates(objective, start):
        history.append(Progress.of(iterate, objective.penalty))
        revisited = iterate.t in curve  # by another preconditioner
        curve[iterate.t] = history[-1]
        reason = solver.reason_to_stop(objective, iterate, history)
        if early_stopping and not revisited:
            stops = early_stopping.update(solver.result(iterate, history))
            reason = reason or ("early_stopping" if stops else None)
        if monitor(iterate, history, solver.passes(objective, history), reason):
            reason = reason or "callback"
        if reason:
            break
    solver.check_end(objective, iterate, history)
    w = early_stopping.best if early_stopping else solver.result(iterate, history)
    is_needed = certifies or reason == "precision"
    gap = _certified_gap(objective, solver, iterate, w) if is_needed else inf
    value = iterate.point.value
    at_precision = reason == "precision" and (
        gap <= solver.tol * value or _is_rounding(objective, w, gap, value)
    )
    return Result(
        w,
        last=iterate,
        curve=list(curve.values()),
        reason=str(reason),
        gap=gap,
        validation_losses=early_stopping.losses if early_stopping else None,
        converged=reason == "tol" or at_precision,
    )


def _is_rounding(objective: Objective, w: Array, gap: float, value: float) -> bool:
    """Whether rounding explains the bound on the gap at ``w``, which is unknown without a penalty.

    The value itself is rounded, and so are the differences that the line search sees: they tell the
    gradient to less than half of its digits, and with an L1 penalty the bound is linear in it.
    Features far from zero may lose all digits: so the gap has to be a small part of the value, too.
    """
    if gap == inf:
        return True
    eps = float(np.finfo(objective.rows.dtype).eps)
    if gap > eps ** (1 / 4) * value:
        return False
    of_value = eps ** (2 / 3) if objective.penalty.is_smooth else eps**0.4
    return gap <= of_value * value or gap <= ROUNDING * rounding_gap(objective, w, value)


def _certified_gap(objective: Objective, solver: Solver, last: Iterate, w: Array) -> float:
    """Duality gap at the coefficients to keep, in a few passes over the rows."""
    if not is_certifiable(objective):
        return inf
    evaluated = w is last.point.w and not isinstance(solver, StochasticDescent)
    if evaluated and last.certificate < inf:
        return last.certificate
    return duality_gap(objective, last.point if evaluated else objective.at(w))


def keep_start(
    objective: Objective,
    start: DescentState,
    early_stopping: EarlyStopping | None,
    monitor: Monitor,
) -> Result:
    """Evaluate the objective at a start that is its minimum, up to precision, and stop."""
    point = objective.at(start.w)
    iterate = Iterate(start.t, point, np.zeros_like(start.w), None)
    history = [Progress.of(iterate, objective.penalty)]
    if early_stopping:
        early_stopping.update(start.w)
    monitor(iterate, history, 1, "precision")
    losses = early_stopping.losses if early_stopping else None
    return Result(start.w, iterate, history, "precision", point.value, losses, converged=True)


def minimize_batch(
    solver: StochasticDescent,
    objective: Objective,
    seen: SampleTotals,
    start: DescentState,
    monitor: Monitor,
) -> Result:
    """One pass over rows of a stream, ``seen`` before them; without any weight, nothing changes."""
    if objective.total_weight == 0:
        zero = np.zeros_like(start.w)
        iterate = Iterate(start.t, Point(start.w, 0.0, zero), zero, start.state, start.average)
        return Result(iterate.result, iterate, [], "partial_fit")
    iterate = solver.stream(objective, seen, start)
    history = [Progress.of(iterate, objective.penalty)]
    monitor(iterate, history, 1, "partial_fit")
    return Result(iterate.result, iterate, history, "partial_fit")
