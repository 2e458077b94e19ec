r"""What is minimised: a loss, summed over weighted rows, plus a penalty.

.. math:: F(w, b) = \sum_i s_i \, \ell(y_i, z_i) + \frac12 \sum_j r_j w_j^2, \qquad z = X w + b

The model's penalty is the same for every feature, :math:`r_j = 1/C`.

The coefficients are one array: shape (n_features,) for two classes and (n_features, n_classes)
for more, with one row more at the end for the intercept if there is one. Nothing below asks
which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from ..arrays import Array, asarray_like
from ..rows.base import Block, Columns, RowBlocks, Sums
from .losses import Loss
from .penalties import L2

# Up to this many columns, eigenvalues come from the whole Gram matrix.
EXACT_EIGENVALUE_COLUMNS = 500


class Point(NamedTuple):
    """Coefficients with the objective's value and gradient there.

    ``intercept_column`` is the Hessian's last column, if it was asked for: what the duality gap
    needs beside the gradient.
    """

    w: Array
    value: float
    gradient: Array
    intercept_column: Array | None = None


@dataclass(frozen=True)
class Objective:
    """Penalised loss over rows.

    Parameters
    ----------
    loss : Loss
        The loss of a sample and its derivatives with respect to the score.
    penalty : L2
        The penalty on the coefficients.
    rows : RowBlocks
        Where the samples are.
    fit_intercept : bool, default=True
        Whether the last row of the coefficients is an intercept.
    n_scores : int, default=1
        Scores of a sample: 1 for two classes, else the number of classes.
    certifies : bool, default=False
        Whether :meth:`at` also computes the Hessian's column of the intercept, for two classes.
    """

    loss: Loss
    penalty: L2
    rows: RowBlocks
    fit_intercept: bool = True
    n_scores: int = 1
    certifies: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        n_columns = self.rows.n_features + self.fit_intercept
        return (n_columns,) if self.n_scores == 1 else (n_columns, self.n_scores)

    @property
    def smallest_weight(self) -> float:
        """Smallest sample weight that is not zero."""
        return self.rows.smallest_weight

    @cached_property
    def is_penalised(self) -> bool:
        """Whether any coefficient has a penalty."""
        return bool(self.penalty.curvature.any())

    @cached_property
    def penalises_every_feature(self) -> bool:
        """Whether every coefficient but the intercept has a penalty."""
        return bool(self.penalty.curvature[: self.rows.n_features].all())

    @cached_property
    def min_curvature(self) -> Array:
        """Curvature that a lasting metric reckons with at least, shape (n_coefficients,).

        Where every sample is classified for certain, the curvature of the intercept, which has no
        penalty, is rounding errors. A metric made there would make steps of the intercept without
        bounds as soon as one sample no longer is.
        """
        of_intercept = np.finfo(np.float64).eps ** 0.5 * self.total_weight
        return np.append(
            np.zeros(self.rows.n_features), np.full(int(self.fit_intercept), of_intercept)
        )

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

        certifies = self.certifies and self.fit_intercept and self.n_scores == 1

        def value_and_gradient(block: Block) -> Sums:
            z = self._scores(block, w)
            value, residual = self.loss.value_and_gradient(block.y, z)
            sums = (
                block.weighted_value_sum(value),
                self._weighted_sum(block, block.apply_weights(residual)),
            )
            if not certifies:
                return sums
            curvature = block.apply_weights(self.loss.curvature(z))
            return (*sums, self._weighted_sum(block, curvature))

        value, gradient, *column = self.rows.sum(value_and_gradient, size=w.size + 1)
        value, gradient = value + self.penalty.value(w), gradient + self.penalty.gradient(w)
        return Point(w, value, gradient, *column)

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
            d = block.apply_weights(d)
            return (self._with_intercept(block.sandwich_diagonal(d), block.column_sum(d)),)

        (total,) = self.rows.sum(diagonal, size=w.size)
        return (total.T + self.penalty.curvature).T

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
        diagonal = self._curvature_of(columns)
        by_class = []
        while parts:  # each in the memory that the one before has freed
            by_class.append(_bordered(*parts[:step]))
            by_class[-1].reshape(-1)[:: n_columns + 1] += diagonal
            del parts[:step]
        return by_class

    def mean_class_hessian(self, w: Array, columns: Columns = slice(None)) -> Array:
        r"""Mean over the classes of :meth:`class_hessians` at ``w``, in one pass over the rows.

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.
        columns : slice or ndarray of integers, default=all
            The features to take; the intercept comes in addition.

        Returns
        -------
        ndarray of shape (n_columns, n_columns)
            The matrix.
        """

        def hessian(block: Block) -> Sums:
            d = self.loss.curvature_diagonal(self.loss.curvature(self._scores(block, w)))
            d = d if d.ndim == 1 else block.column_sum(d.T) / self.n_scores
            return self._gram(block, block.s * d, columns)

        n_columns = len(np.arange(self.rows.n_features)[columns]) + self.fit_intercept
        total = _bordered(*self.rows.sum(hessian, size=n_columns**2))
        total.reshape(-1)[:: n_columns + 1] += self._curvature_of(columns)
        return total

    def _curvature_of(self, columns: Columns) -> Array:
        """Curvature of the penalty on some features and the intercept."""
        n_features, curvature = self.rows.n_features, self.penalty.curvature
        return np.append(curvature[:n_features][columns], curvature[n_features:])

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
            total[k, :, k] += np.diag(self.penalty.curvature)
        return total

    def intercept_step(self, point: Point) -> tuple[Array, Array]:
        r"""Newton's step of the intercepts alone, and the Hessian times it, in a pass over the rows.

        .. math:: H_{bb} \delta = g_b, \qquad H_{wb} \delta

        Parameters
        ----------
        point : Point
            Coefficients and the gradient there.

        Returns
        -------
        step : ndarray of shape () or (n_classes,)
            The step :math:`\delta`, downhill if it is subtracted.
        product : ndarray
            The Hessian times the step, the shape of the coefficients.
        """
        w, size = point.w, point.w.size
        kept = self.rows.keep(lambda block: self.loss.curvature(self._scores(block, w)), size)

        def curvature(block: Block) -> Sums:
            return (self.loss.curvature_sum(kept(block), block.s),)

        def product(block: Block) -> Sums:
            d = kept(block)
            direction = asarray_like(np.broadcast_to(step, d.shape), d)
            return (
                self._weighted_sum(
                    block, block.apply_weights(self.loss.curvature_product(d, direction))
                ),
            )

        (hessian,) = self.rows.sum(curvature, size)
        gradient = np.atleast_1d(point.gradient[-1])
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0].reshape(w.shape[1:])
        (total,) = self.rows.sum(product, size)
        return step, total

    def hessian_product(self, w: Array) -> Callable[[Array], Array]:
        r"""From a direction to the Hessian at ``w`` times it, each in one pass over the rows.

        .. math:: H v = [X\; 1]^T \, s \, \ell''(z) \, [X\; 1] \, v + R''(w) \, v

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.

        Returns
        -------
        callable
            From an array of the shape of ``w`` to one of the same shape. Rows in memory keep the
            curvature of each row, so that a product takes no exponentials.
        """
        size = w.size + 1
        curvature = self.rows.keep(lambda block: self.loss.curvature(self._scores(block, w)), size)

        def product(v: Array) -> Array:
            def term(block: Block) -> Sums:
                u = self.loss.curvature_product(curvature(block), self._scores(block, v))
                return (self._weighted_sum(block, block.apply_weights(u)),)

            (total,) = self.rows.sum(term, size)
            return total + (v.T * self.penalty.curvature).T

        return product

    def smoothness(self) -> float:
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
        curvature = self.loss.smoothness * self._largest_eigenvalue()
        return float(max(curvature + self.penalty.curvature.max(), np.finfo(np.float64).tiny))

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
            return block.matvec(w)
        z = block.matvec(w[:-1])
        return z + asarray_like(w[-1], z)

    def _weighted_sum(self, block: Block, residual: Array) -> Array:
        """``[X 1].T @ residual``."""
        return self._with_intercept(block.rmatvec(residual), block.column_sum(residual))

    def _gram(self, block: Block, d: Array, columns: Columns = slice(None)) -> Sums:
        """``[X 1].T @ diag(d) @ [X 1]``; the border, if there is one, apart."""
        gram = block.sandwich(d, columns)
        if not self.fit_intercept:
            return (gram,)
        return gram, block.rmatvec(d)[columns], block.column_sum(d)

    def _with_intercept(self, total: Array, intercept: Array) -> Array:
        """Append the intercept's row, if there is an intercept."""
        return np.concatenate([total, intercept[np.newaxis]]) if self.fit_intercept else total


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
