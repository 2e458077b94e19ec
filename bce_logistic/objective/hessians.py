r"""Second derivatives of an objective, and the bound on them.

.. math:: \nabla^2 F = [X\; 1]^T \, s \, \ell''(z) \, [X\; 1] + R''(w)

``w`` has shape (n_coefficients,) or (n_coefficients, n_classes), the intercept last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from ..arrays import Array, asarray_like, row_sum
from ..rows.base import Block, Columns, RowBlocks, Sums
from .losses import Loss
from .penalties import Penalty

if TYPE_CHECKING:
    from .objective import Point

# Columns up to which the largest eigenvalue is computed from the Gram matrix, exactly.
EXACT_EIGENVALUE_COLUMNS = 500


class HessianMixin(ABC):
    """Hessians of an objective: whole, of each class alone, their diagonal and their products."""

    loss: Loss
    penalty: Penalty
    rows: RowBlocks
    fit_intercept: bool
    n_scores: int

    @property
    @abstractmethod
    def total_weight(self) -> float:
        """Sum of the sample weights."""

    @abstractmethod
    def scores(self, block: Block, w: Array) -> Array:
        """``[X 1] @ w``."""

    @abstractmethod
    def weighted_sum(self, block: Block, residual: Array) -> Array:
        """``[X 1].T @ residual``."""

    @abstractmethod
    def _with_intercept(self, total: Array, intercept: Array) -> Array:
        """Append the intercept's row, if there is an intercept."""

    def hessian_diagonal(self, w: Array) -> Array:
        """Diagonal of the Hessian at ``w``, the shape of ``w``, in one pass over the rows."""

        def diagonal(block: Block) -> Sums:
            d = block.apply_weights(self._curvature_diagonal(block, w))
            return (self._with_intercept(block.sandwich_diagonal(d), block.column_sum(d)),)

        (total,) = self.rows.sum(diagonal, size=w.size)
        return (total.T + self.penalty.curvature).T

    def centred_diagonal(self, w: Array) -> tuple[Array, Array]:
        r"""Means of the features, and the diagonal of the Hessian for features less their means.

        .. math:: \sum_i s_i \ell_i'' (x_{ij} - \mu_j)^2 + m_j, \qquad
                  \mu_j = \frac{\sum_i s_i x_{ij}}{\sum_i s_i}

        Parameters
        ----------
        w : ndarray of shape (n_coefficients,) or (n_coefficients, n_classes)
            Coefficients, the intercept last.

        Returns
        -------
        center : ndarray of shape (n_features,)
            The means; zeros without an intercept.
        diagonal : ndarray
            The diagonal, positive, the shape of ``w``.
        """
        n_features = self.rows.n_features

        def sums(block: Block) -> Sums:
            d = block.apply_weights(self._curvature_diagonal(block, w))
            squares = self._with_intercept(block.sandwich_diagonal(d), block.column_sum(d))
            return squares, block.rmatvec(d), block.rmatvec(block.s)

        squares, products, mean = self.rows.sum(sums, size=2 * w.size)
        diagonal = squares
        center = np.zeros(n_features)
        if self.fit_intercept:
            center = mean / self.total_weight
            shift = np.multiply.outer(center, squares[-1]) - 2 * products
            diagonal = squares.copy()
            diagonal[:-1] += (center * shift.T).T
        diagonal = (np.maximum(diagonal, 1e-14 * squares).T + self.penalty.curvature).T
        return center, np.where(diagonal > 0, diagonal, 1.0)

    def class_hessians(self, w: Array, columns: Columns = slice(None)) -> list[Array]:
        r"""Hessian at ``w`` of each class's coefficients alone, in one pass over the rows.

        .. math:: H_k = [X\; 1]^T \, s \, \hat y_k (1 - \hat y_k) \, [X\; 1] + \mathrm{diag}(R'')

        One matrix for each score, on some columns and the intercept; for two classes the Hessian.
        """

        def hessians(block: Block) -> Sums:
            d = self._curvature_diagonal(block, w)
            by_score = [d] if d.ndim == 1 else [d[:, k] for k in range(self.n_scores)]
            return tuple(
                part for d_k in by_score for part in self._gram(block, block.s * d_k, columns)
            )

        curvature = self._curvature_of(columns)
        parts = list(self.rows.sum(hessians, size=self.n_scores * len(curvature) ** 2))
        step = len(parts) // self.n_scores
        by_class = []
        while parts:  # each in the memory that the one before has freed
            by_class.append(_bordered(*parts[:step]))
            by_class[-1][np.diag_indices(len(curvature))] += curvature
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
            d = self.loss.curvature_diagonal(self.loss.curvature(self.scores(block, w)))
            d = d if d.ndim == 1 else row_sum(d) / self.n_scores
            return self._gram(block, block.s * d, columns)

        n_columns = len(np.arange(self.rows.n_features)[columns]) + self.fit_intercept
        total = _bordered(*self.rows.sum(hessian, size=n_columns**2))
        total.reshape(-1)[:: n_columns + 1] += self._curvature_of(columns)
        return total

    def hessian(self, w: Array, columns: Columns = slice(None)) -> Array:
        """Hessian at ``w`` of all coefficients, class by class, in one pass over the rows.

        Shape (n_scores, n_columns, n_scores, n_columns), of some columns and the intercept.
        """
        penalty = self._curvature_of(columns)
        n_columns = len(penalty)
        classes = range(self.n_scores)

        def hessian(block: Block) -> Sums:
            d = self.loss.curvature_matrix(self.loss.curvature(self.scores(block, w)))
            total = np.empty((self.n_scores, n_columns, self.n_scores, n_columns))
            for k in classes:
                with_earlier = block.apply_weights(d[:, k, : k + 1])
                grams = _bordered(*self._gram(block, with_earlier, columns))
                total[k, :, : k + 1] = grams.transpose(1, 0, 2)
                total[: k + 1, :, k] = grams
            return (total,)

        (total,) = self.rows.sum(hessian, size=(self.n_scores * n_columns) ** 2)
        for k in classes:
            total[k, :, k] += np.diag(penalty)
        return total

    def intercept_step(self, point: Point) -> tuple[Array, Array]:
        r"""Newton's step of the intercepts alone, and the Hessian times it, in one or two passes.

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
        kept = self.rows.keep(lambda block: self.loss.curvature(self.scores(block, w)), size)

        def curvature(block: Block) -> Sums:
            return (self.loss.curvature_sum(kept(block), block.s),)

        def product(block: Block) -> Sums:
            d = kept(block)
            direction = asarray_like(np.broadcast_to(step, d.shape), d)
            return (
                self.weighted_sum(
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
        curvature = self.rows.keep(lambda block: self.loss.curvature(self.scores(block, w)), size)

        def product(v: Array) -> Array:
            def term(block: Block) -> Sums:
                u = self.loss.curvature_product(curvature(block), self.scores(block, v))
                return (self.weighted_sum(block, block.apply_weights(u)),)

            (total,) = self.rows.sum(term, size)
            return total + (v.T * self.penalty.curvature).T

        return product

    @cached_property
    def min_curvature(self) -> Array:
        """Lower bounds on the curvature in a metric that is reused, shape (n_coefficients,).

        Where every sample is classified with certainty, the curvature of the intercept, which has
        no penalty, is only rounding error. A metric built there would make unbounded steps of the
        intercept as soon as one sample is less certain.
        """
        of_intercept = np.finfo(np.float64).eps ** 0.5 * self.total_weight
        return np.append(
            np.zeros(self.rows.n_features), np.full(int(self.fit_intercept), of_intercept)
        )

    def smoothness(self) -> float:
        r"""Lipschitz constant of the gradient: a bound on the curvature of the objective.

        .. math:: L = c \, \lambda_{\max}([X\; 1]^T s \, [X\; 1]) + \max_j R''_j, \qquad
                  c = \tfrac14 \text{ (sigmoid)}, \tfrac12 \text{ (softmax)}

        Beyond 500 columns it is at most 5 % above the eigenvalue that the Lanczos method finds.
        Never zero; ``inf`` if the features overflow.

        References
        ----------
        D. Boehning, Multinomial logistic regression algorithm, Annals of the Institute of
        Statistical Mathematics 44, 1992: the bounds on the curvature.
        """
        curvature = self.loss.smoothness * self._largest_eigenvalue()
        return float(max(curvature + self.penalty.curvature.max(), np.finfo(np.float64).tiny))

    def _largest_eigenvalue(self) -> float:
        """Largest eigenvalue of ``[X 1].T @ diag(s) @ [X 1]``; ``inf`` if that overflows."""
        n_columns = self.rows.n_features + self.fit_intercept
        if n_columns <= EXACT_EIGENVALUE_COLUMNS:
            gram = _bordered(*self.rows.sum(lambda block: self._gram(block, block.s), n_columns**2))
            if not np.isfinite(gram).all():
                return np.inf
            return float(scipy.linalg.eigvalsh(gram, subset_by_index=[n_columns - 1] * 2)[0])

        def block_product(block: Block, v: Array) -> Sums:
            return (self.weighted_sum(block, block.s * self.scores(block, v)),)

        def product(v: Array) -> Array:
            return self.rows.sum(lambda block: block_product(block, v.ravel()), n_columns)[0]

        start = np.random.default_rng(0).standard_normal(n_columns)
        first = product(start)
        if not np.isfinite(first).all():
            return np.inf
        if not first.any():
            return 0.0
        operator = scipy.sparse.linalg.LinearOperator((n_columns, n_columns), product, dtype=float)
        eigenvalues = scipy.sparse.linalg.eigsh(
            operator, k=1, v0=start, tol=1e-2, return_eigenvectors=False
        )
        return 1.05 * float(eigenvalues[0])

    def _curvature_diagonal(self, block: Block, w: Array) -> Array:
        """Diagonal of the second derivative of each sample at ``w``, the shape of the scores."""
        return self.loss.curvature_diagonal(self.loss.curvature(self.scores(block, w)))

    def _curvature_of(self, columns: Columns) -> Array:
        """Curvature of the penalty on some features and the intercept."""
        n_features, curvature = self.rows.n_features, self.penalty.curvature
        return np.append(curvature[:n_features][columns], curvature[n_features:])

    def _gram(self, block: Block, d: Array, columns: Columns = slice(None)) -> Sums:
        """``[X 1].T @ diag(d) @ [X 1]``: its parts, the border of the intercept last.

        One matrix, of ``d`` >= 0 of shape (n_rows,), or one for each column of ``d``.
        """
        gram = (block.sandwich if d.ndim == 1 else block.sandwiches)(d, columns)
        if not self.fit_intercept:
            return (gram,)
        return gram, block.rmatvec(d)[columns].T, block.column_sum(d)


def _bordered(gram: Array, *border: Any) -> Array:
    """The matrix, or the stack of matrices, of the parts that ``_gram`` returns."""
    if not border:
        return gram
    n_columns = gram.shape[-1]
    bordered = np.empty((*gram.shape[:-2], n_columns + 1, n_columns + 1))
    bordered[..., :-1, :-1] = gram
    bordered[..., -1, :-1] = bordered[..., :-1, -1] = border[0]
    bordered[..., -1, -1] = border[1]
    return bordered
