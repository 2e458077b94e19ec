r"""Quasi-Newton descent in an orthant, where an L1 penalty is linear: OWL-QN.

The signs of the coefficients, and for zeros those towards which the objective falls, name an
orthant. There the objective is smooth; a step that would leave it ends on its boundary, where the
coefficient is exactly zero.

References
----------
G. Andrew, J. Gao, Scalable training of L1-regularized log-linear models, ICML 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..objective.objective import Objective, Point
from ..objective.penalties import Penalty
from .step_sizes import BacktrackingArmijo


class Orthant(NamedTuple):
    """The orthant of a point: its signs, 0 for what stays zero, and the gradient inside of it."""

    sign: Array
    free: NDArray[np.bool_]  # coefficients that move: with a sign, or without an L1 penalty
    gradient: Array  # of the objective in the orthant; zero where nothing moves

    @classmethod
    def of(cls, penalty: Penalty, w: Array, gradient: Array) -> Orthant:
        """The orthant into which the objective falls from ``w``."""
        steepest = penalty.subgradient(w, gradient)
        bends = np.broadcast_to(penalty.l1 > 0, w.T.shape).T
        sign = np.where(bends, np.where(w != 0, np.sign(w), -np.sign(steepest)), 0.0)
        free = (sign != 0) | ~bends
        return cls(sign, free, np.where(free, steepest, 0.0))

    def project(self, w: Array) -> Array:
        """Zero for what left the orthant."""
        return np.where(w * self.sign < 0, 0.0, w)


class OrthantState(NamedTuple):
    """State of :class:`OrthantLBFGS`: the last point and the last pairs, flat."""

    w: Array
    gradient: Array
    pairs: tuple[tuple[Array, Array], ...]

    def under(self, before: Penalty, after: Penalty) -> OrthantState:
        """The same after a change of the penalty: only its smooth part is in gradients."""
        pairs = tuple((s, y - before.gradient(s) + after.gradient(s)) for s, y in self.pairs)
        gradient = self.gradient - before.gradient(self.w) + after.gradient(self.w)
        return self._replace(gradient=gradient, pairs=pairs)


@dataclass(frozen=True)
class OrthantLBFGS:
    r"""L-BFGS on a diagonal, of the coefficients that move in the orthant of a point.

    The diagonal belongs to centred features, ``x - center``, for which the intercept is
    :math:`b + c^T w`: far from zero, a feature and the intercept would be nearly the same.

    Parameters
    ----------
    penalty : Penalty
        The penalty.
    diagonal : ndarray
        Diagonal of the Hessian for centred features, positive, the shape of the coefficients.
    center : ndarray of shape (n_features,)
        Centres of the features; zeros without an intercept.
    fit_intercept : bool
        Whether the last row of the coefficients is an intercept.
    memory : int
        Curvature pairs that are kept.
    pairs : tuple
        Curvature pairs to start with.
    """

    penalty: Penalty
    diagonal: Array
    center: Array
    fit_intercept: bool
    memory: int = 30
    pairs: tuple[tuple[Array, Array], ...] = ()

    def __call__(
        self, w: Array, gradient: Array, state: OrthantState | None
    ) -> tuple[Array, OrthantState]:
        """Direction at ``w``, and the curvature pairs up to it."""
        gradient = centred_gradient(gradient, self.center, self.fit_intercept)
        pairs = self.pairs if state is None else self._updated(w, gradient, state)
        orthant = Orthant.of(self.penalty, w, gradient)
        p = -self._solve(orthant.gradient, orthant.free, pairs)
        # What is zero moves into the orthant or not at all.
        p = np.where((w == 0) & (p * orthant.sign < 0), 0.0, p)
        p = _uncentred(p, self.center, self.penalty, self.fit_intercept)
        return p, OrthantState(w, gradient, pairs)

    def _updated(
        self, w: Array, gradient: Array, state: OrthantState
    ) -> tuple[tuple[Array, Array], ...]:
        """Pairs of the last steps; a step along which the curvature is not positive adds none.

        None are left where no step was accepted.
        """
        s, y = w - state.w, gradient - state.gradient
        if not s.any():
            return ()
        if self.fit_intercept:
            s[-1] += self.center @ s[:-1]
        sy = float(np.vdot(s, y))
        if not sy > 1e-14 * float(np.vdot(s, s) * np.vdot(y, y)) ** 0.5:
            return state.pairs
        return (*state.pairs, (s, y))[-self.memory :]

    def _solve(
        self, gradient: Array, free: NDArray[np.bool_], pairs: tuple[tuple[Array, Array], ...]
    ) -> Array:
        """Two-loop recursion on the coefficients that are free."""
        at = np.flatnonzero(free)
        diagonal, q = self.diagonal.take(at), gradient.take(at)
        kept = []
        for s, y in reversed(pairs):
            s, y = s.take(at), y.take(at)
            sy = float(s.dot(y))
            if sy > 1e-10 * float(s.dot(s) * y.dot(y)) ** 0.5:
                a = s.dot(q) / sy
                q = q - a * y
                kept.append((s, y, sy, a))
        scale = (kept[0][2] / kept[0][1].dot(kept[0][1] / diagonal)) ** 0.5 if kept else 1.0
        q = scale * q / diagonal
        for s, y, sy, a in reversed(kept):
            q += (a - y.dot(q) / sy) * s
        solution = np.zeros_like(gradient)
        solution.flat[at] = q
        return solution


def centred_gradient(gradient: Array, center: Array, fit_intercept: bool) -> Array:
    """Gradient with respect to the coefficients of centred features."""
    if not fit_intercept:
        return gradient
    features = gradient[:-1] - np.multiply.outer(center, gradient[-1])
    return np.concatenate([features, gradient[-1:]])


def _uncentred(step: Array, center: Array, penalty: Penalty, fit_intercept: bool) -> Array:
    """A step for features as they are; without a penalty, it sums to zero over the classes."""
    if fit_intercept:
        step[-1] -= center @ step[:-1]
    if step.ndim == 2:
        free = penalty.unpenalised
        step[free] -= step[free].mean(axis=1, keepdims=True)
    return step


@dataclass(frozen=True)
class OrthantArmijo:
    r"""The full step, projected on the orthant, shortened until the objective decreases by enough.

    .. math:: F(w') \le F(w) + c \, g^T (w' - w), \qquad w' = \pi(w + \eta p)

    with g the gradient in the orthant, and coefficients of centred features,
    :math:`(w, b + \mu^T w)`: a coefficient that the projection stops would else move the scores of
    all samples by its center. Where no step along ``p`` is accepted, one along the negative
    gradient is searched for.

    Parameters
    ----------
    center : ndarray of shape (n_features,)
        Centres :math:`\mu` of the features; zeros without an intercept.
    sufficient_decrease : float
        The part ``c`` of the decrease that the gradient promises.
    min_step : float
        The smallest step :math:`\eta`.
    """

    center: Array
    sufficient_decrease: float = 1e-4
    min_step: float = 1e-8

    def __call__(self, objective: Objective, point: Point, p: Array, t: int) -> tuple[Array, Point]:
        """Coefficients after update ``t``, and the point there; unchanged if none is accepted."""
        fit_intercept = objective.fit_intercept
        gradient = centred_gradient(point.gradient, self.center, fit_intercept)
        orthant = Orthant.of(objective.penalty, point.w, gradient)
        if fit_intercept:
            p = p.copy()
            p[-1] += self.center @ p[:-1]
        rounding = 4 * np.finfo(np.float64).eps * abs(point.value)
        eta = 1.0
        while eta >= self.min_step:
            step = orthant.project(point.w + eta * p) - point.w
            slope = float(np.vdot(orthant.gradient, step))
            if not slope < 0:
                break
            step = _uncentred(step, self.center, objective.penalty, fit_intercept)
            trial = objective.at(point.w + step)
            if trial.value <= point.value + self.sufficient_decrease * slope + rounding:
                return trial.w, trial
            curvature = trial.value - point.value - slope
            parabola = -slope / (2 * curvature) if np.isfinite(curvature) else 0.0
            eta *= float(np.clip(parabola, 0.1, 0.5))
        return BacktrackingArmijo()(objective, point, np.zeros_like(p), t)
