r"""How much the Hessian changes along a step, from the scores alone.

The loss is self-concordant in the generalised sense: if the scores of a row change by
:math:`\Delta z`, its second derivative keeps at least the share
:math:`e^{-\max_k \Delta z_k + \min_k \Delta z_k}`; for two classes, :math:`e^{-|\Delta z|}`.

References
----------
F. Bach, Self-concordant analysis for logistic regression, Electronic Journal of Statistics 4, 2010:
proposition 1.
"""

from __future__ import annotations

from math import log

from ..arrays import Array, namespace, row_max
from ..rows.base import Block, Sums
from .objective import Objective


def hessian_keeps(objective: Objective, step: Array, share: float) -> bool:
    r"""Whether :math:`\nabla^2 F(w + step) \succeq share \, \nabla^2 F(w)`, in one pass.

    ``share`` is at most 1. The step has the shape of the coefficients.
    """
    if not share < 1:
        return False

    def rows_that_change_more(block: Block) -> Sums:
        change = objective.scores(block, step)
        if change.ndim == 2:
            change = row_max(change) + row_max(-change)
        more = (abs(change) >= -log(share)) & (block.s > 0)
        return (int(namespace(change).count_nonzero(more)),)

    (n_rows,) = objective.rows.sum(rows_that_change_more, size=1)
    return bool(n_rows == 0)
