r"""The function that is minimised: a loss, summed over weighted rows, plus a penalty.

.. math:: F(w, b) = \sum_i s_i \, \ell(y_i, z_i) + R(w), \qquad z = X w + b

The coefficients are one array: shape (n_features,) for two classes and (n_features, n_classes)
for more, with one more row at the end for the intercept if there is one. The code below is the
same for both shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, namespace
from ..rows.base import Block, RowBlocks, Sums
from ..rows.memory import RowsInMemory
from .hessians import HessianMixin
from .losses import Loss
from .penalties import Penalty


class Point(NamedTuple):
    """Coefficients with the objective's value there, and the gradient of its smooth part.

    ``intercept_column`` is the Hessian's last column, and ``spread`` that of the residuals
    (:meth:`Objective.spread`), if they were requested. The duality gap needs them beside the
    gradient.
    """

    w: Array
    value: float
    gradient: Array
    intercept_column: Array | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Objective(HessianMixin):
    """Penalised loss over rows.

    Parameters
    ----------
    loss : Loss
        The loss of a sample and its derivatives with respect to the score.
    penalty : Penalty
        The penalty on the coefficients.
    rows : RowBlocks
        The samples and their weights.
    fit_intercept : bool, default=True
        Whether the last row of the coefficients is an intercept.
    n_scores : int, default=1
        Scores of a sample: 1 for two classes, else the number of classes.
    certifies : bool, default=False
        Whether :meth:`at` also computes, for two classes, the Hessian's column of the intercept
        and, with an L1 penalty, the spread of the residuals.
    """

    loss: Loss
    penalty: Penalty
    rows: RowBlocks
    fit_intercept: bool = True
    n_scores: int = 1
    certifies: bool = False

    def at(self, w: Array) -> Point:
        r"""Value of the objective and gradient of its smooth part, in one pass over the rows.

        .. math:: F = \sum_i s_i \ell_i + R(w), \qquad
                  \nabla_w F = X^T s (\hat y - y) + \nabla R(w), \qquad
                  \nabla_b F = \sum_i s_i (\hat y_i - y_i)
        """

        def value_and_gradient(block: Block) -> Sums:
            z = self.scores(block, w)
            value, residual = self.loss.value_and_gradient(block.y, z)
            residual = block.apply_weights(residual)
            sums = block.weighted_value_sum(value), self.weighted_sum(block, residual)
            if not (self.certifies and self.fit_intercept and self.n_scores == 1):
                return sums
            return sums + self.certificate_sums(block, z, residual)

        value, gradient, *certifying = self.rows.sum(value_and_gradient, size=w.size + 1)
        value, gradient = value + self.penalty.value(w), gradient + self.penalty.gradient(w)
        return Point(w, value, gradient, *certifying)

    def certificate_sums(self, block: Block, z: Array, residual: Array) -> Sums:
        """The block's part of the intercept's column of the Hessian, and its :meth:`spread`."""
        column = self.weighted_sum(block, block.apply_weights(self.loss.curvature(z)))
        return (column,) if self.penalty.is_smooth else (column, self.spread(block, z, residual))

    def spread(self, block: Block, z: Array, residual: Array) -> float:
        r"""The block's part of :math:`\sum_i s_i \sum_k (Y_{ik} - \hat Y_{ik})^2 / \hat Y_{ik}`.

        ``residual`` is weighted.
        """
        xp = namespace(z)
        # Of two classes, 1 / y_hat + 1 / (1 - y_hat) is the inverse of the curvature.
        of_class = self.loss.curvature(z) if z.ndim == 1 else self.loss.prediction(z)
        weighted = xp.clip(block.apply_weights(of_class), xp.finfo(z.dtype).smallest_normal, None)
        return float(np.sum(block.column_sum(residual**2 / weighted)))

    def scores(self, block: Block, w: Array) -> Array:
        """``z = X w + b``, shape (n_rows,) or (n_rows, n_scores)."""
        if not self.fit_intercept:
            return block.matvec(w)
        z = block.matvec(w[:-1])
        return z + asarray_like(w[-1], z)

    def weighted_sum(self, block: Block, residual: Array) -> Array:
        """``[X 1].T @ residual``, the shape of the coefficients."""
        return self._with_intercept(block.rmatvec(residual), block.column_sum(residual))

    def _with_intercept(self, total: Array, intercept: Array) -> Array:
        """Append the intercept's row, if there is an intercept."""
        return np.concatenate([total, intercept[np.newaxis]]) if self.fit_intercept else total

    def on(self, columns: NDArray[np.intp]) -> tuple[Objective, Array]:
        """The objective of some features' coefficients, the others zero; for rows in memory.

        Beside an intercept, the copy of dense columns is centred. Returns the centres, too, shape
        (n_columns,): with them, its intercept is ``b + center.w``.
        """
        rows, center = cast(RowsInMemory, self.rows).columns(columns, self.fit_intercept)
        return replace(self, rows=rows, penalty=self.penalty.on(self.rows_of(columns))), center

    def rows_of(self, columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Rows of the coefficients of some features and the intercept."""
        return np.append(columns, np.arange(self.rows.n_features, self.shape[0]))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        n_columns = self.rows.n_features + self.fit_intercept
        return (n_columns,) if self.n_scores == 1 else (n_columns, self.n_scores)

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights."""
        return self.rows.total_weight

    @property
    def smallest_weight(self) -> float:
        """Smallest sample weight that is not zero."""
        return self.rows.smallest_weight

    @cached_property
    def is_penalised(self) -> bool:
        """Whether any coefficient has a penalty."""
        return not self.penalty.unpenalised.all()

    @cached_property
    def penalises_every_feature(self) -> bool:
        """Whether every coefficient but the intercept has a penalty."""
        return not self.penalty.unpenalised[: self.rows.n_features].any()

    def intercept_alone(self) -> Array:
        r"""Intercept that is optimal for zero coefficients, shape () or (n_classes,), in nats.

        .. math:: b = \log \frac{\bar y}{1 - \bar y}, \qquad
                  b_k = \log \bar y_k - \frac1K \sum_j \log \bar y_j

        The shares of the classes are clipped at 1e-6, so that a class without weight has one.
        """
        totals = self.rows.label_weights(max(2, self.n_scores))
        log_share = np.log(np.maximum(totals / totals.sum(), 1e-6))
        return log_share[1] - log_share[0] if self.n_scores == 1 else log_share - log_share.mean()
