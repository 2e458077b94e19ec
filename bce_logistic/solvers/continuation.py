"""What a fit with an L1 penalty leaves to the next one, with another strength of the penalty.

The loss does not change along a path: its value and gradient at the last coefficients, the model of
it and the copy of the columns that move hold for the next strength.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.orthant import OrthantState
from ..objective.objective import Objective, Point
from ..objective.penalties import Penalty
from .proximal_newton import ModelState


class WorkingSet(NamedTuple):
    """A copy of the columns that move, and the memory of the descent on it."""

    columns: NDArray[np.intp]
    at: NDArray[np.intp]  # rows of their coefficients and of the intercept
    part: Objective  # of these coefficients, the others zero
    center: Array  # what was subtracted from the columns
    memory: ModelState | OrthantState | None = None

    @classmethod
    def of(cls, objective: Objective, columns: NDArray[np.intp]) -> WorkingSet:
        """A copy of some columns, without a memory."""
        return cls(columns, objective.rows_of(columns), *objective.on(columns))

    def changed(self, objective: Objective, columns: NDArray[np.intp]) -> WorkingSet:
        """A copy of other columns; curvature pairs of those that stay are kept."""
        changed = WorkingSet.of(objective, columns)
        if not isinstance(self.memory, OrthantState):
            return changed
        place = np.searchsorted(changed.at, self.at).clip(max=len(changed.at) - 1)
        stays = changed.at[place] == self.at

        def moved(v: Array) -> Array:
            there = np.zeros((len(changed.at), *v.shape[1:]))
            there[place[stays]] = v[stays]
            return there

        w, gradient, pairs = self.memory
        pairs = tuple((moved(s), moved(y)) for s, y in pairs)
        return changed._replace(memory=OrthantState(moved(w), moved(gradient), pairs))

    def inner(self, w: Array) -> Array:
        """Coefficients of the copy, the intercept last."""
        n, inner = len(self.columns), w[self.at]
        inner[n:] += self.center @ inner[:n]
        return inner

    def outer(self, inner: Array, shape: tuple[int, ...]) -> Array:
        """Coefficients of all columns, which have this shape: zero for those not copied."""
        n, w = len(self.columns), np.zeros(shape)
        w[self.at] = inner
        w[self.at[n:]] -= self.center @ inner[:n]
        return w

    def under(self, before: Penalty, after: Penalty) -> WorkingSet:
        """The same after a change of the penalty."""
        before, after = before.on(self.at), after.on(self.at)
        memory = None if self.memory is None else self.memory.under(before, after)
        return self._replace(part=replace(self.part, penalty=after), memory=memory)


Memory = ModelState | OrthantState | WorkingSet | None


class Continuation(NamedTuple):
    """Where a fit ended, with which penalty, and the memory of its descent."""

    point: Point
    penalty: Penalty
    memory: Memory

    def under(self, penalty: Penalty) -> tuple[Point, Memory]:
        """The same point and memory with another penalty; takes no pass over the rows."""
        before, w = self.penalty, self.point.w
        point = Point(
            w,
            self.point.value - before.value(w) + penalty.value(w),
            self.point.gradient - before.gradient(w) + penalty.gradient(w),
            self.point.intercept_column,
            self.point.spread,
        )
        memory = None if self.memory is None else self.memory.under(before, penalty)
        return point, memory
