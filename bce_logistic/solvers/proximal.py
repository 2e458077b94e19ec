r"""The default solver where the penalty bends at zero: proximal quasi-Newton descent.

Most coefficients are zero at the optimum, and those known to be zero cost nothing. There are three
ways, chosen by cost: a quadratic model of the coefficients that move, on the rows as they are; the
same on a copy of a growing set of columns, where most are not needed; and, where a matrix over all
that move would be too large, L-BFGS in their orthant.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import cast

import numpy as np

from ..arrays import Array
from ..descent.loop import DescentState, Iterate, descend
from ..descent.orthant import OrthantArmijo, OrthantLBFGS, OrthantState
from ..descent.step_sizes import BacktrackingArmijo
from ..objective.certificate import duality_gap, penalty_gap
from ..objective.objective import Objective, Point
from ..preconditioning.choice import subsample_rows
from ..preconditioning.cost_model import Costs
from ..preconditioning.subsample import Subsample
from ..rows.memory import RowsInMemory
from .continuation import Continuation, Memory, WorkingSet
from .convergence import SAFETY, Progress, model_is_accurate
from .preconditioned import PreconditionedDescent, seen_to_stall
from .proximal_newton import ModelState, ProximalNewton

# Coefficients of a model at most: its matrices take 128 MiB each.
MAX_MODEL = 4000
# Columns up to which a copy of some of them saves nothing.
FEW_COLUMNS = 200
# Seconds of a Hessian of all columns up to which that does not pay, either.
CHEAP_HESSIAN = 0.02
# Distance from zero, in standard deviations, from which features are centred, judged by some rows.
FAR, SOME_ROWS = 1e3, 256
# Columns of a first working set.
FIRST_SET = 128
# Passes that a step with a model may cost before the orthant is tried first, and up to what gap.
DEAR_STEP = 20
ROUGH = 3e-5
# Share of the limit of its slope from which a coefficient is looked after on a path.
REACH = 0.7
# Iterations on a working set, at most.
MAX_INNER = 1000
# Part of the tolerance that is left for the columns of the last working set.
INNER_SHARE = 0.3
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
        way = self._on_columns if _copies(objective) else partial(self._on_all, tol=self.tol)
        for iterate in seen_to_stall(way(objective, where, memory=memory), penalty):
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
            w = self._solved(part, w, 0.1 * w.size / size).point.w
        return w

    def _on_all(
        self,
        objective: Objective,
        start: Array | Point,
        tol: float,
        t: int = 0,
        memory: Memory = None,
    ) -> Iterator[Iterate]:
        """Iterates with a model of all that move, or in the orthant, without end."""
        start = start if isinstance(start, Point) else objective.at(start)
        target = tol * start.value
        if np.prod(objective.shape) > MAX_MODEL:
            yield from self._in_orthant(objective, start, tol, t, memory)
        model = memory if isinstance(memory, ModelState) else None
        if model is None and (cost := _step_cost(objective)) > DEAR_STEP:
            values: list[float] = []
            for iterate in self._in_orthant(objective, start, tol, t):
                yield iterate
                values.append(iterate.point.value)
                slow = values[-5:][0] - values[-1] <= ROUGH * values[-1]
                if len(values) > cost or (slow and len(values) > 4):
                    break
            start, t = iterate.point, iterate.t
        gap = ProximalGap(objective, tol)
        reach = 1.0 if memory is None else REACH
        direction = Watched(ProximalNewton(objective, target / SAFETY, reach))
        for iterate in descend(
            itertools.repeat(objective), start, direction, BacktrackingArmijo(), state=model, t=t
        ):
            yield gap.judged(iterate, direction.state.is_exact)

    def _in_orthant(
        self,
        objective: Objective,
        start: Point,
        tol: float,
        t: int = 0,
        memory: Memory = None,
    ) -> Iterator[Iterate]:
        """Iterates of L-BFGS in the orthant, without end."""
        gap = ProximalGap(objective, tol)
        center, diagonal = objective.centred_diagonal(start.w)
        direction = OrthantLBFGS(objective.penalty, diagonal, center, objective.fit_intercept)
        state = memory if isinstance(memory, OrthantState) else None
        for iterate in descend(
            itertools.repeat(objective), start, direction, OrthantArmijo(), state=state, t=t
        ):
            yield gap.judged(iterate)

    def _solved(
        self, objective: Objective, start: Array | Point, tol: float, memory: Memory = None
    ) -> Iterate:
        """An iterate within a relative tolerance of the optimum, or as near as rounding allows."""
        iterates = self._on_all(objective, start, tol, memory=memory)
        for iterate in itertools.islice(seen_to_stall(iterates, objective.penalty), MAX_INNER):
            if iterate.gap <= tol * iterate.point.value or iterate.stalled:
                break
        return iterate

    def _on_columns(
        self, objective: Objective, start: Array | Point, memory: Memory = None
    ) -> Iterator[Iterate]:
        """Iterates after each solution on a growing set of columns, without end.

        A set is solved as far as the last growth paid, and at last to the tolerance.
        """
        point = start if isinstance(start, Point) else objective.at(start)
        known = memory if isinstance(memory, WorkingSet) else None
        columns = np.empty(0, dtype=np.intp) if known is None else known.columns
        center = _center(objective)
        least = INNER_SHARE * self.tol
        accuracy, before, inner = 1e-2 if known is None else least, inf, inf
        for t in itertools.count():
            excess = self._excess(objective, point, center)
            excess[columns] = 0.0
            new = np.flatnonzero(excess > SLACK)
            yield self._judged(objective, t, point, inner if len(new) == 0 else inf, known)
            used = np.flatnonzero(_by_feature(objective, point.w).any(axis=1))
            is_last = len(new) < 0.02 * len(columns)
            gained = (before - point.value) / point.value
            if not is_last:
                accuracy = max(least, min(accuracy, 0.03 * gained))
            else:
                accuracy = least if accuracy > least else accuracy / 10
            most = max(FIRST_SET, 2 * len(used))
            if len(new) > most:
                new = new[np.argpartition(-excess[new], most)[:most]]
            before = point.value
            if len(new) or known is None:
                if len(columns) > 3 * len(used):
                    columns = used
                free = np.flatnonzero(objective.penalty.unpenalised[: objective.rows.n_features])
                columns = np.union1d(np.union1d(columns, used), np.union1d(new, free))
                known = WorkingSet.of(objective, columns)
            if len(columns) + objective.fit_intercept == 0:
                continue
            solution = self._solved(known.part, known.inner(point.w), accuracy, known.memory)
            known, inner = known._replace(memory=solution.state), solution.gap
            point = objective.at(known.outer(solution.point.w, objective.shape))

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


class Watched:
    """A direction whose last state can be seen."""

    state: ModelState

    def __init__(self, direction: ProximalNewton) -> None:
        self.direction = direction

    def __call__(
        self, w: Array, gradient: Array, state: ModelState | None
    ) -> tuple[Array, ModelState]:
        """Direction at ``w``, and the state for the next."""
        p, self.state = self.direction(w, gradient, state)
        return p, self.state


class ProximalGap:
    """How far the iterates of a descent are above the minimum: by a trusted model or certified.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    tol : float
        Relative gap that is to be reached.
    """

    def __init__(self, objective: Objective, tol: float) -> None:
        self.objective, self.tol = objective, tol
        self.history: list[Progress] = []
        self.checked = inf

    def judged(self, iterate: Iterate, has_model: bool = False) -> Iterate:
        """The iterate with its gap, in nats; infinite where the gap is not known.

        The decrease that a model predicts is trusted if the model was right before.
        """
        point = iterate.point
        self.history.append(Progress.of(iterate, self.objective.penalty))
        if not np.isfinite(self.history[-1]).all():
            return iterate
        target = self.tol * point.value
        if has_model and model_is_accurate(self.history):
            rounding = np.finfo(np.float64).eps * point.value
            believed = SAFETY * max(self.history[-1].half_squared_decrement, rounding)
            if believed <= target:
                return iterate._replace(gap=believed)
        least = penalty_gap(self.objective, point)
        if least > min(target, self.checked / 2):
            return iterate
        self.checked = least
        certificate = duality_gap(self.objective, point)
        return iterate._replace(gap=certificate, certificate=certificate)


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


def _step_cost(objective: Objective) -> float:
    """Cost of a step with a model of all coefficients, in passes."""
    costs = Costs(objective)
    return costs.hessian_seconds() / costs.of_pass
