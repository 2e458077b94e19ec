r"""How much of the Hessian is left after a step, from the scores alone.

The loss is self-concordant in the generalised sense: if the scores of a row change by
:math:`\Delta z`, its second derivative keeps at least the share
:math:`e^{-\max_k \Delta z_k + \min_k \Delta z_k}`; for two classes, :math:`e^{-|\Delta z|}`.

References
----------
F. Bach, Self-concordant analysis for logistic regression, Electronic Journal of Statistics 4, 2010:
proposition 1.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Array, namespace, row_max
from ..rows.base import Block, Sums
from .objective import Objective

# Power of the mean that stands for the largest change, too large by 0.3 nats for a million rows.
POWER = 50


def hessian_share(objective: Objective, step: Array) -> float:
    r"""A share of the Hessian at ``w`` that is left at ``w + step``, in one pass over the rows.

    .. math:: \nabla^2 F(w + step) \succeq
              \Big( \sum_i e^{50 \, \delta_i} \Big)^{-1/50} \, \nabla^2 F(w), \qquad
              \delta_i = \max_k \Delta z_{ik} - \min_k \Delta z_{ik}

    Rows without weight do not count; changes above 14 nats leave 0. The step has the shape of the
    coefficients.
    """

    def powers(block: Block) -> Sums:
        change = objective.scores(block, step)
        if change.ndim == 2:
            change = row_max(change) + row_max(-change)
        xp = namespace(change)
        counted = xp.where(block.s > 0, xp.exp(POWER * xp.abs(change)), 0.0)
        return (float(xp.sum(counted)),)

    (total,) = objective.rows.sum(powers, size=1)
    return float(np.maximum(total, 1.0) ** (-1 / POWER))
