"""From a gradient to a direction: the update rules.

Each rule is a frozen set of hyperparameters and a pure function: what it remembers between two
updates comes in as ``state`` and goes out as the next one. None: nothing remembered yet. A rule
sees coefficients and gradients, never data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..arrays import Array


class Direction(Protocol):
    """An update rule."""

    def __call__(self, w: Array, gradient: Array, state: Any) -> tuple[Array, Any]:
        """Direction ``p`` of the update at ``w``, and the state for the next."""
        ...


class Preconditioner(Protocol):
    """A symmetric positive definite matrix ``P`` that stands for the Hessian."""

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
        """Direction at ``w``; there is nothing to remember."""
        return -gradient, None


@dataclass(frozen=True)
class HeavyBall:
    r"""Momentum: a velocity that gathers the gradients, old ones with less and less weight.

    .. math:: v \leftarrow \mu v + \nabla F(w), \qquad p = -v

    Parameters
    ----------
    momentum : float
        The coefficient mu in [0, 1]. 0: steepest descent; 1: the gradients are accumulated.

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
    r"""Nesterov's momentum: the gradient is taken where the velocity is about to lead.

    .. math:: v \leftarrow \mu v + \nabla F(w), \qquad p = -(\nabla F(w) + \mu v)

    Parameters
    ----------
    momentum : float
        The coefficient mu in [0, 1].

    Notes
    -----
    The iterates are the points at which the gradient is taken, as in the simplified form of
    the reference.

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
    """What :class:`AcceleratedDescent` remembers."""

    v: Array
    momentum: float
    theta: float


@dataclass(frozen=True)
class AcceleratedDescent:
    r"""Nesterov's momentum with the coefficient that is optimal for a convex function.

    .. math:: v \leftarrow \mu_t v + \nabla F(w), \qquad p = -(\nabla F(w) + \mu_{t+1} v),
              \qquad \mu_{t+1} = \frac{\theta_t - 1}{\theta_{t+1}}, \quad
              \theta_{t+1} = \frac{1 + \sqrt{1 + 4 \theta_t^2}}{2}

    The momentum starts anew whenever it leads uphill, ``gradient . v < 0``: the method adapts
    to a strong convexity that it is not told. The step size must be at most 1/L.

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


@dataclass(frozen=True)
class Newton:
    r"""Newton's direction: ``p = -H(w)^-1 gradient``.

    Parameters
    ----------
    preconditioner : callable
        From coefficients to a preconditioner, here made of the Hessian at these coefficients.
    """

    preconditioner: Callable[[Array], Preconditioner]

    def __call__(self, w: Array, gradient: Array, state: None = None) -> tuple[Array, None]:
        """Direction at ``w``; there is nothing to remember."""
        return -self.preconditioner(w).solve(gradient), None


class CurvaturePair(NamedTuple):
    """Change of the coefficients over a step, change of the gradient, their product; flat arrays."""

    s: Array
    y: Array
    sy: float


class LBFGSState(NamedTuple):
    """What :class:`LBFGS` remembers: the last point and the last pairs."""

    w: Array
    gradient: Array
    pairs: tuple[CurvaturePair, ...]


@dataclass(frozen=True)
class LBFGS:
    r"""L-BFGS on top of a preconditioner: ``p = -P^-1 gradient``, corrected by curvature pairs.

    The preconditioner stands for the Hessian before the first step; each step then adds a pair, the
    changes of coefficients and gradient, that corrects it along the step.

    Parameters
    ----------
    preconditioner : Preconditioner
        Approximate Hessian ``P`` that can be solved with.
    memory : int, default=30
        Number of pairs remembered.
    rescale : float, default=0.0
        How far the last pair also sets the scale of the preconditioner, from 0, not at all, to
        1, fully: the power of the factor by which it is off along that pair. It helps a
        preconditioner that is right only up to a factor.

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
        """The two-loop recursion: the inverse of the corrected preconditioner times a gradient."""
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
        """Solve with the preconditioner, from and to a flat array."""
        return self.preconditioner.solve(q.reshape(shape)).ravel()

    def _updated_pairs(
        self, w: Array, gradient: Array, state: LBFGSState
    ) -> tuple[CurvaturePair, ...]:
        """Pairs of the last steps; one along which the gradient does not grow is left out."""
        s, y = (w - state.w).ravel(), (gradient - state.gradient).ravel()
        sy = float(s.dot(y))
        if not sy > np.finfo(np.float64).eps * (y.dot(y) * s.dot(s)) ** 0.5:
            return state.pairs
        return (*state.pairs, CurvaturePair(s, y, sy))[-self.memory :]
