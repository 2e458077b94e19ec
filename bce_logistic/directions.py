"""From a gradient to a direction: the update rules.

Each rule is a frozen set of hyperparameters and a pure function: what it remembers between two
updates comes in as ``state`` and goes out as the next one. None: nothing remembered yet. A rule
sees coefficients and gradients, never data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


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
