"""Newton's method on a stack of models, and when each of them is done."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.many import (
    Descent,
    ManyIterate,
    ManyLBFGS,
    ManyNewton,
    ManyPreconditioner,
    descend_many,
    dots,
)
from ..objective.many import ManyObjectives, ManyPoints, Models
from ..preconditioning.many import newton_hessians
from .convergence import SAFETY
from .gap import RECENT, SAFETY_OF_REUSED

# Decrease of the decrement by a step that went as its metric predicted.
AS_PREDICTED = 0.25
# Rounding error of the objective, relative to it, below which a decrement cannot decrease.
ROUNDING = 1e-14
# Steps on Hessians that were made at the start, after which a model is left to a descent with new
# ones: where they go on, they tell less and less of the gap.
MAX_REUSED_STEPS = 6


def newton_in_stack(
    objectives: ManyObjectives,
    W: Array,
    models: Models,
    tol: float,
    max_iter: int,
    is_near: bool,
) -> Descent:
    """Newton's method; from starts that are near, L-BFGS on their Hessians, if that is enough."""
    run = objectives.rows.rows.run
    newton = ManyNewton(partial(newton_hessians, run=run))
    exact, done = replace(objectives, with_hessians=True), partial(is_done, tol)
    points = exact.at(W, models)
    if not is_near:
        return descend_many(exact, points, models, newton, done, max_iter)
    hessians = newton_hessians(points, models, run)
    points = points._replace(hessians=None)
    reused, steps = ReusedHessians(hessians, tol, points), min(max_iter, MAX_REUSED_STEPS)
    near = descend_many(objectives, points, models, ManyLBFGS(hessians), reused, steps)
    left = np.flatnonzero(~near.converged)
    if not len(left) or max_iter <= MAX_REUSED_STEPS:
        return near
    points, models = exact.at(near.W[left], models.take(left)), models.take(left)
    rest = descend_many(exact, points, models, newton, done, max_iter - MAX_REUSED_STEPS)
    near.W[left], near.converged[left] = rest.W, rest.converged
    near.n_iter[left] += rest.n_iter
    return near


def is_done(tol: float, iterate: ManyIterate) -> NDArray[np.bool_]:
    """Models whose gap is small: as the decrement says, after a step that went as it predicted.

    The decrement is that of the Hessian at the iterate.
    """
    value = iterate.points.value
    small = SAFETY * iterate.decrement <= tol * value
    return small & _went_as_predicted(iterate) | (iterate.decrement <= ROUNDING * value)


def _went_as_predicted(iterate: ManyIterate) -> NDArray[np.bool_]:
    """Models whose last step, if there was one, brought the decrement down as it should."""
    return (iterate.decrement <= AS_PREDICTED * iterate.before) & np.isfinite(iterate.before)


class ReusedHessians:
    r"""Which models are done, judged by Hessians that were made where they started.

    The Hessian may have become weaker since. The last steps show it, as for one model in
    :class:`Gap`: half the squared decrement is divided by

    .. math:: c = \min \frac{y^T P^{-1} y}{s^T y}, \qquad c \le 1.

    Parameters
    ----------
    hessians : ManyPreconditioner
        The Hessians at the starts.
    tol : float
        Largest gap of a model, relative to its objective.
    points : ManyPoints
        The starts, with their values: the minima are below them by about the decrement.
    """

    def __init__(self, hessians: ManyPreconditioner, tol: float, points: ManyPoints) -> None:
        self.hessians, self.tol, self.value = hessians, tol, points.value
        self.W, self.gradient = points.W.copy(), points.gradient.copy()
        self.ratios = np.ones((RECENT, len(points.W)))

    def __call__(self, iterate: ManyIterate) -> NDArray[np.bool_]:
        """The models of an iterate that are done."""
        W, gradient, at = iterate.points.W, iterate.points.gradient, iterate.position
        if iterate.t > 0:
            s, y = W - self.W[at], gradient - self.gradient[at]
            sy = dots(s, y)
            stiffness = dots(y, self.hessians.solve(y, at))
            self.ratios[iterate.t % RECENT, at] = np.divide(
                stiffness, sy, out=np.zeros_like(sy), where=sy > 0
            )
            self.W[at], self.gradient[at] = W, gradient
        else:
            self.value = self.value - SAFETY * iterate.decrement
        ratio = np.minimum(self.ratios[:, at].min(axis=0), 1.0)
        decrement = dots(gradient, self.hessians.solve(gradient, at)) / 2
        gap = SAFETY_OF_REUSED * np.maximum(
            np.divide(decrement, ratio, out=np.full_like(ratio, np.inf), where=ratio > 0),
            iterate.decrement,
        )
        return (gap <= self.tol * self.value[at]) & _went_as_predicted(iterate)
