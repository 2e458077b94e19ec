"""A bound on how far the objective is above its minimum, from the gradient alone."""

from __future__ import annotations

from math import inf

import numpy as np

from ..arrays import Array
from .objective import Objective, Point


def duality_gap(objective: Objective, point: Point) -> float:
    r"""Bound on the objective above its minimum, by a feasible point of the dual problem.

    The dual point is the residual :math:`s (\hat y - y)`, corrected so that it sums to zero, as
    an intercept without a penalty demands: with :math:`g_w, g_b` the gradient,
    :math:`H` the Hessian and :math:`H_{bb} \delta = g_b`,

    .. math:: F - \min F \le \sum_j \frac{(g_w - H_{wb} \delta)_j^2}{2 m_j} + g_b^T \delta,
              \qquad \max_k \delta_k - \min_k \delta_k \le 1.

    The first term is the gap of the penalty and its conjugate, the second bounds that of the loss:
    the Kullback-Leibler divergence is at most the :math:`\chi^2` divergence.

    Parameters
    ----------
    objective : Objective
        The objective to minimise.
    point : Point
        Coefficients, value and gradient there.

    Returns
    -------
    float
        The bound, in nats; ``inf`` if a feature has no penalty. With an intercept it takes one or
        two passes over the rows, else none. Rounding of the objective is added.

    References
    ----------
    S. Boyd, L. Vandenberghe, Convex Optimization, 2004: section 5.5.1, the duality gap as a
    certificate.
    """
    if not objective.penalises_every_feature:
        return inf
    gradient, loss_gap = point.gradient, 0.0
    if objective.fit_intercept and np.any(gradient[-1]):
        shift, correction = _intercept_step(objective, point)
        if not np.ptp(np.append(shift, 0.0)) <= 1:
            return point.value  # neither loss nor penalty is negative
        loss_gap = float(np.vdot(gradient[-1], shift))
        gradient = gradient - correction
    rounding = np.finfo(np.float64).eps * abs(point.value)
    # Neither loss nor penalty is negative: the objective itself is a bound, too.
    return min(objective.penalty.gap(gradient) + loss_gap + rounding, point.value)


def _intercept_step(objective: Objective, point: Point) -> tuple[Array, Array]:
    """``delta`` and ``H_b delta``, by the point's Hessian column if it has one."""
    if point.intercept_column is None:
        return objective.intercept_step(point)
    step = point.gradient[-1] / max(point.intercept_column[-1], np.finfo(np.float64).tiny)
    return step, step * point.intercept_column
