r"""The descent of the default solver: one metric after the other, truncated Newton at last.

A pass over all rows is the unit of cost. With many rows, Newton's method on some of them finds a
start and a first metric. Else the descent starts with a cheap one; a better one replaces it as soon
as progress is slow enough for that to pay. Curvature pairs correct the metric as the descent goes
on. Where no better one is left, truncated Newton finishes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf, prod
from typing import cast

import numpy as np

from ..arrays import Array
from ..descent.directions import LBFGS, LBFGSState, Newton, Preconditioner
from ..descent.loop import Iterate, descend
from ..descent.step_sizes import BacktrackingArmijo
from ..objective.certificate import duality_gap
from ..objective.objective import Objective, Point
from ..preconditioning.choice import Candidate, Restriction, candidates, newton, subsample_rows
from ..preconditioning.factors import Hessian, sum_to_zero
from ..preconditioning.row_space import RowSpace
from .convergence import seen_to_stall
from .gap import CertifiedLastStep, Gap
from .single_precision import far_off, in_single_precision
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


@dataclass(frozen=True)
class Ladder:
    """Descents with ever better metrics.

    Parameters
    ----------
    tol : float
        Largest gap to the minimum, relative to the objective.
    seed : int
        Seed of the draw of rows for a start and a metric.
    """

    tol: float
    seed: int

    def descend(self, objective: Objective, w: Array) -> Iterator[Iterate]:
        """Iterates from ``w``, without end: one an update, and one more for each new metric."""
        w = sum_to_zero(w)
        rng = np.random.default_rng(self.seed)
        n_rows = subsample_rows(objective)
        ladder = candidates(objective, rng, n_rows)
        if n_rows > 0:
            w, factor = newton_on_subsample(objective, w, n_rows, rng)
            first = Candidate(lambda _: factor, 0, is_hessian=objective.n_scores == 1)
            ladder = itertools.chain([first], ladder)
        elif (candidate := newton(objective)) is not None:
            ladder = iter([candidate])
        return seen_to_stall(self._refine(objective, w, ladder), objective.penalty)

    def _refine(
        self, objective: Objective, w: Array, ladder: Iterator[Candidate | Restriction]
    ) -> Iterator[Iterate]:
        """Descend with one metric after the other, and at last by truncated Newton."""
        rough = in_single_precision(objective)
        where: Array | Point = w if rough is None else objective.at(w)
        state, t, patience = None, 0, float(PATIENCE)
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
                iterate, is_near = yield from far_off(use(rough, where, state, t), self.tol)
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
        for iterate in inner.descend(part, space.coordinates(w)):
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
