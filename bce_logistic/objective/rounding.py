"""How far rounding keeps a gradient, and so the bound on the gap, from zero."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..rows.base import Block, Sums
from .objective import Objective


def gradient_rounding(objective: Objective, w: Array) -> Array:
    r"""Rounding error of the gradient at ``w``, about, in one pass over the rows.

    A sum of n products with the unit roundoff u is off by about :math:`\sqrt n \, u` times the sum
    of their absolute values. So, with p columns, n rows and the derivatives of a sample's loss,

    .. math:: \delta_z = \sqrt p \, u \, |X| |w|, \qquad
              \delta_g = |X|^T s \, (\ell''(z) \, \delta_z + \sqrt n \, u \, |\ell'(z)|).

    Parameters
    ----------
    objective : Objective
        What is minimised.
    w : ndarray
        Coefficients, the intercept last.

    Returns
    -------
    ndarray
        The error of each entry, the shape of ``w``.

    References
    ----------
    N. J. Higham, T. Mary, A new approach to probabilistic rounding error analysis, SIAM Journal on
    Scientific Computing 41, 2019: theorem 2.4.
    """
    rows, loss = objective.rows, objective.loss
    unit = np.finfo(rows.dtype).eps / 2
    of_scores, of_sums = unit * np.sqrt([w.shape[0], rows.n_samples])

    def error(block: Block) -> Sums:
        z = objective.scores(block, w)
        _, residual = loss.value_and_gradient(block.y, z)
        bend = loss.curvature_diagonal(loss.curvature(z))
        block = block.absolute()
        off = float(of_scores) * bend * objective.scores(block, abs(w))
        off = off + float(of_sums) * abs(residual)
        return (objective.weighted_sum(block, block.apply_weights(off)),)

    (total,) = rows.sum(error, size=w.size)
    return total


def rounding_gap(objective: Objective, w: Array, value: float) -> float:
    r"""The bound on the gap, in nats, that rounding leaves at a minimum ``w``, about.

    .. math:: \sum_j \frac{\delta_j^2}{2 m_j} + F \max_j \frac{\delta_j}{l_j}

    for the errors of the gradient and the strengths of L2 and L1. The second term is for the
    residual, which an L1 penalty shrinks by that much.
    """
    penalty, error = objective.penalty, gradient_rounding(objective, w).T
    squared, absolute = penalty.curvature > 0, penalty.l1 > 0
    squares = np.square(error[..., squared]) / (2 * penalty.curvature[squared])
    shrinkage = error[..., absolute] / penalty.l1[absolute]
    return float(squares.sum() + value * np.max(shrinkage, initial=0.0))
