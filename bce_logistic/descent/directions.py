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

# Numbers that secants may hold (64 MiB), unless that would be fewer secants than lbfgs keeps.
SECANTS_SIZE = 1 << 23
FEWEST_SECANTS = 10


class Direction(Protocol):
    """An update rule."""

    def __call__(self, w: Array, gradient: Array, state: Any) -> tuple[Array, Any]:
        """Direction ``p`` of the update at ``w``, and the state for the next."""
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


class Secant(NamedTuple):
    """Change of the coefficients over a step, and of the gradient; flat arrays."""

    step: Array
    change: Array
    product: float


class SecantState(NamedTuple):
    """What :class:`QuasiNewton` remembers: the last point and the last secants."""

    w: Array
    gradient: Array
    secants: tuple[Secant, ...]


@dataclass(frozen=True)
class QuasiNewton:
    r"""L-BFGS on top of a preconditioner: ``p = -P^-1 gradient``, corrected by secants.

    The preconditioner stands for the Hessian before the first step; the last steps then teach
    it, one secant each, what the Hessian does along them.

    Parameters
    ----------
    preconditioner : Preconditioner
        Approximate Hessian ``P`` that can be solved with.
    memory : int, default=30
        Number of secants remembered; fewer, but at least ten, where so many would hold more than
        ``SECANTS_SIZE`` numbers.
    rescale : float, default=0.0
        How far the last secant also sets the scale of the preconditioner, from 0, not at all, to
        1, fully: the power of the factor by which it is off along that secant. It helps a
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
        self, w: Array, gradient: Array, state: SecantState | None
    ) -> tuple[Array, SecantState]:
        """Direction at ``w``, and the secants up to it."""
        secants = () if state is None else self._remembered(w, gradient, state)
        q, coefficients = gradient.ravel(), []
        for step, change, product in reversed(secants):
            coefficients.append(step.dot(q) / product)
            q = q - coefficients[-1] * change
        q = self._solve(q, gradient.shape)
        if secants and self.rescale:
            _, change, product = secants[-1]
            q *= (product / change.dot(self._solve(change, gradient.shape))) ** self.rescale
        for (step, change, product), coefficient in zip(
            secants, reversed(coefficients), strict=True
        ):
            q += (coefficient - change.dot(q) / product) * step
        return -q.reshape(gradient.shape), SecantState(w, gradient, secants)

    def _solve(self, q: Array, shape: tuple[int, ...]) -> Array:
        """Solve with the preconditioner, from and to a flat array."""
        return self.preconditioner.solve(q.reshape(shape)).ravel()

    def _remembered(self, w: Array, gradient: Array, state: SecantState) -> tuple[Secant, ...]:
        """Secants of the last steps; one that bends the wrong way is left out."""
        step, change = (w - state.w).ravel(), (gradient - state.gradient).ravel()
        product = float(step.dot(change))
        if (
            product
            <= np.finfo(np.float64).eps
            * np.vdot(change, change) ** 0.5
            * np.vdot(step, step) ** 0.5
        ):
            return state.secants
        fitting = max(FEWEST_SECANTS, SECANTS_SIZE // (2 * w.size))
        return (*state.secants, Secant(step, change, product))[-min(self.memory, fitting) :]


class Preconditioner(Protocol):
    """A symmetric positive definite matrix ``P``."""

    def solve(self, gradient: Array) -> Array:
        """``P^-1 @ gradient``, the shape of the gradient."""
        ...
