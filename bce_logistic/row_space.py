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
from numpy.typing import NDArray

from .objective import Objective
from .preconditioners import ByClass, Factor
from .row_blocks import DenseRows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RowSpaceFactor:
    r"""Hessian of one class's coefficients that can be solved with, intercept included.

    With :math:`u = D^{1/2} 1` the Hessian and the right-hand side are

    .. math:: \begin{pmatrix} H & X^T D 1 \\ 1^T D X & 1^T D 1 \end{pmatrix}, \qquad
              \begin{pmatrix} g \\ g_b \end{pmatrix},

    and the solution, with :math:`t = B^{-1} D^{1/2} X R^{-1} g` and :math:`q = B^{-1} u`, is

    .. math:: b = \frac{g_b - u^T t}{u^T q}, \qquad
              w = R^{-1} (g - X^T D^{1/2} (t + b q)).

    Attributes
    ----------
    rows : DenseRows
        The rows.
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
    W. W. Hager, Updating the inverse of a matrix, SIAM Review 31, 1989: equation 2.
    """

    rows: DenseRows
    ridge: Array
    root: Array
    factor: Factor
    fit_intercept: bool

    def solve(self, gradient: Array) -> Array:
        """Solve with the Hessian, in two products with the rows."""
        g = gradient[: self.rows.n_features]
        t = self.factor.solve(self.root * self.rows.product(g / self.ridge))
        if not self.fit_intercept:
            return (g - self.rows.weighted_sum(self.root * t)) / self.ridge
        b = (gradient[-1] - self.root @ t) / (self.root @ self._q)
        w = (g - self.rows.weighted_sum(self.root * (t + b * self._q))) / self.ridge
        return np.append(w, b)

    @cached_property
    def _q(self) -> Array:
        return self.factor.solve(self.root)


@dataclass(frozen=True)
class RowSpace:
    """Hessians of an objective with fewer rows than columns, a penalty on every feature.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    rows : DenseRows
        Its rows.
    """

    objective: Objective
    rows: DenseRows

    def factor(self, w: Array) -> ByClass:
        """Hessian at ``w``, of each class apart, in one product with the rows."""
        fit_intercept = self.objective.fit_intercept
        z = self.rows.product(w[: self.rows.n_features])
        d = self.objective.loss.curvature(z + w[-1] if fit_intercept else z)
        d = self.objective.loss.curvature_diagonal(d)
        roots = np.sqrt(self.rows.s * np.atleast_2d(d.T))
        ridge = self.objective.ridge
        return ByClass(
            tuple(
                RowSpaceFactor(self.rows, ridge, root, self._factor(root), fit_intercept)
                for root in roots
            )
        )

    def _factor(self, root: Array) -> Factor:
        """Factor of B."""
        matrix = root * self._kernel
        matrix *= root[:, None]
        diagonal = np.arange(len(root))
        matrix[diagonal, diagonal] += 1
        return Factor.of(matrix)

    @cached_property
    def _kernel(self) -> Array:
        return self.rows.kernel(1 / self.objective.ridge)
