"""The descent of many models at once, ``W <- W + eta * P``: the twin of the loop.

Directions and steps are those of one model, for a stack of them. Models that are done drop out, so
that a pass costs only the remaining ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..objective.many import ManyObjectives, ManyPoints, Models

# Largest uphill slope at the end of a step, relative to the slope at its start.
MAX_SLOPE = 0.5
# Trials of a step size, at most.
MAX_TRIALS = 8

Index = NDArray[np.intp]


class ManyPreconditioner(Protocol):
    """An approximate Hessian of each of many models."""

    def solve(self, gradient: Array, index: Index) -> Array:
        """``P^-1 @ gradient`` of the models at some positions, (n_models, n_columns)."""
        ...


class ManyDirection(Protocol):
    """An update rule for a stack of models."""

    def __call__(
        self, points: ManyPoints, models: Models, index: Index, state: Any
    ) -> tuple[Array, Any]:
        """Directions, (n_models, n_columns), and the state for the next.

        The state is None or has a method ``take`` that returns that of some models.
        """
        ...


class ManyIterate(NamedTuple):
    """An iterate of a stack of models, sufficient to judge each.

    ``position``: of the models among all, (n_models,). ``decrement``: half the squared
    Newton decrement of each, and ``before`` that of one step before, infinite at the start.
    """

    t: int
    position: Index
    models: Models
    points: ManyPoints
    decrement: Array
    before: Array


class Descent(NamedTuple):
    """Result of a descent of many models: ``W``, iterations, and whether each is done."""

    W: Array
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


def descend_many(
    objectives: ManyObjectives,
    points: ManyPoints,
    models: Models,
    direction: ManyDirection,
    is_done: Callable[[ManyIterate], NDArray[np.bool_]],
    max_iter: int,
) -> Descent:
    """Descend until every model is done, or cannot go down; each keeps evaluated coefficients.

    ``points`` are the starts. ``is_done`` says which models of an iterate are.
    """
    W, index = points.W.copy(), np.arange(len(points.W))
    n_iter, converged = np.zeros(len(W), dtype=np.int32), np.zeros(len(W), dtype=bool)
    before, state = np.full(len(W), np.inf), None
    for t in range(max_iter + 1):
        P, state = direction(points, models, index, state)
        slope = dots(points.gradient, P)
        iterate = ManyIterate(t, index, models, points, -slope / 2, before)
        done = is_done(iterate)
        W[index], n_iter[index], converged[index] = points.W, t, done
        left = np.flatnonzero(~done & (slope < 0))
        if t == max_iter or not len(left):
            break
        index, models, points = index[left], models.take(left), points.take(left)
        before, state = iterate.decrement[left], state and state.take(left)
        points = step(objectives, points, models, P[left], slope[left])
    return Descent(W, n_iter, converged)


def step(
    objectives: ManyObjectives, points: ManyPoints, models: Models, P: Array, slope: Array
) -> ManyPoints:
    """Points after a step of each model along ``P``, shortened where it ends steeply uphill.

    A convex objective is flat along the step where its slope changes sign. The next trial is the
    zero of the straight line through the slopes at both ends.
    """
    eta = np.ones(len(P))
    trial = objectives.at(points.W + P, models)
    for _ in range(MAX_TRIALS):
        end = dots(trial.gradient, P)
        far = np.flatnonzero(~(end <= -MAX_SLOPE * slope))
        if not len(far):
            break
        ratio = np.nan_to_num(slope[far] / (slope[far] - end[far]), nan=0.1)
        eta[far] *= np.clip(ratio, 0.1, 0.9)
        W = points.W[far] + eta[far, None] * P[far]
        trial = trial.replaced(far, objectives.at(W, models.take(far)))
    return trial


@dataclass(frozen=True)
class ManyNewton:
    """Newton's direction of every model; ``precondition`` makes its Hessians."""

    precondition: Callable[[ManyPoints, Models], ManyPreconditioner]

    def __call__(
        self, points: ManyPoints, models: Models, index: Index, state: None
    ) -> tuple[Array, None]:
        """Directions; the state is None."""
        everyone = np.arange(len(index))
        return -self.precondition(points, models).solve(points.gradient, everyone), None


class ManyPairs(NamedTuple):
    """Curvature pairs of many models: ``s``, ``y``, and ``1 / s.T y``, zero where there is none."""

    s: Array
    y: Array
    inverse: Array

    def take(self, which: Index) -> ManyPairs:
        """The pairs of some models."""
        return ManyPairs(self.s[which], self.y[which], self.inverse[which])


class ManyLBFGSState(NamedTuple):
    """State of :class:`ManyLBFGS`: the last points and pairs."""

    W: Array
    gradient: Array
    pairs: tuple[ManyPairs, ...]

    def take(self, which: Index) -> ManyLBFGSState:
        """The state of some models."""
        pairs = tuple(pair.take(which) for pair in self.pairs)
        return ManyLBFGSState(self.W[which], self.gradient[which], pairs)


@dataclass(frozen=True)
class ManyLBFGS:
    """L-BFGS on top of a preconditioner, for a stack of models; see ``directions.LBFGS``."""

    preconditioner: ManyPreconditioner
    memory: int = 10

    def __call__(
        self, points: ManyPoints, models: Models, index: Index, state: ManyLBFGSState | None
    ) -> tuple[Array, ManyLBFGSState]:
        """Directions, and the curvature pairs up to them."""
        pairs: tuple[ManyPairs, ...] = ()
        if state is not None:
            s, y = points.W - state.W, points.gradient - state.gradient
            sy = dots(s, y)
            curved = sy > np.finfo(np.float64).eps * np.sqrt(dots(y, y) * dots(s, s))
            inverse = np.divide(1.0, sy, out=np.zeros_like(sy), where=curved)
            pairs = (*state.pairs, ManyPairs(s, y, inverse))[-self.memory :]
        q, coefficients = points.gradient, []
        for s, y, inverse in reversed(pairs):
            coefficients.append((inverse * dots(s, q))[:, None])
            q = q - coefficients[-1] * y
        q = self.preconditioner.solve(q, index)
        for (s, y, inverse), coefficient in zip(pairs, reversed(coefficients), strict=True):
            q = q + (coefficient - (inverse * dots(y, q))[:, None]) * s
        return -q, ManyLBFGSState(points.W, points.gradient, pairs)


def dots(a: Array, b: Array) -> Array:
    """Inner product of each row of two matrices."""
    return np.einsum("mj,mj->m", a, b)
