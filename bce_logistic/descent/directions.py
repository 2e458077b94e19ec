"""From a gradient to a direction: the update rules.

Each rule is a frozen set of hyperparameters and a pure function of coefficients and gradients. Its
memory is explicit: it takes a ``state``, None at the start, and returns the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..arrays import Array
from ..objective.penalties import Penalty


class Direction(Protocol):
    """An update rule."""

    def __call__(self, w: Array, gradient: Array, state: Any) -> tuple[Array, Any]:
        """Direction ``p`` of the update at ``w``, and the state for the next."""
        ...


class Preconditioner(Protocol):
    """A symmetric positive definite approximation ``P`` of the Hessian."""

    def solve(self, gradient: Array) -> Array:
        """``P^-1 @ gradient``, the shape of the gradient."""
        ...


@dataclass(frozen=True)
class SteepestDescent:
    """Straight down the gradient: ``p = -gradient``.

    References
    ----------
    A. Cauchy, Methode generale pour la resolution des systemes d'equations simultanees,
    Comptes rendus de l'Academie des sciences 25, 1847.
    """

    def __call__(self, w: Array, gradient: Array, state: None = None) -> tuple[Array, None]:
        """Direction at ``w``; the state is None."""
        return -gradient, None


@dataclass(frozen=True)
class HeavyBall:
    r"""Momentum: a velocity, the sum of the gradients with geometrically decreasing weights.

    .. math:: v \leftarrow \mu v + \nabla F(w), \qquad p = -v

    ``momentum`` is mu in [0, 1]. 0: steepest descent; 1: the gradients are accumulated.

    References
    ----------
    B. T. Polyak, Some methods of speeding up the convergence of iteration methods, USSR
    Computational Mathematics and Mathematical Physics 4, 1964: equation 9.
    """

    momentum: float

    def __call__(self, w: Array, gradient: Array, state: Array | None) -> tuple[Array, Array]:
        """Direction at ``w`` and the new velocity."""
        v = gradient if state is None else self.momentum * state + gradient
        return -v, v


@dataclass(frozen=True)
class Nesterov:
    r"""Nesterov's momentum: the gradient is taken at the point to which the velocity leads.

    .. math:: v \leftarrow \mu v + \nabla F(w), \qquad p = -(\nabla F(w) + \mu v)

    ``momentum`` is mu in [0, 1]. The iterates are the points at which the gradient is taken.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, On the importance of initialization and
    momentum in deep learning, ICML 2013: equations 3 and 4.
    """

    momentum: float

    def __call__(self, w: Array, gradient: Array, state: Array | None) -> tuple[Array, Array]:
        """Direction at ``w`` and the new velocity."""
        v = gradient if state is None else self.momentum * state + gradient
        return -(gradient + self.momentum * v), v


class AcceleratedState(NamedTuple):
    """State of :class:`AcceleratedDescent`."""

    v: Array
    momentum: float
    theta: float


@dataclass(frozen=True)
class AcceleratedDescent:
    r"""Nesterov's momentum with the coefficient that is optimal for a convex function.

    .. math:: v \leftarrow \mu_t v + \nabla F(w), \qquad p = -(\nabla F(w) + \mu_{t+1} v),
              \qquad \mu_{t+1} = \frac{\theta_t - 1}{\theta_{t+1}}, \quad
              \theta_{t+1} = \frac{1 + \sqrt{1 + 4 \theta_t^2}}{2}

    The momentum restarts whenever it leads uphill, ``gradient . v < 0``, which adapts the method to
    an unknown strong convexity. The step size must be at most 1/L.

    References
    ----------
    Y. Nesterov, A method of solving a convex programming problem with convergence rate
    O(1/k^2), Soviet Mathematics Doklady 27, 1983.
    B. O'Donoghue, E. Candes, Adaptive restart for accelerated gradient schemes, Foundations of
    Computational Mathematics 15, 2015: equation 13, the gradient scheme.
    """

    def __call__(
        self, w: Array, gradient: Array, state: AcceleratedState | None
    ) -> tuple[Array, AcceleratedState]:
        """Direction at ``w`` and the new velocity."""
        if state is None:
            v, theta = gradient, 1.0
        else:
            v, theta = state.momentum * state.v + gradient, state.theta
            if np.vdot(gradient, v) < 0:
                v, theta = gradient, 1.0
        next_theta = (1 + sqrt(1 + 4 * theta**2)) / 2
        momentum = (theta - 1) / next_theta
        return -(gradient + momentum * v), AcceleratedState(v, momentum, next_theta)


class AcceleratedProximalState(NamedTuple):
    """State of :class:`AcceleratedProximalDescent`: the last result, of a proximal step."""

    x: Array
    theta: float


@dataclass(frozen=True)
class AcceleratedProximalDescent:
    r"""Accelerated descent for a penalty that bends at zero: FISTA, from look-ahead to look-ahead.

    .. math:: x_{t+1} = \mathrm{prox}_\eta(w_t - \eta \nabla F(w_t)), \qquad
              p = x_{t+1} + \frac{\theta_t - 1}{\theta_{t+1}} (x_{t+1} - x_t) - w_t

    The iterates are the look-aheads ``w``, at which the gradient is taken; the results are the
    ``x``, with exact zeros. The momentum restarts whenever it leads uphill,
    ``(w_t - x_{t+1}) . (x_{t+1} - x_t) > 0``.

    Parameters
    ----------
    penalty : Penalty
        Whose prox is taken.
    eta : float
        Step size, at most 1/L.

    References
    ----------
    A. Beck, M. Teboulle, A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems, SIAM Journal on Imaging Sciences 2, 2009.
    B. O'Donoghue, E. Candes, Adaptive restart for accelerated gradient schemes, Foundations of
    Computational Mathematics 15, 2015: section 5.2, the generalised gradient.
    """

    penalty: Penalty
    eta: float

    def __call__(
        self, w: Array, gradient: Array, state: AcceleratedProximalState | None
    ) -> tuple[Array, AcceleratedProximalState]:
        """Direction at the look-ahead ``w`` and the new result."""
        before, theta = (w, 1.0) if state is None else state
        x = self.penalty.prox(w - self.eta * gradient, self.eta)
        if np.vdot(w - x, x - before) > 0:
            theta = 1.0
        next_theta = (1 + sqrt(1 + 4 * theta**2)) / 2
        look_ahead = x + (theta - 1) / next_theta * (x - before)
        return look_ahead - w, AcceleratedProximalState(x, next_theta)


@dataclass(frozen=True)
class Newton:
    """Newton's direction ``p = -H(w)^-1 gradient``; ``preconditioner(w)`` is made of ``H(w)``."""

    preconditioner: Callable[[Array], Preconditioner]

    def __call__(self, w: Array, gradient: Array, state: None = None) -> tuple[Array, None]:
        """Direction at ``w``; the state is None."""
        return -self.preconditioner(w).solve(gradient), None


class CurvaturePair(NamedTuple):
    """Change of the coefficients and of the gradient over a step, flat, and their product."""

    s: Array
    y: Array
    sy: float


class LBFGSState(NamedTuple):
    """State of :class:`LBFGS`: the last point and the last pairs."""

    w: Array
    gradient: Array
    pairs: tuple[CurvaturePair, ...]


@dataclass(frozen=True)
class LBFGS:
    r"""L-BFGS on top of a preconditioner: ``p = -P^-1 gradient``, corrected by curvature pairs.

    ``P`` is the initial approximation of the Hessian; each step adds a pair that corrects it along
    the step, and the last ``memory`` pairs are kept. With ``rescale``, ``P`` is multiplied by
    ``(y.T P^-1 y / s.T y) ** rescale`` of the last pair: 0, not at all; 1, fully.

    References
    ----------
    J. Nocedal, S. Wright, Numerical Optimization, 2006: algorithm 7.4, the two-loop recursion;
    equation 7.20, the scale.
    """

    preconditioner: Preconditioner
    memory: int = 30
    rescale: float = 0.0

    def __call__(
        self, w: Array, gradient: Array, state: LBFGSState | None
    ) -> tuple[Array, LBFGSState]:
        """Direction at ``w``, and the curvature pairs up to it."""
        pairs = () if state is None else self._updated_pairs(w, gradient, state)
        return -self.solve(gradient, pairs), LBFGSState(w, gradient, pairs)

    def solve(self, gradient: Array, pairs: tuple[CurvaturePair, ...]) -> Array:
        """Two-loop recursion: the inverse of the corrected preconditioner times a gradient."""
        q, coefficients = gradient.ravel().copy(), []
        for s, y, sy in reversed(pairs):
            coefficients.append(s.dot(q) / sy)
            q -= coefficients[-1] * y
        q = self._precondition(q, gradient.shape)
        if pairs and self.rescale:
            _, y, sy = pairs[-1]
            predicted = y.dot(self._precondition(y, gradient.shape))
            if predicted > 0:
                q *= (sy / predicted) ** self.rescale
        for (s, y, sy), coefficient in zip(pairs, reversed(coefficients), strict=True):
            q += (coefficient - y.dot(q) / sy) * s
        return q.reshape(gradient.shape)

    def _precondition(self, q: Array, shape: tuple[int, ...]) -> Array:
        """``P^-1 @ q`` for a flat array, the shape of which is given."""
        return self.preconditioner.solve(q.reshape(shape)).ravel()

    def _updated_pairs(
        self, w: Array, gradient: Array, state: LBFGSState
    ) -> tuple[CurvaturePair, ...]:
        """Pairs of the last steps; a step along which the curvature is not positive adds none."""
        s, y = (w - state.w).ravel(), (gradient - state.gradient).ravel()
        sy = float(s.dot(y))
        if not sy > np.finfo(np.float64).eps * (y.dot(y) * s.dot(s)) ** 0.5:
            return state.pairs
        return (*state.pairs, CurvaturePair(s, y, sy))[-self.memory :]
