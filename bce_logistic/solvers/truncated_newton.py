r"""Truncated Newton: Newton steps by conjugate gradients, preconditioned by L-BFGS.

Where the steps of a descent make slow progress, products with the Hessian are worth more than
gradients: they take no exponentials, and the steps of conjugate gradients are conjugate. These
steps become curvature pairs.

References
----------
T. Steihaug, The conjugate gradient method and trust regions in large scale optimization, SIAM
Journal on Numerical Analysis 20, 1983.
S. G. Nash, A. Sofer, Assessing a search direction within a truncated-Newton method, Operations
Research Letters 9, 1990: the test that ends a step.
J. L. Morales, J. Nocedal, Automatic preconditioning by limited memory quasi-Newton updating, SIAM
Journal on Optimization 10, 2000.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..descent.directions import LBFGS, CurvaturePair, LBFGSState
from ..objective.objective import Objective

# Products with the Hessian in one step, at most.
MAX_PRODUCTS = 200
# Bound on the gap, in units of the target, from which this step is to be the last.
NEAR = 100
# Gain of the last product, in mean gains, at which a step ends.
LEAST_GAIN = 0.5
# Part of the squared residual that a step leaves at most: gains may be small from the start.
MAX_LEFT = 0.5


@dataclass(frozen=True)
class TruncatedNewton:
    r"""The direction ``p`` with ``H p = -gradient``, about, by conjugate gradients.

    They stop when the residual :math:`r = -g - H p` is small, and the j-th product added little to
    the predicted decrease :math:`Q`: far from the optimum the model is not worth more products.

    .. math:: r^T P^{-1} r \le \tfrac12 \, g^T P^{-1} g, \qquad
              Q_j - Q_{j-1} \le \tfrac12 \, \frac{Q_j}{j}, \qquad
              Q = -g^T p - \tfrac12 p^T H p

    Where the bound on the gap after the step is near the target, they go on until it is below.

    Parameters
    ----------
    objective : Objective
        The objective to minimise.
    metric : LBFGS
        The preconditioner, and how many curvature pairs are remembered.
    target : float
        The gap to reach, in nats.
    """

    objective: Objective
    metric: LBFGS
    target: float

    def __call__(self, w: Array, gradient: Array, state: LBFGSState) -> tuple[Array, LBFGSState]:
        """Direction at ``w`` and the curvature pairs up to it."""
        pairs = state.pairs
        product = self.objective.hessian_product(w)
        p, r = np.zeros_like(w), -gradient
        z = self.metric.solve(r, pairs)
        q, rz = z, float(np.vdot(r, z))
        enough, decrease = MAX_LEFT * rz, 0.0
        learnt: deque[CurvaturePair] = deque(maxlen=self.metric.memory)
        for j in range(1, MAX_PRODUCTS + 1):
            Hq = product(q)
            curvature = float(np.vdot(q, Hq))
            if not (curvature > 0 and rz > 0):
                break
            a = rz / curvature
            learnt.append(CurvaturePair((a * q).ravel(), (a * Hq).ravel(), a * a * curvature))
            p += a * q
            r -= a * Hq
            z = self.metric.solve(r, pairs)
            gain = a * rz / 2
            decrease += gain
            before, rz = rz, float(np.vdot(r, z))
            is_worth_little = rz <= enough and gain <= LEAST_GAIN * decrease / j
            bound = self.objective.penalty.gap(w, r)
            # The bound leaves out the intercept, which has no penalty: so both have to be small.
            if is_worth_little and not self.target / 4 < bound <= NEAR * self.target:
                break
            q = z + rz / before * q
        if not learnt:
            p = z
        return p, LBFGSState(w, gradient, (*pairs, *learnt)[-self.metric.memory :])
