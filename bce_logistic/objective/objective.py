r"""What is minimised: a loss, summed over weighted rows, plus a penalty.

.. math:: F(w, b) = \sum_i s_i \, \ell(y_i, z_i) + \frac12 \sum_j r_j w_j^2, \qquad z = X w + b

The model's penalty is the same for every feature, :math:`r_j = 1/C`.

The coefficients are one array: shape (n_features,) for two classes and (n_features, n_classes)
for more, with one row more at the end for the intercept if there is one. Nothing below asks
which of the two it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import NDArray

from ..arrays import Array, beside
from ..rows.base import Block, Columns, RowBlocks, Sums
from .losses import Loss

# Up to this many columns, eigenvalues come from the whole Gram matrix.
EXACT_EIGENVALUE_COLUMNS = 500


class Point(NamedTuple):
    """Coefficients with the objective's value and gradient there."""

    w: Array
    value: float
    gradient: Array


@dataclass(frozen=True)
class Objective:
    """Penalised loss over rows.

    Parameters
    ----------
    loss : Loss
        The loss of a sample and its derivatives with respect to the score.
    rows : RowBlocks
        Where the samples are.
    ridge : ndarray of shape (n_features,)
        Strength of the penalty on each feature's coefficient: 1/C everywhere for the model
        itself.
    fit_intercept : bool
        Whether the last row of the coefficients is an intercept. It is never penalised.
    n_scores : int
        Scores of a sample: 1 for two classes, else the number of classes.
    """

    loss: Loss
    rows: RowBlocks
    ridge: Array
    fit_intercept: bool
    n_scores: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        n_columns = self.rows.n_features + self.fit_intercept
        return (n_columns,) if self.n_scores == 1 else (n_columns, self.n_scores)

    @property
    def smallest_weight(self) -> float:
        """Smallest sample weight that is not zero."""
        return self.rows.smallest_weight

    @property
    def unpenalised(self) -> NDArray[np.bool_]:
        """Which rows of the coefficients have no penalty."""
        return self._padded_ridge == 0

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights."""
        return self.rows.total_weight

    def at(self, w: Array) -> Point:
        r"""Value and gradient of the objective, in one pass over the rows.

        .. math:: F = \sum_i s_i \ell_i + \frac12 \sum_j r_j w_j^2, \qquad
                  \nabla_w F = X^T s (\hat y - y) + r w, \qquad
                  \nabla_b F = \sum_i s_i (\hat y_i - y_i)

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.

        Returns
        -------
        Point
            The coefficients, the value in nats and the gradient, the shape of ``w``.
        """

        def value_and_gradient(block: Block) -> Sums:
            z = self._scores(block, w)
            value, residual = self.loss.value_and_gradient(block.y, z)
            residual = block.weighted(residual)
            return block.weighted_total(value), self._weighted_sum(block, residual)

        value, gradient = self.rows.sum(value_and_gradient, size=w.size + 1)
        return Point(w, value + self._penalty(w), gradient + self._penalty_gradient(w))

    def intercept_alone(self) -> Array:
        r"""Intercept that is best without any feature, from the classes' shares of the weight.

        .. math:: b = \log \frac{\bar y}{1 - \bar y}, \qquad
                  b_k = \log \bar y_k - \frac1K \sum_j \log \bar y_j

        Returns
        -------
        ndarray of shape () or (n_classes,)
            The intercept, in nats. A class without weight counts as if it had a little.
        """
        totals = self.rows.label_weights(max(2, self.n_scores))
        log_share = np.log(np.maximum(totals / totals.sum(), 1e-6))
        return log_share[1] - log_share[0] if self.n_scores == 1 else log_share - log_share.mean()

    def hessian_diagonal(self, w: Array) -> Array:
        """Diagonal of the Hessian at ``w``, in one pass over the rows.

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.

        Returns
        -------
        ndarray
            The second derivatives, the shape of ``w``.
        """

        def diagonal(block: Block) -> Sums:
            d = self.loss.curvature_diagonal(self.loss.curvature(self._scores(block, w)))
            d = block.weighted(d)
            return (self._with_intercept(block.gram_diagonal(d), block.total(d)),)

        (total,) = self.rows.sum(diagonal, size=w.size)
        return (total.T + self._padded_ridge).T

    def class_hessians(self, w: Array, columns: Columns = slice(None)) -> list[Array]:
        r"""Hessian at ``w`` of each class's coefficients alone, in one pass over the rows.

        .. math:: H_k = [X\; 1]^T \, s \, \hat y_k (1 - \hat y_k) \, [X\; 1] + \mathrm{diag}(r)

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.
        columns : slice or ndarray of integers, default=all
            The features to take; the intercept comes in addition.

        Returns
        -------
        list of ndarray of shape (n_columns, n_columns)
            One matrix for every score; for two classes the Hessian itself.
        """
        n_columns = len(np.arange(self.rows.n_features)[columns]) + self.fit_intercept

        def hessians(block: Block) -> Sums:
            d = self.loss.curvature_diagonal(self.loss.curvature(self._scores(block, w)))
            by_score = [d] if d.ndim == 1 else [d[:, k] for k in range(self.n_scores)]
            return tuple(
                part for d_k in by_score for part in self._gram(block, block.s * d_k, columns)
            )

        parts = list(self.rows.sum(hessians, size=self.n_scores * n_columns**2))
        step = len(parts) // self.n_scores
        ridge = np.diag(np.append(self.ridge[columns], np.zeros(int(self.fit_intercept))))
        by_class = []
        while parts:  # each in the memory that the one before has freed
            by_class.append(_bordered(*parts[:step]) + ridge)
            del parts[:step]
        return by_class

    def hessian(self, w: Array) -> Array:
        r"""Hessian at ``w`` of all coefficients, in one pass over the rows.

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.

        Returns
        -------
        ndarray of shape (n_scores, n_coefficients, n_scores, n_coefficients)
            The second derivatives, class by class.
        """
        n_columns = w.shape[0]
        classes = range(self.n_scores)

        def hessian(block: Block) -> Sums:
            d = self.loss.curvature_matrix(self.loss.curvature(self._scores(block, w)))
            total = np.empty((self.n_scores, n_columns, self.n_scores, n_columns))
            for k in classes:
                total[k, :, k] = _bordered(*self._gram(block, block.s * d[:, k, k]))
                for j in range(k):  # two classes never grow together: the product is negative
                    product = _bordered(*self._gram(block, -block.s * d[:, k, j]))
                    total[k, :, j] = total[j, :, k] = -product
            return (total,)

        (total,) = self.rows.sum(hessian, size=(self.n_scores * n_columns) ** 2)
        for k in classes:
            total[k, :, k] += np.diag(self._padded_ridge)
        return total

    def largest_curvature(self) -> float:
        r"""Lipschitz constant of the gradient: no curvature of the objective is larger.

        .. math:: L = c \, \lambda_{\max}([X\; 1]^T s \, [X\; 1]) + \max_j r_j, \qquad
                  c = \tfrac14 \text{ (sigmoid)}, \tfrac12 \text{ (softmax)}

        Returns
        -------
        float
            The constant; up to 500 columns the exact one, beyond that one at most 5 % above
            what the Lanczos method finds. Never zero; ``inf`` if the features overflow.

        References
        ----------
        D. Boehning, Multinomial logistic regression algorithm, Annals of the Institute of
        Statistical Mathematics 44, 1992: the bounds on the curvature.
        """
        curvature = self.loss.largest_curvature * self._largest_eigenvalue() + self.ridge.max()
        return float(max(curvature, np.finfo(np.float64).tiny))

    def _largest_eigenvalue(self) -> float:
        """Largest eigenvalue of ``[X 1].T @ diag(s) @ [X 1]``."""
        n_columns = self.rows.n_features + self.fit_intercept
        if n_columns <= EXACT_EIGENVALUE_COLUMNS:

            def gram(block: Block) -> Sums:
                return (_bordered(*self._gram(block, block.s)),)

            (total,) = self.rows.sum(gram, size=n_columns**2)
            if not np.isfinite(total).all():
                return np.inf
            return float(scipy.linalg.eigvalsh(total, subset_by_index=[n_columns - 1] * 2)[0])

        def product(v: Array) -> Array:
            def block_product(block: Block) -> Sums:
                return (self._weighted_sum(block, block.s * self._scores(block, v.ravel())),)

            return self.rows.sum(block_product, size=n_columns)[0]

        operator = scipy.sparse.linalg.LinearOperator(
            (n_columns, n_columns), matvec=product, dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(n_columns)
        first = product(start)
        if not np.isfinite(first).all() or not first.any():
            return np.inf if first.any() else 0.0
        (found,) = scipy.sparse.linalg.eigsh(
            operator, k=1, v0=start, tol=1e-2, return_eigenvectors=False
        )
        return 1.05 * float(found)

    def _scores(self, block: Block, w: Array) -> Array:
        """``z = X w + b``."""
        if not self.fit_intercept:
            return block.scores(w)
        z = block.scores(w[:-1])
        return z + beside(w[-1], z)

    def _weighted_sum(self, block: Block, residual: Array) -> Array:
        """``[X 1].T @ residual``."""
        return self._with_intercept(block.weighted_sum(residual), block.total(residual))

    def _gram(self, block: Block, d: Array, columns: Columns = slice(None)) -> Sums:
        """``[X 1].T @ diag(d) @ [X 1]``; the border, if there is one, apart."""
        gram = block.gram(d, columns)
        if not self.fit_intercept:
            return (gram,)
        return gram, block.weighted_sum(d)[columns], block.total(d)

    def _with_intercept(self, total: Array, intercept: Array) -> Array:
        """Append the intercept's row, if there is an intercept."""
        return np.concatenate([total, intercept[np.newaxis]]) if self.fit_intercept else total

    def _penalty(self, w: Array) -> float:
        """``sum(ridge * w^2) / 2``."""
        return float(np.vdot(w, self._penalty_gradient(w))) / 2

    def _penalty_gradient(self, w: Array) -> Array:
        """``ridge * w``, and zero for the intercept."""
        return (w.T * self._padded_ridge).T

    @cached_property
    def _padded_ridge(self) -> Array:
        """Penalty on each row of the coefficients: none on the intercept."""
        return np.append(self.ridge, np.zeros(int(self.fit_intercept)))


def _bordered(gram: Array, *border: Any) -> Array:
    """A matrix with one row and column more, if there is something to put there."""
    if not border:
        return gram
    n_columns = len(gram)
    bordered = np.empty((n_columns + 1, n_columns + 1))
    bordered[:-1, :-1] = gram
    bordered[-1, :-1] = bordered[:-1, -1] = border[0]
    bordered[-1, -1] = border[1]
    return bordered
