r"""The Hessian of fewer rows than columns, by a matrix that is as large as the rows are many.

.. math:: H = X^T D X + R, \qquad
          H^{-1} = R^{-1} - R^{-1} X^T D^{1/2} B^{-1} D^{1/2} X R^{-1}, \qquad
          B = I + D^{1/2} X R^{-1} X^T D^{1/2}

with the penalty R and the weighted curvature D of the rows, both diagonal. B is as large as there
are rows, and no eigenvalue of it is less than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective
from ..rows.memory import DenseRows
from .factors import Factor


@dataclass(frozen=True)
class RowSpaceFactor:
    r"""Hessian for two classes that can be solved with, intercept included.

    With :math:`u = D^{1/2} 1` the Hessian and the right-hand side are

    .. math:: \begin{pmatrix} H & X^T D 1 \\ 1^T D X & 1^T D 1 \end{pmatrix}, \qquad
              \begin{pmatrix} g \\ g_b \end{pmatrix},

    and the solution, with :math:`t = B^{-1} D^{1/2} X R^{-1} g` and :math:`q = B^{-1} u`, is

    .. math:: b = \frac{g_b - u^T t}{u^T q}, \qquad
              w = R^{-1} (g - X^T D^{1/2} (t + b q)).

    Features far from zero would leave no digits for what tells the rows apart. So X stands here
    for the features less their means m: then :math:`g - m g_b` takes the place of g, and the
    intercept of the features as they are is :math:`b - m^T w`.

    Attributes
    ----------
    rows : DenseRows
        The rows.
    center : ndarray of shape (n_features,)
        Means of the features; zeros without an intercept.
    ridge : ndarray of shape (n_features,)
        Diagonal of the penalty, positive.
    root : ndarray of shape (n_samples,)
        Square roots of the weighted curvature: ``u``.
    factor : Factor
        Of B.
    fit_intercept : bool
        Whether the last coefficient is an intercept.

    References
    ----------
    W. W. Hager, Updating the inverse of a matrix, SIAM Review 31, 1989: the formula of Woodbury.
    """

    rows: DenseRows
    center: Array
    ridge: Array
    root: Array
    factor: Factor
    fit_intercept: bool

    def solve(self, gradient: Array) -> Array:
        """Solve with the Hessian, in two products with the rows."""
        if not self.fit_intercept:
            t = self.factor.solve(self.root * self.rows.product(gradient / self.ridge))
            return (gradient - self.rows.rmatvec(self.root * t)) / self.ridge
        g = gradient[:-1] - self.center * gradient[-1]
        scaled = g / self.ridge
        t = self.factor.solve(self.root * (self.rows.product(scaled) - self.center @ scaled))
        b = (gradient[-1] - self.root @ t) / (self.root @ self._q)
        residual = self.root * (t + b * self._q)
        total = self.rows.rmatvec(residual) - self.center * residual.sum()
        w = (g - total) / self.ridge
        return np.append(w, b - self.center @ w)

    @cached_property
    def _q(self) -> Array:
        return self.factor.solve(self.root)


@dataclass(frozen=True)
class RowSpace:
    """Hessians for two classes and fewer rows than columns, with a penalty on every feature.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    rows : DenseRows
        Its rows.
    """

    objective: Objective
    rows: DenseRows

    def factor(self, w: Array) -> RowSpaceFactor:
        """Hessian at ``w``, for two classes, in one product with the rows."""
        fit_intercept = self.objective.fit_intercept
        z = self.rows.product(w[: self.rows.n_features])
        d = self.objective.loss.curvature(z + w[-1] if fit_intercept else z)
        root = np.sqrt(self.rows.s * d)
        return RowSpaceFactor(
            self.rows, self._center, self._ridge, root, self._factor(root), fit_intercept
        )

    def _factor(self, root: Array) -> Factor:
        """Factor of B."""
        matrix = root * self._kernel
        matrix *= root[:, None]
        diagonal = np.arange(len(root))
        matrix[diagonal, diagonal] += 1
        return Factor.of(matrix)

    @property
    def _ridge(self) -> Array:
        return self.objective.penalty.curvature[: self.rows.n_features]

    @cached_property
    def _kernel(self) -> Array:
        return self.rows.weighted_gram(1 / self._ridge, self._center)

    @cached_property
    def _center(self) -> Array:
        weight = float(self.objective.fit_intercept) / self.rows.n_samples
        return self.rows.rmatvec(np.full(self.rows.n_samples, weight))
