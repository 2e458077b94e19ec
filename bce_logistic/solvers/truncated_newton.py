r"""Truncated Newton: Newton steps by conjugate gradients, preconditioned by L-BFGS.

Where the steps of a descent make slow progress, products with the Hessian are worth more than
gradients: they take no exponentials, and the steps of conjugate gradients are conjugate. These
steps become curvature pairs.

References
----------
T. Steihaug, The conjugate gradient method and trust regions in large scale optimization, SIAM
Journal on Numerical Analysis 20, 1983.
J. L. Morales, J. Nocedal, Automatic preconditioning by limited memory quasi-Newton updating, SIAM
Journal on Optimization 10, 2000.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import Array
from ..descent.directions import LBFGS, CurvaturePair, LBFGSState
from ..objective.objective import Objective

# Products with the Hessian in one step, at most.
MAX_PRODUCTS = 200
# Bound on the gap, in units of the target, from which this step is to be the last.
NEAR = 100
# Part of the residual that the first step leaves at most; later ones leave less.
FIRST_FORCING = 0.25


class TruncatedState(NamedTuple):
    """State of :class:`TruncatedNewton`: the curvature pairs, and the first residual."""

    pairs: tuple[CurvaturePair, ...]
    first: float


@dataclass(frozen=True)
class TruncatedNewton:
    r"""The direction ``p`` with ``H p = -gradient``, about, by conjugate gradients.

    They stop when the residual :math:`r = g + H p`, the gradient expected after the step, is at
    most :math:`\eta` times the gradient in the norm of the preconditioner,

    .. math:: \eta = \min\left(\tfrac14, \left(\frac{g^T P^{-1} g}{g_0^T P^{-1} g_0}\right)^{1/4}
              \right).

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

    def __call__(
        self, w: Array, gradient: Array, state: TruncatedState | LBFGSState
    ) -> tuple[Array, TruncatedState]:
        """Direction at ``w`` and the curvature pairs up to it."""
        pairs = state.pairs
        product = self.objective.hessian_product(w)
        p, r = np.zeros_like(w), -gradient
        z = self.metric.solve(r, pairs)
        q, rz = z, float(np.vdot(r, z))
        first = state.first if isinstance(state, TruncatedState) else rz
        enough = rz * min(FIRST_FORCING, max(0.0, rz / first) ** 0.25) ** 2
        learnt: deque[CurvaturePair] = deque(maxlen=self.metric.memory)
        for _ in range(MAX_PRODUCTS):
            Hq = product(q)
            curvature = float(np.vdot(q, Hq))
            if not (curvature > 0 and rz > 0):
                break
            a = rz / curvature
            learnt.append(CurvaturePair((a * q).ravel(), (a * Hq).ravel(), a * a * curvature))
            p += a * q
            r -= a * Hq
            z = self.metric.solve(r, pairs)
            before, rz = rz, float(np.vdot(r, z))
            bound = self.objective.penalty.gap(w, r)
            # The bound leaves out the intercept, which has no penalty: so both have to be small.
            if rz <= enough and not self.target / 4 < bound <= NEAR * self.target:
                break
            q = z + rz / before * q
        if not learnt:
            p = z
        pairs = (*pairs, *learnt)[-self.metric.memory :]
        return p, TruncatedState(pairs, first)
