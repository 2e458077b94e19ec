r"""The default solver: descent preconditioned by an approximate Hessian.

.. math:: w \leftarrow w - \eta P^{-1} \nabla F(w)

How ``P`` is chosen, and replaced, is told in :mod:`bce_logistic.solvers.ladder`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log

import numpy as np

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.objective import Objective
from .convergence import ROUNDING, Progress, model_is_accurate
from .ladder import Ladder

# Largest part of the error that a step near a finite optimum leaves.
MAX_REMAINING_ERROR = 0.05
# Part that a step towards an optimum at infinity leaves: 1/e, less a margin.
FADING = 0.3
# Such steps in a row after which a last one that leaves nothing may be rounding.
MANY_FADING = 6


@dataclass(frozen=True)
class PreconditionedDescent:
    """Preconditioned descent on all rows.

    Parameters
    ----------
    max_iter : int
        Largest number of iterations.
    tol : float
        Largest gap to the minimum, relative to the objective.
    seed : int
        Seed of the draw of rows for a start and a metric.
    """

    max_iter: int
    tol: float
    seed: int

    name = "preconditioned"
    advice = "increase max_iter or decrease C"
    rule = None

    def start(self, objective: Objective) -> DescentState:
        """Zero coefficients, and the intercept that gives the classes their shares."""
        w = np.zeros(objective.shape)
        if objective.fit_intercept:
            w[-1] = objective.intercept_alone()
        return DescentState(w)

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Iterates of the descent, without end: one an update, and one more for each new metric.

        Only the coefficients of ``start`` count.
        """
        return Ladder(self.tol, self.seed).descend(objective, start.w)

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over all the data so far, those for a metric included."""
        return objective.rows.passes

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep when the descent stops at an iterate: those there."""
        return iterate.result

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None to continue.

        "tol"; "separated": there is no penalty, and every sample has more than half of its
        probability on the right side, so that larger coefficients are always better; "precision":
        no step reduces the objective; "max_iter".
        """
        value = iterate.point.value
        if iterate.gap <= self.tol * value and self.tol > 0:
            return "tol"
        if not objective.is_penalised and value < log(2) * objective.smallest_weight:
            return "separated"
        if iterate.stalled:
            return "precision"
        return "max_iter" if iterate.t >= self.max_iter else None

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Never raise an error: the line search accepts no step that increases the objective."""

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Whether the classes may be separable, judged by the last step.

        Near a finite optimum a step leaves a small part of the error; towards infinity it leaves
        1/e of the contribution of the separated samples, which may be small from the start. In
        single precision rounding errors can hide that.
        """
        if objective.is_penalised:
            return False
        if (
            reason == "separated"
            or objective.rows.dtype == np.float32
            or not _last_step_converged(curve)
        ):
            return True
        return curve[-1].half_squared_decrement > objective.smallest_weight * exp(-len(curve)) / 2


def _last_step_converged(curve: list[Progress]) -> bool:
    """Whether the last step achieved the predicted decrease and left little of the error.

    The step before must have left less than 1/e, since the last may have done so by chance, and
    no long row of steps left more. Steps that start where the predicted decrease is below rounding
    error are ignored.
    """
    rounding = ROUNDING * abs(curve[-1].value)
    real = [
        i for i, progress in enumerate(curve[:-1]) if progress.half_squared_decrement > rounding
    ]
    steps = curve[: real[-1] + 2] if real else curve
    before, now = steps[-2:] if len(steps) > 1 else (steps[0], steps[0])
    if (
        not model_is_accurate(steps)
        or now.half_squared_decrement > MAX_REMAINING_ERROR * before.half_squared_decrement
    ):
        return False
    fading = [
        now.half_squared_decrement > FADING * before.half_squared_decrement
        for before, now in itertools.pairwise(curve)
    ]
    if any(all(fading[i : i + MANY_FADING]) for i in range(len(fading) - MANY_FADING + 1)):
        return False
    return (
        len(steps) < 3 or before.half_squared_decrement < FADING * steps[-3].half_squared_decrement
    )
