"""Fits along C: one after the other, each from the coefficients of those before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.loop import DescentState
from ..objective.objective import Objective
from .base import Solver
from .continuation import Continuation
from .minimize import Monitor, Result, minimize


class Path(NamedTuple):
    """Coefficients for every C, in the order of the Cs.

    ``w`` has the shape (n_Cs, n_columns, n_scores); ``n_iter`` and ``converged`` (n_Cs,).
    """

    w: Array
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


def minimize_along(
    objective: Objective,
    Cs: Array,
    solver_of: Callable[[Objective], Solver],
    monitor: Monitor,
    on_fit: Callable[[int, Result], None],
    *,
    certifies: bool = True,
) -> Path:
    """Minimise with each C, from the smallest on; a start is extrapolated in the logarithm of C.

    Parameters
    ----------
    objective : Objective
        The objective with C=1.
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty, in any order.
    solver_of : callable
        Solver for a penalised objective.
    monitor : callable
        Called with each iterate.
    on_fit : callable
        Called with the position of C and the result after each fit.
    certifies : bool, default=True
        Whether the results have a gap.

    Returns
    -------
    Path
        The coefficients.
    """
    known: list[tuple[float, Array]] = []
    fits: dict[int, Result] = {}
    left = None
    for k in np.argsort(Cs, kind="stable").tolist():
        penalised = replace(objective, penalty=objective.penalty.scaled(1 / float(Cs[k])))
        solver = solver_of(penalised)
        start = solver.start(penalised)
        if known:
            # Coefficients that are zero would leave it on a line through others.
            smooth = penalised.penalty.is_smooth
            w = _extrapolated(known, float(Cs[k])) if smooth else known[-1][1]
            start = DescentState(w, left)
        fit = minimize(penalised, solver, start, None, monitor, certifies=certifies)
        on_fit(k, fit)
        known.append((float(Cs[k]), fit.w))
        left = fit.last.state if isinstance(fit.last.state, Continuation) else None
        # A copy of columns is kept once, not for every fit.
        fits[k] = fit._replace(last=fit.last._replace(state=None))
    ordered = [fits[k] for k in range(len(Cs))]
    return Path(
        np.stack([fit.w.reshape(objective.shape[0], -1) for fit in ordered]),
        np.array([len(fit.curve) - 1 for fit in ordered], dtype=np.int32),
        np.array([fit.converged for fit in ordered]),
    )


def _extrapolated(known: list[tuple[float, Array]], C: float) -> Array:
    """Coefficients at C on the polynomial in log C through the last three, or fewer.

    It extrapolates no further beyond the last than the distance between the last two.
    """
    near = known[-3:]
    x = np.log([C_j for C_j, _ in near])
    if len(set(x)) < len(x):
        return near[-1][1]
    t = min(np.log(C), 2 * x[-1] - x[-2]) if len(x) > 1 else x[-1]
    others = [np.delete(x, j) for j in range(len(x))]
    weights = [np.prod((t - rest) / (x_j - rest)) for x_j, rest in zip(x, others, strict=True)]
    return np.asarray(sum(c * w for c, (_, w) in zip(weights, near, strict=True)))
