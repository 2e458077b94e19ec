"""The ``for`` around the loop: when to stop, and what a fit leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.objective import Objective, Point
from ..rows.training_data import SampleTotals
from .base import Solver
from .convergence import Progress
from .early_stopping import EarlyStopping
from .stochastic import StochasticDescent

# (iterate, history, passes, reason to stop there or None) -> whether to stop there
Watch = Callable[[Iterate, list[Progress], int, str | None], bool]


class Training(NamedTuple):
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
    held_out_losses : list of float or None
        Mean loss of the held-out rows at each iterate, if there are any.
    """

    w: Array
    last: Iterate
    curve: list[Progress]
    reason: str
    held_out_losses: list[float] | None = None


def train(
    solver: Solver,
    objective: Objective,
    start: DescentState,
    held_out: EarlyStopping | None,
    watch: Watch,
) -> Training:
    """Descend until there is a reason to stop.

    Parameters
    ----------
    solver : Solver
        How to descend.
    objective : Objective
        What is minimised.
    start : Start
        Where to start.
    held_out : HeldOut or None
        Rows that tell when to stop, if there are any.
    watch : callable
        Is told of every iterate, the history up to it, the passes that it took and why the
        descent ends there, if it does; may ask that it does.

    Returns
    -------
    Training
        What is left behind.
    """
    history: list[Progress] = []
    curve: dict[int, Progress] = {}
    for iterate in solver.iterates(objective, start):
        history.append(Progress.of(iterate))
        again = iterate.t in curve  # a new metric looks at the same point
        curve[iterate.t] = history[-1]
        reason = solver.reason_to_stop(objective, iterate, history)
        if held_out and not again and held_out.look(solver.result(iterate, history)):
            reason = reason or "early_stopping"
        if watch(iterate, history, solver.passes(objective, history), reason):
            reason = reason or "callback"
        if reason:
            break
    solver.check_end(objective, iterate, history)
    return Training(
        w=held_out.best if held_out else solver.result(iterate, history),
        last=iterate,
        curve=list(curve.values()),
        reason=str(reason),
        held_out_losses=held_out.losses if held_out else None,
    )


def keep_start(
    objective: Objective, start: DescentState, held_out: EarlyStopping | None, watch: Watch
) -> Training:
    """Evaluate the objective where its minimum is known, up to precision, and stop there."""
    point = objective.at(start.w)
    iterate = Iterate(start.t, point, np.zeros_like(start.w), None)
    history = [Progress.of(iterate)]
    if held_out:
        held_out.look(start.w)
    watch(iterate, history, 1, "precision")
    losses = held_out.losses if held_out else None
    return Training(start.w, iterate, history, "precision", losses)


def minimize_batch(
    solver: StochasticDescent,
    objective: Objective,
    seen: SampleTotals,
    start: DescentState,
    watch: Watch,
) -> Training:
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
    watch : callable
        As for :func:`train`; there is nothing to stop.

    Returns
    -------
    Training
        What is left behind; nothing is learnt from rows without any weight.
    """
    if objective.total_weight == 0:
        zero = np.zeros_like(start.w)
        nowhere = Iterate(start.t, Point(start.w, 0.0, zero), zero, start.state, start.average)
        return Training(nowhere.result, nowhere, [], "partial_fit")
    iterate = solver.stream(objective, seen, start)
    history = [Progress.of(iterate)]
    watch(iterate, history, 1, "partial_fit")
    return Training(iterate.result, iterate, history, "partial_fit")
