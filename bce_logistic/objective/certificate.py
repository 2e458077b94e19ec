"""A bound on how far the objective is above its minimum, by a feasible dual point."""

from __future__ import annotations

from math import inf
from typing import NamedTuple, cast

import numpy as np

from ..arrays import Array, asarray_like, namespace
from ..rows.base import Block, Sums
from .objective import Objective, Point
from .penalties import Penalty

# Dual points tried between the one that an L1 penalty admits and the residual itself.
N_SHRUNK = 4
# Coefficients without a penalty, at most: their Hessian takes some passes.
MAX_FREE = 200
# Part of the loss in a bound, relative to that of the penalty, up to which it is only estimated.
COARSE = 1.0


class DualStep(NamedTuple):
    """Newton's step of the coefficients without a penalty, which the dual point makes."""

    v: Array  # the shape of the coefficients, zero where there is a penalty
    product: Array  # the Hessian times it
    loss: float  # gradient . v, which bounds what the loss adds to the gap
    change: float = 0.0  # the largest change of a score, or of its difference to another: up to 1
    spread: float | None = None  # of the residuals, where it is known

    @classmethod
    def of(cls, objective: Objective, point: Point) -> DualStep | None:
        """The step at a point; None if it changes scores by so much that it proves nothing."""
        free = objective.penalty.unpenalised
        zero = np.zeros_like(point.w)
        if not np.any(point.gradient[free]):
            return cls(zero, zero, 0.0)
        if np.any(free[: objective.rows.n_features]):
            return cls._of_features(objective, point)
        v = zero
        if objective.n_scores > 1:
            v[-1], product = objective.intercept_step(point)
        else:
            point = _certified(objective, point)
            column = cast(Array, point.intercept_column)
            v[-1] = point.gradient[-1] / max(column[-1], np.finfo(np.float64).tiny)
            product = v[-1] * column
        change = float(np.ptp(np.append(v[-1], 0.0)))
        if not change <= 1:
            return None
        return cls(v, product, float(np.vdot(point.gradient[-1], v[-1])), change, point.spread)

    @classmethod
    def _of_features(cls, objective: Objective, point: Point) -> DualStep | None:
        """The step of features without a penalty and of the intercept, in two passes."""
        free = np.flatnonzero(objective.penalty.unpenalised)
        H = objective.hessian(point.w, free[free < objective.rows.n_features])
        n = H.shape[0] * H.shape[1]
        scale = np.sqrt(np.maximum(H.reshape(n, n).diagonal(), np.finfo(np.float64).tiny))
        unit = H.reshape(n, n) / np.multiply.outer(scale, scale)

        def solve(gradient: Array) -> Array:
            of_free = gradient[free].T.ravel() / scale
            solution = np.linalg.lstsq(unit, of_free, rcond=None)[0] / scale
            v = np.zeros_like(gradient)
            v[free] = solution.reshape(gradient[free].T.shape).T
            return v

        def sums(block: Block) -> Sums:
            curvature = objective.loss.curvature(objective.scores(block, point.w))
            change = objective.scores(block, v)
            product = objective.loss.curvature_product(curvature, change)
            by_class = change[:, None] if change.ndim == 1 else change
            xp = namespace(by_class)
            lowest, highest = xp.min(by_class, axis=1), xp.max(by_class, axis=1)
            size = xp.clip(highest, 0, None) - xp.clip(lowest, None, 0)
            n_large = int(xp.count_nonzero((size > 1) & (block.s > 0)))
            return n_large, objective.weighted_sum(block, block.apply_weights(product))

        v = solve(point.gradient)
        n_large, product = objective.rows.sum(sums, size=v.size)
        # Rounding leaves a remainder, for which another step would make up.
        remainder = point.gradient - product
        loss = [max(float(np.vdot(g, solve(g))), 0.0) for g in (point.gradient, remainder)]
        if n_large > 0 or not np.isfinite(loss).all():
            return None
        return cls(v, product, float(np.square(np.sqrt(loss).sum())), 1.0)


def duality_gap(objective: Objective, point: Point) -> float:
    r"""Bound on the objective above its minimum, by a feasible point of the dual problem.

    The dual point is the residual :math:`s (\hat y - y)`, corrected so that it is orthogonal to
    the columns whose coefficients have no penalty, such as that of the intercept: with
    :math:`g_w, g_b` the gradient with respect to the others and to these, :math:`H` the Hessian and
    :math:`H_{bb} \delta = g_b`,

    .. math:: F - \min F \le \sum_j \frac{(g_w - H_{wb} \delta)_j^2}{2 m_j} + g_b^T \delta,

    provided that :math:`\delta` changes no score, or none less another of the same sample, by more
    than 1. The first term is the gap of the penalty and its conjugate, the second bounds that of
    the loss: the Kullback-Leibler divergence is at most the :math:`\chi^2` divergence.

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
        The bound, in nats; ``inf`` if there is no penalty, or if more than 200 coefficients have
        none. It takes no pass over the rows without an intercept, else one or two, and with an L1
        penalty up to two more. Rounding of the objective is added.

    References
    ----------
    S. Boyd, L. Vandenberghe, Convex Optimization, 2004: section 5.5.1, the duality gap as a
    certificate.
    S.-J. Kim, K. Koh, M. Lustig, S. Boyd, D. Gorinevsky, An interior-point method for large-scale
    l1-regularized least squares, IEEE Journal of Selected Topics in Signal Processing 1, 2007:
    section III, the residual that is shrunk.
    """
    if not is_certifiable(objective):
        return inf
    step = DualStep.of(objective, point)
    if step is None:
        return point.value  # neither loss nor penalty is negative
    penalty, gradient = objective.penalty, point.gradient - step.product
    gradient[penalty.unpenalised] = 0.0
    gap = penalty.gap(point.w, gradient) + step.loss
    if not penalty.is_smooth:
        gap = min(gap, _shrunk_gap(objective, point, gradient, step))
    rounding = np.finfo(np.float64).eps * abs(point.value)
    # Neither loss nor penalty is negative: the objective itself is a bound, too.
    return min(gap + rounding, point.value)


def is_certifiable(objective: Objective) -> bool:
    """Whether there is a bound: a penalty on all but a few coefficients."""
    n_free = np.count_nonzero(objective.penalty.unpenalised[: objective.rows.n_features])
    return bool(objective.is_penalised and n_free * objective.n_scores <= MAX_FREE)


def approximate_gap(objective: Objective, point: Point) -> float:
    r"""About :func:`duality_gap`, without a pass over the rows.

    It leaves out the coefficients without a penalty, and takes the divergence of the loss L, where
    the residual is shrunk by :math:`\alpha`, to be :math:`(1 - \alpha)^2 L / 2`.
    """
    if not is_certifiable(objective):
        return inf
    penalty, gradient = objective.penalty, point.gradient.copy()
    gradient[penalty.unpenalised] = 0.0
    smooth, loss = penalty.gradient(point.w), point.value - penalty.value(point.w)
    return min(
        penalty.gap(point.w, alpha * (gradient - smooth) + smooth) + (1 - alpha) ** 2 * loss / 2
        for alpha in [*_shrinkage(penalty, gradient - smooth), 1.0]
    )


def _shrinkage(penalty: Penalty, slope: Array) -> list[float]:
    """Factors on the residual that an L1 penalty admits, where its slope is too steep; or none."""
    limited = penalty.l1 > 0
    steepest = np.max(np.abs(slope[limited]).T / penalty.l1[limited], initial=0.0)
    if not 1 < steepest < inf:
        return []
    feasible = (1 - 4 * np.finfo(np.float64).eps) / steepest
    n_shrunk = N_SHRUNK if penalty.curvature[limited].all() else 1
    return np.linspace(feasible, 1, n_shrunk, endpoint=False).tolist()


def _shrunk_gap(objective: Objective, point: Point, gradient: Array, step: DualStep) -> float:
    r"""The least bound by a residual that is shrunk; ``inf`` if it need not be.

    The loss leaves the Kullback-Leibler divergence D of the prediction from the dual point. With
    :math:`\epsilon < 1` the largest change of a score by the step,

    .. math:: D \le \frac{\chi^2}{2 \alpha (1 - \epsilon)}, \qquad
              \sqrt{\chi^2} \le (1 - \alpha)
              \sqrt{\sum_i s_i \frac{(y_i - \hat y_i)^2}{\hat y_i (1 - \hat y_i)}}
              + \alpha \sqrt{g_b^T \delta}.

    D is computed exactly where this is more than the part of the penalty.
    """
    penalty, smooth = objective.penalty, objective.penalty.gradient(point.w)
    slope = gradient - smooth
    shrinkage = _shrinkage(penalty, slope)
    if not shrinkage:
        return inf
    of_penalty = np.array([penalty.gap(point.w, a * slope + smooth) for a in shrinkage])
    spread = _spread(objective, point) if step.spread is None else step.spread
    alpha = np.array(shrinkage)
    chi_square = np.square((1 - alpha) * np.sqrt(spread) + alpha * np.sqrt(step.loss))
    of_loss = chi_square / np.maximum(2 * alpha * (1 - step.change), 1.0)
    best = np.argmin(of_penalty + of_loss)
    if not of_loss[best] <= COARSE * of_penalty[best]:
        of_loss = np.array(_divergences(objective, point, step, shrinkage))
    return float(np.min(of_penalty + of_loss))


def _spread(objective: Objective, point: Point) -> float:
    """The spread of the residuals, in one pass."""

    def spread(block: Block) -> Sums:
        z = objective.scores(block, point.w)
        _, residual = objective.loss.value_and_gradient(block.y, z)
        return (objective.spread(block, z, block.apply_weights(residual)),)

    return float(objective.rows.sum(spread, size=1)[0])


def _divergences(
    objective: Objective, point: Point, step: DualStep, shrinkage: list[float]
) -> list[float]:
    """Divergence of the prediction from the dual point with each factor, in one pass."""
    loss, moves = objective.loss, np.any(step.v[: objective.rows.n_features])

    def divergences(block: Block) -> Sums:
        z = objective.scores(block, point.w)
        _, residual = loss.value_and_gradient(block.y, z)
        direction = (
            objective.scores(block, step.v)
            if moves
            else asarray_like(np.broadcast_to(step.v[-1] * objective.fit_intercept, z.shape), z)
        )
        change = loss.curvature_product(loss.curvature(z), direction)
        y_hat = loss.prediction(z)
        return tuple(
            float(
                block.weighted_value_sum(
                    loss.divergence(y_hat - (1 - alpha) * residual - alpha * change, z)
                )
            )
            for alpha in shrinkage
        )

    return list(objective.rows.sum(divergences, size=point.w.size))


def _certified(objective: Objective, point: Point) -> Point:
    """The point of two classes with what its certificate needs, in one pass unless it is known."""
    if point.intercept_column is not None:
        return point

    def sums(block: Block) -> Sums:
        z = objective.scores(block, point.w)
        _, residual = objective.loss.value_and_gradient(block.y, z)
        return objective.certificate_sums(block, z, block.apply_weights(residual))

    column, *spread = objective.rows.sum(sums, size=point.w.size)
    return Point(point.w, point.value, point.gradient, column, *spread)
