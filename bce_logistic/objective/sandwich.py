r"""Robust covariance: sums of the products of the samples' gradients.

.. math:: \mathrm{Cov}(\hat w) = H^{-1} M H^{-1}, \qquad
          g_i = s_i (\hat y_i - y_i) \otimes [x_i\; 1]

Of several classes, the gradients are those of the contrasts to the first, class after class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array
from ..rows.base import Block, Sums
from ..rows.memory import RowsInMemory
from .objective import Objective


def sample_products(objective: Objective, w: Array) -> Array:
    r"""Sum over the samples, :math:`M = \sum_i g_i g_i^T / s_i`, in one pass.

    A weight counts equal samples. Shape (n_contrasts, n_contrasts).
    """

    def products(block: Block) -> Sums:
        G = _gradients(objective, block, w, np.sqrt(block.s))
        return (_dense(G.T @ G),)

    return objective.rows.sum(products, size=w.size**2)[0]


def cluster_products(
    objective: Objective, rows: RowsInMemory, w: Array, cluster: NDArray[np.intp]
) -> Array:
    r"""Sum over clusters, :math:`M = \sum_c (\sum_{i \in c} g_i) (\sum_{i \in c} g_i)^T`.

    ``cluster``, of shape (n_samples,), numbers the cluster of each of the objective's ``rows``.
    """
    total = np.zeros((cluster.max() + 1, len(w) * max(1, objective.n_scores - 1)))
    for block in rows.blocks(w.size):
        here, position = np.unique(
            cluster[block.start : block.start + len(block.y)], return_inverse=True
        )
        indicator = scipy.sparse.csr_array(
            (np.ones(len(position)), (position, np.arange(len(position)))),
            shape=(len(here), len(position)),
        )
        total[here] += _dense(indicator @ _gradients(objective, block, w, block.s))
    return total.T @ total


def _gradients(objective: Objective, block: Block, w: Array, scale: Array) -> Any:
    """Gradient of each sample times a ``scale`` of each, (n_rows, n_contrasts); sparse of CSR."""
    _, residual = objective.loss.value_and_gradient(block.y, objective.scores(block, w))
    by_class = [residual] if residual.ndim == 1 else list(residual.T[1:])
    sparse = scipy.sparse.issparse(block.X)
    columns = []
    for r in by_class:
        factor = (scale * r)[:, np.newaxis]
        columns.append(block.X.multiply(factor) if sparse else block.X * factor)
        if objective.fit_intercept:
            columns.append(factor)
    return scipy.sparse.csr_array(scipy.sparse.hstack(columns)) if sparse else np.hstack(columns)


def _dense(A: Any) -> Array:
    return A.toarray() if scipy.sparse.issparse(A) else A
