r"""Proximal quasi-Newton: to the minimiser of a quadratic model with the L1 penalty as it is.

.. math:: p = \arg\min_p \; \nabla F(w)^T p + \tfrac12 p^T P p + \sum_j l_j |w_j + p_j|

over the coefficients that are not zero or want to leave it; the others stay.

References
----------
J. Lee, Y. Sun, M. Saunders, Proximal Newton-type methods for minimizing composite functions, SIAM
Journal on Optimization 24, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..objective.objective import Objective, Point
from ..objective.penalties import Penalty
from ..preconditioning.cost_model import SECONDS_PER_CALL, SECONDS_PER_FMA, Costs
from ..preconditioning.quadratic_model import minimise_model

# Cost of a Hessian, in steps with an old one, up to which every step gets a new one.
NEWTON_COST = 1.5
# Seconds of a Hessian and its factor up to which every step gets a new one, the last one, too.
NEWTON_SECONDS = 1e-3
# Steps that a new Hessian has to save beyond its cost.
MARGIN = 2.0
# Bounds on the factor by which a decrease is taken to shrink from step to step.
FASTEST, SLOWEST = 1e-6, 0.9
# Coefficients in a model per coefficient that moves, before a smaller one is made.
MAX_IDLE = 3
# Seconds of an entry of a model in its updates and products, and part of a pass that those of
# coefficients that do not move may take.
SECONDS_PER_UPDATE = 1e-8
IDLE_COST = 0.1
# Share of the columns from which a Hessian of all of them costs no more.
MOST_COLUMNS = 0.7


class ModelState(NamedTuple):
    """State of :class:`ProximalNewton`: the last point, and the model there.

    The model's coefficients are given by feature and class, the intercepts last.
    """

    w: Array
    gradient: Array
    P: Array
    features: NDArray[np.intp]
    classes: NDArray[np.intp]
    predicted: float  # decrease that the model predicted
    is_fresh: bool  # whether P is the Hessian there
    is_exact: bool = False  # whether the prediction is that of the model's very minimiser

    @property
    def at(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Index of the model's coefficients."""
        return self.features, self.classes

    def under(self, before: Penalty, after: Penalty) -> ModelState:
        """The model after a change of the penalty: only its smooth part is in the model."""
        change = after.curvature - before.curvature
        P = self.P + np.diag(change[self.features])
        gradient = self.gradient + change[:, None] * self.w
        return self._replace(P=P, gradient=gradient, predicted=inf)


@dataclass(frozen=True)
class ProximalNewton:
    """The direction to the minimiser of a model: the Hessian, or an older one with BFGS updates.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    target : float
        Decrease, in nats, for which no better model is made.
    reach : float, default=1.0
        Share of the limit of its slope from which a zero coefficient is in a new model: less than
        1 on a path, where the limit falls.
    """

    objective: Objective
    target: float
    reach: float = 1.0

    def __call__(
        self, w: Array, gradient: Array, state: ModelState | None
    ) -> tuple[Array, ModelState]:
        """Direction at ``w``, and the model that gave it."""
        shape, by_class = w.shape, (len(w), self.objective.n_scores)
        w, gradient = w.reshape(by_class), gradient.reshape(by_class)
        moving = self._moving(w, gradient)
        if not moving.any():  # an intercept always moves
            nothing, none = np.zeros((0, 0)), np.empty(0, dtype=np.intp)
            state = ModelState(w, gradient, nothing, none, none, 0.0, True, True)
            return np.zeros(shape), state
        renews = state is None or self._renews(state, w) or not self._covers(state, moving)
        if state is not None and not renews:
            state = _updated(state, w, gradient)
            p, predicted, is_exact = self._minimised(state)
            if not self._is_outdated(state, predicted):
                return p.reshape(shape), state._replace(predicted=predicted, is_exact=is_exact)
        state = self._fresh(w, gradient, self._chosen(w, gradient, state))
        p, predicted, is_exact = self._minimised(state)
        return p.reshape(shape), state._replace(predicted=predicted, is_exact=is_exact)

    def _moving(self, w: Array, gradient: Array, reach: float = 1.0) -> NDArray[np.bool_]:
        """Coefficients that are not zero, or that the gradient moves; those without a penalty."""
        l1 = self.objective.penalty.l1
        return ((w != 0).T | (l1 == 0) | (reach * l1 < np.abs(gradient).T)).T

    def _covers(self, state: ModelState, moving: NDArray[np.bool_]) -> bool:
        """Whether a model has all coefficients that move, and not many more."""
        n_moving = int(np.count_nonzero(moving))
        all_in = np.count_nonzero(moving[state.at]) == n_moving
        return bool(all_in and self._is_lean(len(state.P), n_moving))

    def _is_lean(self, size: int, n_moving: int) -> bool:
        """Whether coefficients that do not move hardly slow down the work with a model."""
        seconds = size**2 * SECONDS_PER_UPDATE
        return size <= MAX_IDLE * n_moving or seconds <= IDLE_COST * Costs(self.objective).of_pass

    def _renews(self, state: ModelState, w: Array) -> bool:
        """Whether the model is replaced unseen: each step gets a new Hessian, which is cheap."""
        if self.reach < 1 or not np.any(w != state.w):
            return False
        return self.cost(state.features)[1] <= NEWTON_SECONDS

    def _is_outdated(self, state: ModelState, predicted: float) -> bool:
        """Whether the Hessian at this point is worth its cost."""
        on_path = self.reach < 1
        if state.is_fresh or state.predicted == inf or (on_path and predicted <= self.target):
            return False
        cost, seconds = self.cost(state.features)
        if seconds <= NEWTON_SECONDS:
            return True
        if predicted <= self.target:
            return False
        if cost <= NEWTON_COST or not (self.target > 0 and state.predicted > 0):
            return True
        rate = min(max(predicted / state.predicted, FASTEST), SLOWEST)
        return log(self.target / predicted) / log(rate) > cost + MARGIN

    def cost_at(self, point: Point) -> float:
        """Cost of a Hessian and its factor at a point, in passes."""
        moving = self._moving_at(point)
        hessian, factor = self._seconds(np.flatnonzero(moving.any(axis=1)), moving.sum())
        return (hessian + factor) / Costs(self.objective).of_pass

    def is_determined(self, point: Point) -> bool:
        """Whether no more coefficients move than the loss of the rows determines."""
        n_moving = np.count_nonzero(self._moving_at(point))
        return bool(n_moving <= self.objective.rows.n_samples * self.objective.n_scores)

    def _moving_at(self, point: Point) -> NDArray[np.bool_]:
        by_class = (len(point.w), self.objective.n_scores)
        return self._moving(point.w.reshape(by_class), point.gradient.reshape(by_class))

    def cost(self, features: NDArray[np.intp]) -> tuple[float, float]:
        """Cost of a Hessian and its factor, in steps with an old one and in seconds."""
        hessian, factor = self._seconds(np.unique(features), len(features))
        return hessian / (Costs(self.objective).of_pass + 2 * factor), hessian + factor

    def _seconds(self, features: NDArray[np.intp], size: int) -> tuple[float, float]:
        """Seconds for a Hessian of some features and for its factor, of so many coefficients."""
        objective, costs = self.objective, Costs(self.objective)
        columns = features[features < objective.rows.n_features]
        row_size = costs.row_size * float(self._density[columns].sum())
        n_grams = objective.n_scores * (objective.n_scores + 1) / 2
        hessian = SECONDS_PER_CALL + n_grams * costs.n_rows * row_size**2 * costs.fma
        return hessian, size**3 / 3 * SECONDS_PER_FMA

    @cached_property
    def _density(self) -> Array:
        return self.objective.rows.column_density()

    def _chosen(self, w: Array, gradient: Array, state: ModelState | None) -> NDArray[np.bool_]:
        """Coefficients of a new model: those that move and, if it lasts, those that soon may."""
        moving = self._moving(w, gradient)
        chosen = self._moving(w, gradient, self.reach)
        if state is not None and self.cost(state.features)[0] > NEWTON_COST:
            chosen[state.at] = True
        n_chosen, n_moving = int(np.count_nonzero(chosen)), int(np.count_nonzero(moving))
        return chosen if self._is_lean(n_chosen, n_moving) else moving

    def _fresh(self, w: Array, gradient: Array, moving: NDArray[np.bool_]) -> ModelState:
        """The model of some coefficients with the Hessian at a point."""
        objective = self.objective
        n_features, n_scores = objective.rows.n_features, objective.n_scores
        columns = np.flatnonzero(moving[:n_features].any(axis=1))
        classes, places = np.nonzero(moving[columns].T)
        # The intercepts of all classes are last.
        intercepts = np.arange(n_scores if objective.fit_intercept else 0)
        features = np.append(columns[places], np.full(len(intercepts), n_features))
        of_all = len(columns) > MOST_COLUMNS * n_features
        chosen = slice(None) if of_all else columns
        width = (n_features if of_all else len(columns)) + objective.fit_intercept
        at = np.append(
            classes * width + (columns[places] if of_all else places),
            intercepts * width + width - 1,
        )
        w_there = w.reshape(objective.shape)
        if n_scores == 1:
            (H,) = objective.class_hessians(w_there, chosen)
        else:
            H = objective.hessian(w_there, chosen)
            # A common shift of coefficients without a penalty changes nothing.
            taken = np.arange(n_features)[chosen]
            for j in np.flatnonzero(objective.penalty.unpenalised[taken]):
                H[:, j, :, j] += np.trace(H[:, j, :, j]) / n_scores**2
            H = H.reshape(n_scores * width, -1)
        if not np.isfinite(H).all():
            H = np.full_like(H, np.nan)
        self._bound(H, n_scores, width)
        P = H if len(at) == len(H) and np.array_equal(at, np.arange(len(H))) else H[np.ix_(at, at)]
        return ModelState(w, gradient, P, features, np.append(classes, intercepts), 0.0, True)

    def _bound(self, H: Array, n_scores: int, width: int) -> None:
        """Keep the curvature of the intercepts above rounding."""
        if self.objective.fit_intercept:
            at = np.arange(1, n_scores + 1) * width - 1
            H[at, at] = np.maximum(H[at, at], self.objective.min_curvature[-1])

    def _minimised(self, state: ModelState) -> tuple[Array, float, bool]:
        """Direction to a model's minimiser, the predicted decrease, and whether to trust it."""
        w, g, P = state.w[state.at], state.gradient[state.at], state.P
        p = np.zeros_like(state.w)
        if not (np.isfinite(g).all() and np.isfinite(P).all()):
            return p * np.nan, np.nan, False
        l1 = self.objective.penalty.l1[state.features]
        n_intercepts = self.objective.n_scores if self.objective.fit_intercept else 0
        u, is_exact = minimise_model(P, g, w, l1, n_intercepts)
        d = u - w
        p[state.at] = d
        bend = l1.dot(np.abs(u) - np.abs(w))
        return p, -float(g.dot(d) + bend + d.dot(P.dot(d)) / 2), is_exact


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


def _updated(state: ModelState, w: Array, gradient: Array) -> ModelState:
    r"""The model at the next point, corrected along the step: BFGS.

    .. math:: P \leftarrow P + \frac{y y^T}{y^T s} - \frac{P s s^T P}{s^T P s}
    """
    s, y = (w - state.w)[state.at], (gradient - state.gradient)[state.at]
    P, sy, Ps = state.P, float(s.dot(y)), state.P.dot(s)
    sPs = float(s.dot(Ps))
    if sy > 1e-12 * (s.dot(s) * y.dot(y)) ** 0.5 and sPs > 0:
        P = P + np.outer(y / sy, y) - np.outer(Ps / sPs, Ps)
    fresh = state.is_fresh and not s.any()
    return state._replace(w=w, gradient=gradient, P=P, is_fresh=fresh)
