"""A bound on how far the objective is above its minimum, from the gradient alone."""

from __future__ import annotations

from math import inf

import numpy as np

from ..arrays import Array, asarray_like
from ..rows.base import Block, Sums
from .objective import Objective, Point
from .penalties import Penalty

# Dual points tried between the one that an L1 penalty admits and the residual itself.
N_SHRUNK = 4


def duality_gap(objective: Objective, point: Point) -> float:
    r"""Bound on the objective above its minimum, by a feasible point of the dual problem.

    The dual point is the residual :math:`s (\hat y - y)`, corrected so that it sums to zero, as
    an intercept without a penalty demands: with :math:`g_w, g_b` the gradient,
    :math:`H` the Hessian and :math:`H_{bb} \delta = g_b`,

    .. math:: F - \min F \le \sum_j \frac{(g_w - H_{wb} \delta)_j^2}{2 m_j} + g_b^T \delta,
              \qquad \max_k \delta_k - \min_k \delta_k \le 1.

    The first term is the gap of the penalty and its conjugate, the second bounds that of the loss:
    the Kullback-Leibler divergence is at most the :math:`\chi^2` divergence.

    An L1 penalty admits no residual with :math:`|x_j^T s (\hat y - y)| > l_j` where there is no L2
    penalty beside it. Then the residual is shrunk by
    :math:`\alpha = \min_j l_j / |x_j^T s (\hat y - y)|`, and the loss leaves the divergence of
    the prediction from :math:`y + \alpha (\hat y - y)`.

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
        two passes over the rows, with an L1 penalty one more, else none. Rounding of the objective
        is added.

    References
    ----------
    S. Boyd, L. Vandenberghe, Convex Optimization, 2004: section 5.5.1, the duality gap as a
    certificate.
    S.-J. Kim, K. Koh, M. Lustig, S. Boyd, D. Gorinevsky, An interior-point method for large-scale
    l1-regularized least squares, IEEE Journal of Selected Topics in Signal Processing 1, 2007:
    section III, the residual that is shrunk.
    """
    if not objective.penalises_every_feature:
        return inf
    penalty, gradient, loss_gap = objective.penalty, point.gradient, 0.0
    shift = np.zeros(gradient.shape[1:])
    if objective.fit_intercept and np.any(gradient[-1]):
        shift, correction = _intercept_step(objective, point)
        if not np.ptp(np.append(shift, 0.0)) <= 1:
            return point.value  # neither loss nor penalty is negative
        loss_gap = float(np.vdot(gradient[-1], shift))
        gradient = gradient - correction
        gradient[-1] = 0.0
    gap = penalty.gap(point.w, gradient) + loss_gap
    if not penalty.is_smooth:
        gap = min(gap, _shrunk_gap(objective, point, gradient, shift))
    rounding = np.finfo(np.float64).eps * abs(point.value)
    # Neither loss nor penalty is negative: the objective itself is a bound, too.
    return min(gap + rounding, point.value)


def approximate_gap(objective: Objective, point: Point) -> float:
    r"""About :func:`duality_gap`, without a pass over the rows.

    It leaves out the intercept, and takes the divergence of the loss L, where the residual is
    shrunk by :math:`\alpha`, to be :math:`(1 - \alpha)^2 L / 2`.
    """
    if not objective.penalises_every_feature:
        return inf
    penalty, gradient = objective.penalty, point.gradient
    if objective.fit_intercept:
        gradient = np.concatenate([gradient[:-1], np.zeros_like(gradient[-1:])])
    smooth, loss = penalty.gradient(point.w), point.value - penalty.value(point.w)
    return min(
        penalty.gap(point.w, alpha * (gradient - smooth) + smooth) + (1 - alpha) ** 2 * loss / 2
        for alpha in [*_shrinkage(penalty, gradient - smooth), 1.0]
    )


def _shrinkage(penalty: Penalty, slope: Array) -> Array:
    """Factors on the residual that an L1 penalty admits, where its slope is too steep; or none."""
    limited = penalty.l1 > 0
    steepest = np.max(np.abs(slope[limited]).T / penalty.l1[limited], initial=0.0)
    if not 1 < steepest < inf:
        return np.empty(0)
    feasible = (1 - 4 * np.finfo(np.float64).eps) / steepest
    n_shrunk = N_SHRUNK if penalty.curvature[limited].all() else 1
    return np.linspace(feasible, 1, n_shrunk, endpoint=False)


def _shrunk_gap(objective: Objective, point: Point, gradient: Array, shift: Array) -> float:
    """The least bound by a residual that is shrunk; ``inf`` if it need not be."""
    penalty, smooth = objective.penalty, objective.penalty.gradient(point.w)
    slope = gradient - smooth
    shrinkage = _shrinkage(penalty, slope)
    if not len(shrinkage):
        return inf

    def divergences(block: Block) -> Sums:
        z, loss = objective.scores(block, point.w), objective.loss
        _, residual = loss.value_and_gradient(block.y, z)
        direction = asarray_like(np.broadcast_to(shift, z.shape), z)
        change = loss.curvature_product(loss.curvature(z), direction)
        y_hat = loss.prediction(z)
        return tuple(
            float(
                block.weighted_value_sum(
                    loss.divergence(y_hat - (1 - alpha) * residual - alpha * change, z)
                )
            )
            for alpha in shrinkage.tolist()
        )

    of_loss = objective.rows.sum(divergences, size=point.w.size)
    return min(
        penalty.gap(point.w, alpha * slope + smooth) + divergence
        for alpha, divergence in zip(shrinkage, of_loss, strict=True)
    )


def _intercept_step(objective: Objective, point: Point) -> tuple[Array, Array]:
    """``delta`` and ``H_b delta``, by the point's Hessian column if it has one."""
    if point.intercept_column is None:
        return objective.intercept_step(point)
    step = point.gradient[-1] / max(point.intercept_column[-1], np.finfo(np.float64).tiny)
    return step, step * point.intercept_column
