r"""Penalties on the coefficients.

A penalty is a frozen set of strengths, one for each row of the coefficients; that of the intercept
is zero. Coefficients have shape (n_coefficients,) or (n_coefficients, n_classes).

===========  ======================================  =================================
quantity     penalty                                 L2
===========  ======================================  =================================
value        :math:`R(w)`                            :math:`\sum_j m_j w_j^2 / 2`
gradient     :math:`\nabla R(w)`                     :math:`m_j w_j`
curvature    :math:`\partial^2 R / \partial w_j^2`   :math:`m_j`
prox         :math:`\arg\min_u \|u - w\|^2 / 2 +     :math:`w_j / (1 + \eta m_j)`
             \eta R(u)`
===========  ======================================  =================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array


class Penalty(Protocol):
    """A convex function of the coefficients, the same for every class."""

    @property
    def curvature(self) -> Array:
        """Second derivative of the smooth part in each row, shape (n_coefficients,)."""
        ...

    def value(self, w: Array) -> float:
        """The penalty, in nats."""
        ...

    def gradient(self, w: Array) -> Array:
        """Derivative of the smooth part, the shape of ``w``."""
        ...

    def prox(self, w: Array, step_size: float) -> Array:
        """``argmin_u ||u - w||^2 / 2 + step_size * value(u)``, the shape of ``w``."""
        ...

    def scaled(self, factor: float) -> Self:
        """The penalty times a factor."""
        ...

    def gap(self, gradient: Array) -> float:
        """Bound on ``F - min F``, from the gradient of F where the intercept is optimal."""
        ...


@dataclass(frozen=True)
class L2:
    r"""Squared coefficients: ``sum(strength * w^2) / 2``.

    Parameters
    ----------
    strength : ndarray of shape (n_coefficients,)
        Strength for each row of the coefficients, not negative; 0: not penalised.
    """

    strength: Array

    @classmethod
    def of(cls, C: float, n_features: int, fit_intercept: bool) -> L2:
        """``1 / C`` for every feature, zero for the intercept."""
        return cls(np.append(np.full(n_features, 1 / C), np.zeros(int(fit_intercept))))

    @property
    def curvature(self) -> Array:
        """Second derivative for each row of the coefficients: the strength."""
        return self.strength

    @property
    def unpenalised(self) -> NDArray[np.bool_]:
        """Rows of the coefficients without a penalty, shape (n_coefficients,)."""
        return self.strength == 0

    def value(self, w: Array) -> float:
        """``sum(strength * w^2) / 2``."""
        return float(np.vdot(w, self.gradient(w))) / 2

    def gradient(self, w: Array) -> Array:
        """``strength * w``."""
        return (w.T * self.strength).T

    def prox(self, w: Array, step_size: float) -> Array:
        """``w / (1 + step_size * strength)``."""
        return (w.T / (1 + step_size * self.strength)).T

    def scaled(self, factor: float) -> L2:
        """The penalty times a factor."""
        return L2(self.strength * factor)

    def plus(self, strength: Array) -> L2:
        """The penalty with additional strength of shape (n_features,) on the features."""
        total = self.strength.copy()
        total[: len(strength)] += strength
        return L2(total)

    def at_most(self, strength: float) -> L2:
        """The penalty with its strengths clipped to a maximum."""
        return L2(np.minimum(self.strength, strength))

    def gap(self, gradient: Array) -> float:
        r"""Duality gap, with the residual as the dual point, where the intercept is optimal.

        .. math:: F(w) - \min F \le \sum_j \frac{1}{2 m_j}
                  \left(\frac{\partial F}{\partial w_j}\right)^2

        Only penalised coefficients are summed over: every feature has to be penalised.
        """
        penalised = self.strength > 0
        squares = np.square(gradient[penalised]).T / (2 * self.strength[penalised])
        return float(squares.sum())
