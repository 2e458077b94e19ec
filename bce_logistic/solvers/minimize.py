"""Run a solver on an objective until there is a reason to stop."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.certificate import duality_gap
from ..objective.objective import Objective, Point
from ..rows.training_data import SampleTotals
from .base import Solver
from .convergence import Progress
from .early_stopping import EarlyStopping
from .stochastic import StochasticDescent

# (iterate, history, passes, reason to stop there or None) -> whether to stop there
Monitor = Callable[[Iterate, list[Progress], int, str | None], bool]


class Result(NamedTuple):
    """What a descent leaves behind.

    Attributes
    ----------
    w : ndarray
        Coefficients to keep.
    last : Iterate
        Where the descent stood in the end.
    curve : list of Progress
        At the start and after each iteration: an update, or a pass over mini-batches.
    reason : str
        Why it ended.
    gap : float
        Bound on the objective at ``w`` above its minimum, in nats; infinite without a penalty.
    validation_losses : list of float or None
        Mean loss of the validation rows at each iterate, if there are any.
    """

    w: Array
    last: Iterate
    curve: list[Progress]
    reason: str
    gap: float = inf
    validation_losses: list[float] | None = None


def minimize(
    objective: Objective,
    solver: Solver,
    start: DescentState,
    early_stopping: EarlyStopping | None,
    monitor: Monitor,
) -> Result:
    """Descend until there is a reason to stop.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    solver : Solver
        How to descend.
    start : DescentState
        Where to start.
    early_stopping : EarlyStopping or None
        Validation rows that decide when to stop, if there are any.
    monitor : callable
        Is called with each iterate, the history up to it, the passes that it took and the reason
        to stop there, if there is one; returns whether to stop.

    Returns
    -------
    Result
        What is left behind.
    """
    history: list[Progress] = []
    curve: dict[int, Progress] = {}
    for iterate in solver.iterates(objective, start):
        history.append(Progress.of(iterate))
        revisited = iterate.t in curve  # with another metric
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
    return Result(
        w,
        last=iterate,
        curve=list(curve.values()),
        reason=str(reason),
        gap=_certified_gap(objective, solver, iterate, w),
        validation_losses=early_stopping.losses if early_stopping else None,
    )


def _certified_gap(objective: Objective, solver: Solver, last: Iterate, w: Array) -> float:
    """Duality gap at the coefficients that are kept, in at most two passes over the rows."""
    if not objective.penalises_every_feature:
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
    """Evaluate the objective where its minimum is known, up to precision, and stop there."""
    point = objective.at(start.w)
    iterate = Iterate(start.t, point, np.zeros_like(start.w), None)
    history = [Progress.of(iterate)]
    if early_stopping:
        early_stopping.update(start.w)
    monitor(iterate, history, 1, "precision")
    losses = early_stopping.losses if early_stopping else None
    return Result(start.w, iterate, history, "precision", point.value, losses)


def minimize_batch(
    solver: StochasticDescent,
    objective: Objective,
    seen: SampleTotals,
    start: DescentState,
    monitor: Monitor,
) -> Result:
    """Go once over rows of a stream.

    Parameters
    ----------
    solver : StochasticDescent
        How to descend.
    objective : Objective
        The rows at hand.
    seen : Seen
        The samples before them.
    start : Start
        Where to go on from.
    monitor : callable
        As for :func:`minimize`; there is nothing to stop.

    Returns
    -------
    Result
        What is left behind; nothing is learnt from rows without any weight.
    """
    if objective.total_weight == 0:
        zero = np.zeros_like(start.w)
        nowhere = Iterate(start.t, Point(start.w, 0.0, zero), zero, start.state, start.average)
        return Result(nowhere.result, nowhere, [], "partial_fit")
    iterate = solver.stream(objective, seen, start)
    history = [Progress.of(iterate)]
    monitor(iterate, history, 1, "partial_fit")
    return Result(iterate.result, iterate, history, "partial_fit")
