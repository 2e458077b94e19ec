"""A start from Newton's method on some of the rows."""

from __future__ import annotations

import itertools

import numpy as np

from ..arrays import Array
from ..descent.directions import LBFGS
from ..descent.loop import descend
from ..descent.step_sizes import BacktrackingArmijo
from ..objective.objective import Objective
from ..preconditioning.choice import full_factor
from ..preconditioning.factors import Factor, Hessian
from ..preconditioning.subsample import Subsample
from .convergence import Progress

# Steps on a subsample with one factor, and factors, at most.
SUBSAMPLE_STEPS = 5
SUBSAMPLE_FACTORS = 4
# Rows a column below which rare features make a subsample's scale of the Hessian unreliable.
RELIABLE_ROWS_PER_COLUMN = 128


def newton_on_subsample(
    objective: Objective, w: Array, n_rows: int, rng: np.random.Generator
) -> tuple[Array, Hessian]:
    """Newton's method on more and more rows, up to a subsample.

    Parameters
    ----------
    objective : Objective
        The objective of all rows.
    w : ndarray
        Coefficients to start from.
    n_rows : int
        Rows of the subsample.
    rng : numpy.random.Generator
        Source of randomness for the draw.

    Returns
    -------
    w : ndarray
        Coefficients near the optimum of those rows: within their sampling noise.
    factor : Hessian
        The last Hessian's factor.
    """
    sample = Subsample.draw(objective, n_rows, rng)
    sizes = [n_rows]
    while sizes[0] >= 8 * max(1024, 4 * w.shape[0]):
        sizes.insert(0, sizes[0] // 4)
    factor: Hessian | None = None
    for size in sizes:
        part = sample.objective(size)
        if factor is None:
            factor = full_factor(part, w, objective.penalty)
        # The optimum of some rows differs from that of all by about half a nat a coefficient.
        noise = 0.5 * w.size * objective.total_weight / size
        for _ in range(SUBSAMPLE_FACTORS):
            direction = LBFGS(factor, rescale=0.5)
            for iterate in descend(itertools.repeat(part), w, direction, BacktrackingArmijo()):
                near = Progress.of(iterate, part.penalty).half_squared_decrement <= 0.2 * noise
                if near or iterate.t >= SUBSAMPLE_STEPS:
                    break
            w = iterate.point.w + (iterate.direction if near else 0.0)
            # A new factor costs much more on more rows than a few steps in the metric of these.
            factor = full_factor(part, w, objective.penalty)
            if near:
                break
    assert factor is not None
    if n_rows < RELIABLE_ROWS_PER_COLUMN * w.shape[0] and isinstance(factor.steps, Factor):
        diagonal = objective.hessian_diagonal(w)
        stiffness = max(1.0, float(np.max(part.hessian_diagonal(w) / diagonal)))
        steps = factor.steps.rescaled(diagonal, objective.min_curvature)
        factor = Hessian(steps, factor.bound, w, stiffness)
    return w, factor
