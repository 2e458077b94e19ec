r"""Penalties on the coefficients.

A penalty is a frozen set of strengths, one for each row of the coefficients; that of the intercept
is zero. Coefficients have shape (n_coefficients,) or (n_coefficients, n_classes). The part with a
kink at zero, :math:`\sum_j l_j |w_j|`, is separate from the smooth part: a descent takes the
gradient of the smooth part and the prox of the other.

===========  ======================  ==========================  =================================
quantity     penalty                 L2                          ElasticNet
===========  ======================  ==========================  =================================
value        :math:`R(w)`            :math:`\sum m_j w_j^2 / 2`  :math:`\sum l_j |w_j| +
                                                                 m_j w_j^2 / 2`
gradient     of the smooth part      :math:`m_j w_j`             :math:`m_j w_j`
curvature    of the smooth part      :math:`m_j`                 :math:`m_j`
prox         of the other part       :math:`w`                   :math:`\mathrm{sign}(w_j)
                                                                 \max(|w_j| - \eta l_j, 0)`
===========  ======================  ==========================  =================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array


class Penalty(Protocol):
    """A convex function of the coefficients, the same for every class."""

    @property
    def curvature(self) -> Array:
        """Second derivative of the smooth part in each row, shape (n_coefficients,)."""
        ...

    @property
    def l1(self) -> Array:
        """Strength of the absolute values in each row, shape (n_coefficients,)."""
        ...

    @property
    def is_smooth(self) -> bool:
        """Whether no coefficient has an L1 penalty."""
        ...

    @property
    def unpenalised(self) -> NDArray[np.bool_]:
        """Rows of the coefficients without a penalty, shape (n_coefficients,)."""
        ...

    def value(self, w: Array) -> float:
        """The penalty, in nats."""
        ...

    def gradient(self, w: Array) -> Array:
        """Derivative of the smooth part, the shape of ``w``."""
        ...

    def prox(self, w: Array, step_size: float) -> Array:
        """``argmin_u ||u - w||^2 / 2 + step_size * (value less its smooth part)(u)``."""
        ...

    def subgradient(self, w: Array, gradient: Array) -> Array:
        """The derivative of least norm, from that of the smooth part of the objective."""
        ...

    def bend(self, w: Array, p: Array) -> float:
        """Change of the part that is not smooth from ``w`` to ``w + p``."""
        ...

    def scaled(self, factor: float) -> Self:
        """The penalty times a factor."""
        ...

    def plus(self, strength: Array) -> Self:
        """The penalty with additional curvature of shape (n_features,) on the features."""
        ...

    def at_most(self, strength: float) -> Self:
        """The penalty with its curvature clipped to a maximum."""
        ...

    def on(self, rows: Any) -> Self:
        """The penalty on some rows of the coefficients."""
        ...

    def gap(self, w: Array, gradient: Array) -> float:
        """Part of the penalty in a bound on ``F - min F``, where the intercept is optimal."""
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
    def of(cls, C: float, n_features: int, fit_intercept: bool) -> Self:
        """``1 / C`` for every feature, zero for the intercept."""
        return cls(with_intercept(np.full(n_features, 1 / C), fit_intercept))

    @property
    def curvature(self) -> Array:
        """Second derivative for each row of the coefficients: the strength."""
        return self.strength

    @property
    def l1(self) -> Array:
        """Zeros."""
        return np.zeros_like(self.strength)

    @property
    def is_smooth(self) -> bool:
        """True."""
        return True

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
        """``w``: all of the penalty is smooth."""
        return w

    def subgradient(self, w: Array, gradient: Array) -> Array:
        """``gradient``."""
        return gradient

    def bend(self, w: Array, p: Array) -> float:
        """Zero."""
        return 0.0

    def scaled(self, factor: float) -> Self:
        """The penalty times a factor."""
        return replace(self, strength=self.strength * factor)

    def plus(self, strength: Array) -> Self:
        """The penalty with additional strength of shape (n_features,) on the features."""
        total = self.strength.copy()
        total[: len(strength)] += strength
        return replace(self, strength=total)

    def at_most(self, strength: float) -> Self:
        """The penalty with its strengths clipped to a maximum."""
        return replace(self, strength=np.minimum(self.strength, strength))

    def on(self, rows: Any) -> Self:
        """The penalty on some rows of the coefficients."""
        return replace(self, strength=self.strength[rows])

    def gap(self, w: Array, gradient: Array) -> float:
        r"""Duality gap, with the residual as the dual point, where the intercept is optimal.

        .. math:: F(w) - \min F \le \sum_j \frac{1}{2 m_j}
                  \left(\frac{\partial F}{\partial w_j}\right)^2

        Only penalised coefficients are summed over: every feature has to be penalised.
        """
        penalised = self.strength > 0
        squares = np.square(gradient[penalised]).T / (2 * self.strength[penalised])
        return float(squares.sum())


@dataclass(frozen=True)
class ElasticNet(L2):
    r"""Absolute and squared coefficients: ``sum(l1 * |w| + strength * w^2 / 2)``.

    Parameters
    ----------
    strength : ndarray of shape (n_coefficients,)
        Strength of the squares for each row of the coefficients, not negative.
    l1_strength : ndarray of shape (n_coefficients,)
        Strength of the absolute values, likewise; zero where nothing is penalised.

    References
    ----------
    H. Zou, T. Hastie, Regularization and variable selection via the elastic net, Journal of the
    Royal Statistical Society B 67, 2005.
    """

    l1_strength: Array

    @property
    def l1(self) -> Array:
        """Strength of the absolute values for each row of the coefficients."""
        return self.l1_strength

    @property
    def is_smooth(self) -> bool:
        """Whether no coefficient has an L1 penalty."""
        return not self.l1.any()

    @property
    def unpenalised(self) -> NDArray[np.bool_]:
        """Rows of the coefficients without a penalty, shape (n_coefficients,)."""
        return (self.strength == 0) & (self.l1 == 0)

    def value(self, w: Array) -> float:
        """``sum(l1 * |w| + strength * w^2 / 2)``."""
        return super().value(w) + float((np.abs(w).T * self.l1).sum())

    def prox(self, w: Array, step_size: float) -> Array:
        """Soft threshold, ``sign(w) * max(|w| - step_size * l1, 0)``."""
        limit = step_size * self.l1
        return (w.T - np.clip(w.T, -limit, limit)).T

    def subgradient(self, w: Array, gradient: Array) -> Array:
        """The derivative of least norm: ``gradient + l1 sign(w)``; at zero, what exceeds l1."""
        kept = np.clip(gradient.T, -self.l1, self.l1).T
        return np.where(w != 0, gradient + (np.sign(w).T * self.l1).T, gradient - kept)

    def bend(self, w: Array, p: Array) -> float:
        """``sum(l1 * (|w + p| - |w|))``."""
        return float(((np.abs(w + p) - np.abs(w)).T * self.l1).sum())

    def scaled(self, factor: float) -> Self:
        """The penalty times a factor."""
        return replace(self, strength=self.strength * factor, l1_strength=self.l1 * factor)

    def on(self, rows: Any) -> Self:
        """The penalty on some rows of the coefficients."""
        return replace(self, strength=self.strength[rows], l1_strength=self.l1[rows])

    def gap(self, w: Array, gradient: Array) -> float:
        r"""Part of the penalty in the duality gap: what it and its conjugate leave.

        With g the gradient of the smooth part at a dual point and
        :math:`c = \mathrm{clip}(m w - g, -l, l)`,

        .. math:: \sum_j l_j |w_j| - c_j w_j + \frac{(g_j + c_j)^2}{2 m_j}

        It is infinite where a coefficient without a squared part has :math:`|g_j| > l_j`.
        """
        g, w = gradient.T, w.T
        c = np.clip(self.strength * w - g, -self.l1, self.l1)
        over = g + c
        if np.any(over[..., self.strength == 0]):
            return inf
        squares = np.square(over) / np.where(self.strength > 0, 2 * self.strength, 1.0)
        return float((self.l1 * np.abs(w) - c * w + squares).sum())


def with_intercept(strength: Array, fit_intercept: bool) -> Array:
    """The strengths of the features, and none for the intercept, if there is one."""
    return np.append(strength, np.zeros(int(fit_intercept)))
