"""How far the iterates of a descent with an L1 penalty are above the minimum."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import inf

import numpy as np

from ..arrays import Array
from ..descent.loop import Iterate
from ..descent.orthant import centred_gradient
from ..objective.certificate import approximate_gap, duality_gap
from ..objective.objective import Objective
from .convergence import SAFETY, Progress, model_is_accurate, steps_left

# Gap by a model, in tolerances, from which no certificate is tried.
FAR_OFF = 100
# Iterations on a set of columns, at most.
MAX_INNER = 1000


class ProximalGap:
    """How far the iterates of a descent are above the minimum: by a trusted model or certified.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    tol : float
        Relative gap that is to be reached.
    center : ndarray of shape (n_features,), optional
        Centres of the features: the slopes of features far from zero are those of centred ones
        where the intercept is not optimal yet.
    """

    def __init__(self, objective: Objective, tol: float, center: Array | None = None) -> None:
        self.objective, self.tol, self.center = objective, tol, center
        self.history: list[Progress] = []
        self.measures: list[float] = []
        self.checked = inf

    def steps_left(self) -> float:
        """Steps until the certificate is at the tolerance, if it shrinks as before."""
        return steps_left(self.measures, self.tol * self.history[-1].value)

    def judged(self, iterate: Iterate, has_model: bool = False) -> Iterate:
        """The iterate with its gap, in nats; infinite where the gap is not known.

        The decrease that a model predicts is trusted if the model was right before; else it may
        be the gap, but no small one.
        """
        point = iterate.point
        self.history.append(Progress.of(iterate, self.objective.penalty))
        if not np.isfinite(self.history[-1]).all():
            return iterate
        target = self.tol * point.value
        if has_model:
            rounding = np.finfo(np.float64).eps * point.value
            believed = SAFETY * max(self.history[-1].half_squared_decrement, rounding)
            is_trusted = model_is_accurate(self.history)
            iterate = iterate._replace(gap=believed if is_trusted else max(believed, 2 * target))
            if iterate.gap <= target or believed > FAR_OFF * target:
                return iterate
        centred = point
        if self.center is not None:
            fit_intercept = self.objective.fit_intercept
            gradient = centred_gradient(point.gradient, self.center, fit_intercept)
            centred = point._replace(gradient=gradient)
        self.measures.append(approximate_gap(self.objective, centred))
        if self.measures[-1] > min(target, self.checked / 2):
            return iterate
        self.checked = self.measures[-1]
        certificate = duality_gap(self.objective, point)
        return iterate._replace(gap=certificate, certificate=certificate)


def reached(iterates: Iterator[Iterate], tol: float, accuracy: float = 0.0) -> Iterate:
    """The first iterate that is good enough, or where rounding allows no better one.

    That is one whose gap is at most ``tol``, relative to the objective; or, to some ``accuracy``,
    its gap after a step or the decrease of the last two steps.
    """
    values = [inf, inf]
    for iterate in itertools.islice(iterates, MAX_INNER):
        values.append(iterate.point.value)
        decrease = values[-3] - values[-1] if accuracy > 0 else inf
        nearly = len(values) > 3 and min(iterate.gap, decrease) <= accuracy * values[-1]
        if nearly or iterate.gap <= tol * values[-1] or iterate.stalled:
            break
    return iterate
