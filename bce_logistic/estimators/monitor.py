"""The monitor of a fit: called at each iterate."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

import numpy as np

from ..descent.loop import Iterate
from ..objective.objective import Objective
from ..solvers.base import Solver
from ..solvers.convergence import Progress
from ..solvers.minimize import Monitor
from ..validation.classes import Classes
from .callbacks import FitTasks
from .coefficients import coefficient_attributes


def make_monitor(
    estimator: Any, solver: Solver, objective: Objective, classes: Classes, tasks: FitTasks | None
) -> Monitor:
    """A monitor that refuses features that are not finite, prints, and calls the callbacks."""

    def monitor(iterate: Iterate, history: list[Progress], passes: int, reason: str | None) -> bool:
        if not np.isfinite(history[-1]).all():
            objective.rows.check_finite(estimator)
        if estimator.verbose:
            print(_line(solver, iterate, history[-1], passes, objective.total_weight))
        if tasks is None:
            return False
        w = solver.result(iterate, history)
        attributes = partial(coefficient_attributes, w, objective, classes)
        return tasks.on_iteration(iterate.t, attributes, reason is not None)

    return monitor


def _line(solver: Solver, iterate: Iterate, progress: Progress, passes: int, weight: float) -> str:
    """The verbose line of an iterate, with its gap if there is a finite one."""
    gap = f", gap {iterate.gap / weight:.3g}" if iterate.gap < inf else ""
    return (
        f"{solver.name}: pass {passes}, objective {progress.value / weight:.9g}, "
        f"gradient {progress.gradient_norm / weight:.3g}{gap}"
    )
