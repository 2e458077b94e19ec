r"""The default solver: descent preconditioned by an approximate Hessian.

.. math:: w \leftarrow w - \eta P^{-1} \nabla F(w)

A pass over all rows is the unit of cost. With many rows, Newton's method on some of them finds a
start and a first ``P``. Else the descent starts with a cheap ``P``; a better one replaces it as
soon as progress is slow enough for that to pay. Curvature pairs correct ``P`` as the descent goes
on. Where no better ``P`` is left, truncated Newton finishes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import exp, inf, log, prod
from typing import cast

import numpy as np

from ..arrays import Array
from ..descent.directions import LBFGS, LBFGSState, Newton, Preconditioner
from ..descent.loop import DescentState, Iterate, descend
from ..descent.step_sizes import BacktrackingArmijo
from ..objective.certificate import duality_gap
from ..objective.objective import Objective, Point
from ..objective.penalties import Penalty
from ..preconditioning.choice import Candidate, Restriction, candidates, newton, subsample_rows
from ..preconditioning.factors import Hessian, sum_to_zero
from ..preconditioning.row_space import RowSpace
from .convergence import Progress, model_is_accurate
from .gap import CertifiedLastStep, Gap
from .single_precision import in_single_precision, is_far
from .subsample_start import newton_on_subsample
from .truncated_newton import TruncatedNewton

# Iterations before a metric is judged, and the growth of this number each time it is rebuilt.
PATIENCE = 5
PATIENCE_GROWTH = 1.5
# Passes spent beyond the cost of a better metric after which it is built in any case.
TRIED = 12
# Passes spent, and to come, from which truncated Newton is faster.
SLOW_STEPS = 16
# Smallest number of curvature pairs, about that of lbfgs in the same memory, and the largest.
MEMORY = (9, 30)
# Numbers in all pairs (64 MiB); the smallest number of pairs may hold more.
MAX_PAIR_NUMBERS = 1 << 23
# Largest part of the error that a step near a finite optimum leaves.
MAX_REMAINING_ERROR = 0.05
# Part that a step towards an optimum at infinity leaves: 1/e, less a margin.
FADING = 0.3
# Largest rounding error of the objective, relative to it.
ROUNDING = 16 * np.finfo(np.float64).eps


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
        w = sum_to_zero(start.w)
        rng = np.random.default_rng(self.seed)
        n_rows = subsample_rows(objective)
        ladder = candidates(objective, rng, n_rows)
        if n_rows > 0:
            w, factor = newton_on_subsample(objective, w, n_rows, rng)
            first = Candidate(lambda _: factor, 0, is_hessian=objective.n_scores == 1)
            ladder = itertools.chain([first], ladder)
        elif (candidate := newton(objective)) is not None:
            ladder = iter([candidate])
        return seen_to_stall(self._descend_refining(objective, w, ladder), objective.penalty)

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

    def _descend_refining(
        self, objective: Objective, w: Array, ladder: Iterator[Candidate | Restriction]
    ) -> Iterator[Iterate]:
        """Descend with one metric after the other, and at last by truncated Newton."""
        rough = in_single_precision(objective)
        where: Array | Point = w if rough is None else objective.at(w)
        state, t, patience, least = None, 0, float(PATIENCE), inf
        for candidate, better in itertools.pairwise(itertools.chain(ladder, [None])):
            assert candidate is not None
            if isinstance(candidate, Restriction):
                where, t = yield from self._in_row_space(objective, candidate.build(), where, t)
                state = None
                continue
            if candidate.renewed:
                yield from self._newton(objective, where, candidate, t)
            preconditioner = candidate.build(where.w if isinstance(where, Point) else where)
            use = partial(self._descend_with, preconditioner, candidate, better, patience)
            if rough is not None:
                for iterate in use(rough, where, state, t):
                    # Of what single precision says, only the coefficients are kept.
                    yield iterate._replace(gap=inf, certificate=inf, coefficients=np.copy)
                    if is_near := not is_far(iterate, self.tol, least):
                        break
                    least = iterate.point.value
                where, state, t = iterate.point, iterate.state, iterate.t
                if is_near or better is None:
                    objective.rows.passes += rough.rows.passes
                    rough, where = None, objective.at(iterate.point.w)
            if rough is None:
                for iterate in use(objective, where, state, t):
                    yield iterate
                where, state, t = iterate.point, iterate.state, iterate.t
            if better is candidate:
                patience *= PATIENCE_GROWTH
            if better is None:
                iterates = self._finish(objective, preconditioner, iterate.point, state, t)
            # No frame keeps pairs, or a metric, that the descent has done with.
            del preconditioner, use, iterate
        del state
        yield from iterates

    def _newton(
        self, objective: Objective, where: Array | Point, candidate: Candidate, t: int
    ) -> Iterator[Iterate]:
        """Newton's method, without end."""
        gap = Gap(objective, self.tol, is_newton=True)
        build = _Remembered(candidate.build)
        for iterate in descend(
            itertools.repeat(objective), where, Newton(build), BacktrackingArmijo(), t=t
        ):
            column = build.last.intercept_column if isinstance(build.last, Hessian) else None
            point = iterate.point._replace(intercept_column=column)
            yield gap.judged(iterate._replace(point=point))

    def _in_row_space(
        self, objective: Objective, space: RowSpace, where: Array | Point, t: int
    ) -> Generator[Iterate, None, tuple[Point, int]]:
        """Descend in the space of the rows, to half of the tolerance.

        The gap of the result is then computed for all columns, which includes rounding errors.
        """
        w = where.w if isinstance(where, Point) else where
        part = space.objective
        inner = replace(self, tol=self.tol / 2)
        for iterate in inner.iterates(part, DescentState(space.coordinates(w))):
            target = inner.tol * iterate.point.value
            at_end = part.penalty.gap(iterate.point.w, iterate.point.gradient) <= target
            if iterate.stalled or (at_end and duality_gap(part, iterate.point) <= target):
                break
            yield iterate._replace(t=t + iterate.t, coefficients=space.coefficients, gap=inf)
        point = replace(objective, certifies=True).at(space.coefficients(iterate.point.w))
        t += iterate.t
        iterate = Iterate(t, point, np.zeros_like(point.w), None)
        yield Gap(objective, self.tol).judged(iterate)
        return point, t

    def _descend_with(
        self,
        preconditioner: Preconditioner,
        candidate: Candidate,
        better: Candidate | Restriction | None,
        patience: float,
        objective: Objective,
        where: Array | Point,
        state: LBFGSState | None,
        t: int,
    ) -> Iterator[Iterate]:
        """Descend with one metric until a better one, or truncated Newton, is worth its cost.

        Pairs outlive a metric, but not one that leads nowhere: they may be the reason.
        """
        hessian = preconditioner if isinstance(preconditioner, Hessian) else None
        gap = Gap(objective, self.tol, hessian if candidate.is_hessian else None)
        metric = LBFGS(preconditioner, self._memory(objective), candidate.rescale)
        before = objective.rows.passes
        iterates = descend(
            itertools.repeat(objective), where, metric, CertifiedLastStep(gap), state=state, t=t
        )
        del where, state
        for iterate in iterates:
            iterate = gap.judged(iterate)
            if gap.is_stuck():
                iterate = iterate._replace(state=None)
            yield iterate
            if gap.is_stuck() or self._is_slow(objective, gap, before, candidate, better, patience):
                return

    def _is_slow(
        self,
        objective: Objective,
        gap: Gap,
        before: int,
        candidate: Candidate,
        better: Candidate | Restriction | None,
        patience: float,
    ) -> bool:
        """Whether a metric is so slow that a better one, or truncated Newton, pays."""
        left, spent = gap.steps_left(), objective.rows.passes - before
        if better is None:
            return spent > SLOW_STEPS and left > SLOW_STEPS
        cost = (2 if better is candidate else 1) * better.cost
        # The second case is for estimates of the steps left that were too low.
        return (spent > patience and left > 2 * cost + PATIENCE) or (
            spent > cost + TRIED and left > PATIENCE
        )

    def _finish(
        self,
        objective: Objective,
        preconditioner: Preconditioner,
        point: Point,
        state: LBFGSState | None,
        t: int,
    ) -> Iterator[Iterate]:
        """Truncated Newton, preconditioned by the last metric and its pairs, without end."""
        # The pairs before a step and those that it learns are in memory together.
        metric = LBFGS(preconditioner, self._memory(objective) // 2)
        pairs = () if state is None else metric(point.w, point.gradient, state)[1].pairs
        direction = TruncatedNewton(objective, metric, self.tol * point.value)
        gap = Gap(objective, self.tol)
        iterates = descend(
            itertools.repeat(objective),
            point,
            direction,
            BacktrackingArmijo(),
            state=LBFGSState(point.w, point.gradient, pairs),
            t=t,
        )
        del point, state, pairs
        for iterate in iterates:
            yield gap.judged(iterate)

    def _memory(self, objective: Objective) -> int:
        """Number of curvature pairs; with more, the recursion over them would rival a pass."""
        n_coefficients = prod(objective.shape)
        numbers = min(objective.rows.n_stored * objective.n_scores // 2, MAX_PAIR_NUMBERS)
        return int(np.clip(numbers // (2 * n_coefficients), *MEMORY))


class _Remembered:
    """A way to make a preconditioner that remembers the last one."""

    def __init__(self, build: Callable[[Array], Preconditioner]) -> None:
        self.build, self.last = build, cast(Preconditioner, None)

    def __call__(self, w: Array) -> Preconditioner:
        self.last = self.build(w)
        return self.last


def _last_step_converged(curve: list[Progress]) -> bool:
    """Whether the last step achieved the predicted decrease and left little of the error.

    The step before must have left less than 1/e, since the last may have done so by chance. Steps
    that start where the predicted decrease is below rounding error are ignored.
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
    return (
        len(steps) < 3 or before.half_squared_decrement < FADING * steps[-3].half_squared_decrement
    )


def seen_to_stall(iterates: Iterable[Iterate], penalty: Penalty) -> Iterator[Iterate]:
    """The iterates; each tells whether the last steps, in the same coordinates, led nowhere."""
    history: list[Progress] = []
    last = (-1, False)
    for iterate in iterates:
        now = (iterate.t, iterate.coefficients is not None)
        if now == last:  # the same point with another preconditioner
            history.pop()
        elif now[1] != last[1]:
            history.clear()
        history.append(Progress.of(iterate, penalty))
        last = now
        yield iterate._replace(stalled=stalled_at_precision(history))


def stalled_at_precision(history: list[Progress]) -> bool:
    """Whether the last three steps decreased neither the objective nor its gradient."""
    if len(history) < 4:
        return False
    before, now = history[-4], history[-1]
    same = before.value - now.value <= ROUNDING * abs(now.value)
    return bool(same and now.gradient_norm >= 0.5 * before.gradient_norm)
