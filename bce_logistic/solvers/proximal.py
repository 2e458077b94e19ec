r"""The default solver where the penalty bends at zero: proximal quasi-Newton descent.

Most coefficients are zero at the optimum, and those known to be zero cost nothing: where they are
many, the descent is on a copy of a growing set of columns. There or on the rows as they are, a step
leads to the minimiser of a quadratic model of the coefficients that move. Where its matrix is dear,
L-BFGS in their orthant comes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.loop import DescentState, Iterate, descend
from ..descent.orthant import OrthantArmijo, OrthantLBFGS, OrthantState
from ..descent.step_sizes import BacktrackingArmijo
from ..objective.objective import Objective, Point
from ..preconditioning.choice import subsample_rows
from ..preconditioning.cost_model import Costs
from ..preconditioning.subsample import Subsample
from ..rows.memory import RowsInMemory
from .continuation import Continuation, Memory, WorkingSet
from .convergence import SAFETY, seen_to_stall
from .preconditioned import PreconditionedDescent
from .proximal_gap import ProximalGap, reached
from .proximal_newton import ModelState, ProximalNewton, Watched

# Coefficients of a model at most: its matrices take 128 MiB each.
MAX_MODEL = 4000
# Columns up to which a copy of some of them saves nothing.
FEW_COLUMNS = 200
# Seconds of a Hessian of all columns up to which that does not pay, either.
CHEAP_HESSIAN = 0.02
# Distance from zero, in standard deviations, from which features are centred, judged by some rows.
FAR, SOME_ROWS = 1e3, 16
# Columns of a first working set.
FIRST_SET = 512
# Passes that a step with a model may cost before the orthant is tried first; on a path, where the
# next fits use the model, too.
DEAR_STEP, DEAR_STEP_ON_PATH = 5, 20
# Passes in the orthant before it is judged, and costs of a step with a model before that is made
# although it is singular.
PATIENCE, SINGULAR = 8, 4
# Share of the limit of its slope from which a coefficient is looked after on a path.
REACH = 0.5
# Share of the columns of dense rows from which a copy of them saves little.
MOST_COLUMNS = 0.3
# Part of the tolerance that is left for the columns of the last working set.
INNER_SHARE = 0.9
# Relative decrease in the last two steps on a set that is to grow: at first, as a part of what the
# growth before gained, and at least, as a part of the tolerance; that is taken if few columns, as a
# part of the set, are to come.
LARGEST_STEP, GAIN_SHARE, STEP_SHARE, FEW_NEW = 1e-2, 0.03, 0.3, 0.02
# Part of the limit by which the slope of a new column may be below it.
MARGIN = 0.1
# Largest excess of a slope over its limit, relative to it, that is rounding.
SLACK = 1e-9


@dataclass(frozen=True)
class ProximalDescent(PreconditionedDescent):
    """Proximal quasi-Newton descent on all rows; parameters as :class:`PreconditionedDescent`."""

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Iterates of the descent, without end.

        Of ``start`` the coefficients count; of the end of a fit with another penalty, all of it.
        """
        penalty = objective.penalty
        where: Array | Point
        memory: Memory
        if isinstance(start.state, Continuation):
            where, memory = start.state.under(penalty)
        else:
            where, memory = self._start(objective, start.w), None
        on_path = memory is not None
        ways = self._on_columns if _copies(objective) else partial(self._on_all, tol=self.tol)
        iterates = ways(objective, where, memory=memory, on_path=on_path)
        for iterate in seen_to_stall(iterates, penalty):
            yield iterate._replace(state=Continuation(iterate.point, penalty, iterate.state))

    def _start(self, objective: Objective, w: Array) -> Array:
        """The coefficients to start from, given those of another fit, or zeros."""
        w = w.copy()
        if objective.n_scores > 1:
            # A common shift of coefficients without a penalty changes nothing.
            free = objective.penalty.unpenalised
            w[free] -= w[free].mean(axis=1, keepdims=True)
        return w if w[: objective.rows.n_features].any() else self._start_on_sample(objective, w)

    def _start_on_sample(self, objective: Objective, w: Array) -> Array:
        """The optimum of some rows, up to their sampling noise."""
        n_rows = subsample_rows(objective)
        if n_rows == 0:
            return w
        sample = Subsample.draw(objective, n_rows, np.random.default_rng(self.seed))
        sizes = [n_rows]
        while sizes[0] >= 8 * max(1024, 4 * len(w)):
            sizes.insert(0, sizes[0] // 4)
        for size in sizes:
            part = sample.objective(size)
            tol = 0.1 * w.size / size
            iterates = seen_to_stall(self._on_all(part, w, tol), part.penalty)
            w = reached(iterates, tol).point.w
        return w

    def _on_all(
        self,
        objective: Objective,
        start: Array | Point,
        tol: float,
        t: int = 0,
        memory: Memory = None,
        on_path: bool = False,
    ) -> Iterator[Iterate]:
        """Iterates with a model of all that move, or in the orthant, without end."""
        start = start if isinstance(start, Point) else objective.at(start)
        target = tol * start.value
        if np.prod(objective.shape) > MAX_MODEL:
            yield from self._in_orthant(objective, start, tol, t, memory)
        model = memory if isinstance(memory, ModelState) else None
        dear, reach = (DEAR_STEP_ON_PATH, REACH) if on_path else (DEAR_STEP, 1.0)
        newton = ProximalNewton(objective, target / SAFETY, reach)
        if model is None and newton.cost_at(start) > dear:
            for iterate in self._in_orthant(objective, start, tol, t, memory, newton):
                yield iterate
            start, t = iterate.point, iterate.t
        gap = ProximalGap(objective, tol)
        direction = Watched(newton)
        # Along a path most steps are the last for their penalty.
        stepped = replace(objective, certifies=model is not None)
        for iterate in descend(
            itertools.repeat(stepped), start, direction, BacktrackingArmijo(), state=model, t=t
        ):
            yield gap.judged(iterate, direction.state.is_exact)

    def _in_orthant(
        self,
        objective: Objective,
        start: Point,
        tol: float,
        t: int = 0,
        memory: Memory = None,
        newton: ProximalNewton | None = None,
    ) -> Iterator[Iterate]:
        """Iterates of L-BFGS in the orthant, without end or until ``newton`` seems to pay."""
        before = objective.rows.passes
        cost = inf if newton is None else newton.cost_at(start)
        center, diagonal = objective.centred_diagonal(start.w)
        gap = ProximalGap(objective, tol, center)
        pairs = memory.pairs if isinstance(memory, OrthantState) else ()
        direction = OrthantLBFGS(
            objective.penalty, diagonal, center, objective.fit_intercept, pairs=pairs
        )
        for iterate in descend(
            itertools.repeat(objective), start, direction, OrthantArmijo(center), t=t
        ):
            yield gap.judged(iterate)
            spent = objective.rows.passes - before
            if newton is None or spent <= max(PATIENCE, cost) or gap.steps_left() <= 2 * cost:
                continue
            if newton.is_determined(iterate.point) or spent > SINGULAR * cost:
                return

    def _on_columns(
        self, objective: Objective, start: Array | Point, memory: Memory, on_path: bool
    ) -> Iterator[Iterate]:
        """Iterates after each solution on a growing set of columns, without end.

        A descent on a set goes as far as the last growth paid. One that is not to grow goes to the
        tolerance.
        """
        point = start if isinstance(start, Point) else objective.at(start)
        if isinstance(memory, ModelState | OrthantState):
            yield from self._on_all(objective, point, self.tol, memory=memory, on_path=on_path)
        known = memory if isinstance(memory, WorkingSet) else None
        columns = np.empty(0, dtype=np.intp) if known is None else known.columns
        center, least = _center(objective), INNER_SHARE * self.tol
        accuracy, before, inner = LARGEST_STEP if known is None else 0.0, inf, inf
        rows, iterates = objective.rows, None
        is_tall = rows.is_dense and rows.n_samples >= rows.n_features
        copies_little = is_tall and not center.any()
        for t in itertools.count():
            excess = self._excess(objective, point, center)
            excess[columns] = -inf
            new = np.flatnonzero(excess > SLACK)
            yield self._judged(objective, t, point, inner if len(new) == 0 else inf, known)
            if copies_little and len(new) > MOST_COLUMNS * rows.n_features:
                known = iterates = None  # frees the copy
                yield from self._on_all(objective, point, self.tol, t + 1)
            if len(new) or known is None:
                columns, iterates = self._grown(objective, point, columns, excess), None
                known = (
                    WorkingSet.of(objective, columns)
                    if known is None
                    else known.changed(objective, columns)
                )
            if len(columns) + objective.fit_intercept == 0:
                continue
            if iterates is None:
                iterates = self._on_set(known, point.w, least, on_path)
            gained, before = (before - point.value) / point.value, point.value
            if len(new) <= FEW_NEW * len(columns):
                gained = 0.0
            accuracy = max(min(accuracy, GAIN_SHARE * gained), STEP_SHARE * least)
            solution = reached(iterates, least, accuracy if len(new) else 0.0)
            known, inner = known._replace(memory=solution.state), solution.gap
            certifies = inner <= least * solution.point.value
            w = known.outer(solution.point.w, objective.shape)
            point = replace(objective, certifies=certifies).at(w)

    def _on_set(self, known: WorkingSet, w: Array, tol: float, on_path: bool) -> Iterator[Iterate]:
        """Iterates on a copy of columns, without end."""
        start, memory = known.inner(w), known.memory
        iterates = self._on_all(known.part, start, tol, memory=memory, on_path=on_path)
        return seen_to_stall(iterates, known.part.penalty)

    def _grown(
        self, objective: Objective, point: Point, columns: NDArray[np.intp], excess: Array
    ) -> NDArray[np.intp]:
        """A set with the columns whose slopes exceed their limits most, or nearly do."""
        used = np.flatnonzero(_by_feature(objective, point.w).any(axis=1))
        new, most = np.flatnonzero(excess > -MARGIN), max(FIRST_SET, 2 * len(used))
        if len(new) > most:
            new = new[np.argpartition(-excess[new], most)[:most]]
        kept = used if len(columns) > 3 * len(used) else np.union1d(columns, used)
        free = np.flatnonzero(objective.penalty.unpenalised[: objective.rows.n_features])
        return np.union1d(kept, np.union1d(new, free))

    def _excess(self, objective: Objective, point: Point, center: Array) -> Array:
        """Excess of the slope of each feature over its limit, relative to the limit.

        The slope is that of the feature less its center: the residuals sum to zero up to rounding
        only.
        """
        l1 = objective.penalty.l1[: objective.rows.n_features]
        slopes = _by_feature(objective, point.gradient)
        if center.any():
            slopes = slopes - np.multiply.outer(center, np.atleast_1d(point.gradient[-1]))
        slope = np.abs(slopes).max(axis=1)
        return np.where(l1 > 0, slope / np.where(l1 > 0, l1, 1.0) - 1, 0.0)

    def _judged(
        self, objective: Objective, t: int, point: Point, inner: float, known: WorkingSet | None
    ) -> Iterate:
        """The iterate, with its gap and its certificate filled in."""
        gap = ProximalGap(objective, self.tol)
        iterate = Iterate(t, point, np.zeros_like(point.w), known)
        return iterate._replace(gap=inner) if inner < inf else gap.judged(iterate)


def _copies(objective: Objective) -> bool:
    """Whether to work on copies of columns: of many, or of dense ones that have to be centred."""
    rows = objective.rows
    if not isinstance(rows, RowsInMemory):
        return False
    is_tall = rows.is_dense and rows.n_samples >= rows.n_features
    cheap = is_tall and Costs(objective).hessian_seconds() <= CHEAP_HESSIAN
    if rows.n_features > FEW_COLUMNS and not cheap:
        return True
    return bool(_center(objective).any())


def _center(objective: Objective) -> Array:
    """Means of the features, if some of them are so far from zero that it matters; else zeros."""
    rows = cast(RowsInMemory, objective.rows)
    if rows.is_dense and objective.fit_intercept:
        some = rows.X[:: max(1, rows.n_samples // SOME_ROWS)].astype(np.float64)
        center, spread = np.abs(some.mean(axis=0)), some.std(axis=0)
        if np.any((center > FAR * spread) & (spread > 0)):
            return rows.X.mean(axis=0, dtype=np.float64)
    return np.zeros(rows.n_features)


def _by_feature(objective: Objective, w: Array) -> Array:
    """Coefficients or gradients of the features, shape (n_features, n_scores)."""
    return w[: objective.rows.n_features].reshape(objective.rows.n_features, objective.n_scores)
