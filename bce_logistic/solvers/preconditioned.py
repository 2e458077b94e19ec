r"""The fast solver: descent in the metric of an approximate Hessian.

.. math:: w \leftarrow w - \eta P^{-1} \nabla F(w)

A pass over all rows is what costs. So Newton's method on a few rows finds a start and a metric
first; the descent on all rows then takes a handful of passes, and secants correct the metric as
they go. Where there are too many columns for that, the descent starts with a cheaper metric,
and a better one replaces it as soon as progress is slow enough for that to pay.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import exp, log

import numpy as np

from ..arrays import Array
from ..descent.directions import Direction, Newton, Preconditioner, QuasiNewton
from ..descent.loop import Iterate, Start, descend
from ..descent.step_sizes import BacktrackingStep
from ..objective.objective import Objective, Point
from ..preconditioning.choice import Metric, full_factor, metrics, newton_metric, subsample_rows
from ..preconditioning.factors import ClassFactors, sum_to_zero
from ..preconditioning.subsample import Subsample
from .convergence import Progress, estimated_gap, iterations_left, metric_is_right

# Iterations before a metric is judged, and how this grows each time that it is made anew.
PATIENCE = 6
PATIENCE_GROWTH = 1.5
# What a step to an optimum leaves of the error, at most.
DROP = 0.05
# What a step towards an optimum at infinity leaves, 1/e, less a margin.
FADING = 0.3
# Part of the objective that a sum of rounding errors may be.
ROUNDING = 16 * np.finfo(np.float64).eps
# Newton's steps on a subsample, at most.
SUBSAMPLE_STEPS = 20
# Rows a column below which rare features make a subsample's scale of the Hessian unreliable.
RELIABLE_ROWS_PER_COLUMN = 128


@dataclass(frozen=True)
class PreconditionedDescent:
    """Preconditioned descent on all rows.

    Parameters
    ----------
    max_iter : int
        Largest number of iterations.
    tol : float
        Relative distance to the optimal objective that is good enough.
    seed : int
        Seed of the draw of rows for a start and a metric.
    """

    max_iter: int
    tol: float
    seed: int

    name = "preconditioned"
    advice = "increase max_iter or decrease C"
    rule = None

    def start(self, objective: Objective) -> Start:
        """Zero coefficients, and the intercept that gives the classes their shares."""
        w = np.zeros(objective.shape)
        if objective.fit_intercept:
            w[-1] = objective.intercept_alone()
        return Start(w)

    def iterates(self, objective: Objective, start: Start) -> Iterator[Iterate]:
        """Points of the descent, without end.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        start : Start
            Coefficients to start from; what else was learnt about other data is not trusted.

        Returns
        -------
        iterator of Iterate
            One for every update, and one more where the metric changes.
        """
        w = sum_to_zero(start.w)
        rng = np.random.default_rng(self.seed)
        n_rows = subsample_rows(objective)
        ways = metrics(objective, rng, n_rows)
        if n_rows > 0:
            w, factor = approach(objective, w, n_rows, rng)
            ways = itertools.chain([Metric(lambda _: factor, 0)], ways)
        elif (hessian := newton_metric(objective)) is not None:
            direction = Newton(hessian)
            return descend(itertools.repeat(objective), w, direction, BacktrackingStep())
        return self._improving(objective, w, ways)

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over all the data so far, those for a metric included."""
        return objective.rows.passes

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep when the descent stops at an iterate.

        Where the metric has proved right, one more step, that is known already, costs no pass
        and brings them much closer to the optimum than has to be promised.
        """
        last_step = iterate.direction if metric_is_right(history) else 0.0
        return iterate.point.w + last_step

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        iterate : Iterate
            Where the descent stands.
        history : list of Progress
            The iterates so far.

        Returns
        -------
        str or None
            "tol"; "separated", if there is no penalty and every sample has more than half of
            its probability on the right side, so that larger coefficients are always better;
            "precision", if no step makes the objective smaller; "max_iter"; None: go on.
        """
        value = iterate.point.value
        if self.gap(history) <= self.tol * value and self.tol > 0:
            return "tol"
        if not objective.ridge.any() and value < log(2) * objective.smallest_weight:
            return "separated"
        if _lost_in_rounding(history):
            return "precision"
        return "max_iter" if iterate.t >= self.max_iter else None

    def gap(self, history: list[Progress]) -> float:
        """Estimated distance to the optimal objective, in nats."""
        return estimated_gap(history)

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Nothing: the line search keeps every step from going up."""

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Whether the coefficients may be on their way to infinity.

        Parameters
        ----------
        objective : Objective
            What was minimised.
        curve : list of Progress
            The iterates.
        reason : str
            Why the descent ended.

        Returns
        -------
        bool
            Whether there is no penalty, and the last step was not that to an optimum: it leaves a
            small part of the error there, while towards infinity each step leaves 1/e of what
            separated samples contribute, which must not pass for that small part. In single
            precision, rounding errors can hide them.
        """
        if objective.ridge.any():
            return False
        if reason == "separated" or objective.rows.dtype == np.float32 or not _dropped(curve):
            return True
        return curve[-1].predicted > objective.smallest_weight * exp(-len(curve)) / 2

    def _improving(
        self, objective: Objective, w: Array, ways: Iterator[Metric]
    ) -> Iterator[Iterate]:
        """Descend with one metric after the other."""
        where: Array | Point = w
        state, t, patience = None, 0, float(PATIENCE)
        for metric, better in itertools.pairwise(ways):
            iterates = descend(
                itertools.repeat(objective),
                where,
                QuasiNewton(metric.build(w), rescale=metric.rescale),
                BacktrackingStep(),
                state=state,
                t=t,
            )
            state = None  # it would keep secants in memory that the descent forgets
            history: list[Progress] = []
            for iterate in iterates:
                yield iterate
                history.append(Progress.of(iterate))
                left = iterations_left(history, max(self.tol, 1e-10) * iterate.point.value)
                stuck = len(history) > 1 and history[-1] == history[-2]
                if stuck or (len(history) > patience and left > 2 * better.cost):
                    break
            # Secants outlive a metric, but not one that leads nowhere: they may be the reason.
            where, state, t = iterate.point, None if stuck else iterate.state, iterate.t
            w = where.w
            del iterates  # and with it the metric, before the next one is built
            if better is metric:
                patience *= PATIENCE_GROWTH


def approach(
    objective: Objective, w: Array, n_rows: int, rng: np.random.Generator
) -> tuple[Array, Preconditioner]:
    """Newton's method on more and more rows, up to a subsample.

    Parameters
    ----------
    objective : Objective
        What is minimised in the end.
    w : ndarray
        Coefficients to start from.
    n_rows : int
        Rows of the subsample.
    rng : numpy.random.Generator
        Source of randomness for the draw.

    Returns
    -------
    w : ndarray
        Coefficients about as good as those rows can tell.
    factor : Preconditioner
        The last Hessian's factor.
    """
    sample = Subsample.draw(objective, n_rows, rng)
    sizes = [n_rows]
    while sizes[0] >= 8 * max(1024, 4 * w.shape[0]):
        sizes.insert(0, sizes[0] // 4)
    direction: Direction | None = None
    for size in sizes:
        part = sample.objective(size)
        direction = direction or Newton(partial(full_factor, part))
        # The optimum of some rows differs from that of all by about half a nat a coefficient.
        noise = 0.5 * w.size * objective.total_weight / size
        for iterate in descend(itertools.repeat(part), w, direction, BacktrackingStep()):
            if Progress.of(iterate).predicted <= 0.2 * noise or iterate.t >= SUBSAMPLE_STEPS:
                break
        w = iterate.point.w + iterate.direction
        factor = full_factor(part, w)
        # A new factor costs much more on more rows than a few steps in the metric of these.
        direction = QuasiNewton(factor)
    if n_rows < RELIABLE_ROWS_PER_COLUMN * w.shape[0] and isinstance(factor, ClassFactors):
        factor = factor.rescaled(objective.hessian_diagonal(w))
    return w, factor


def _dropped(curve: list[Progress]) -> bool:
    """Whether the last step did what was predicted, and left next to nothing.

    The step before must have left less than 1/e: else the last may have done so by chance. Steps
    that start where the predicted decrease is below rounding error are ignored.
    """
    rounding = ROUNDING * abs(curve[-1].value)
    real = [i for i, progress in enumerate(curve[:-1]) if progress.predicted > rounding]
    steps = curve[: real[-1] + 2] if real else curve
    if not metric_is_right(steps) or steps[-1].predicted > DROP * steps[-2].predicted:
        return False
    return len(steps) < 3 or steps[-2].predicted < FADING * steps[-3].predicted


def _lost_in_rounding(history: list[Progress]) -> bool:
    """Whether three steps brought neither the objective nor its gradient down."""
    if len(history) < 4:
        return False
    before, now = history[-4], history[-1]
    same = before.value - now.value <= ROUNDING * abs(now.value)
    return bool(same and now.gradient_norm >= 0.5 * before.gradient_norm)
