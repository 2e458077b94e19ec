r"""The minimiser of a quadratic model with an L1 penalty, by block pivoting.

.. math:: \min_u \; g^T (u - w) + \tfrac12 (u - w)^T P (u - w) + \sum_j l_j |u_j|

The signs of the minimiser are guessed; on the coefficients with a sign it solves a linear system;
then all signs that are wrong change at once. It takes one Cholesky factor a guess, and few guesses
where ``w`` has most of the signs already.

References
----------
J. Kim, H. Park, Fast active-set-type algorithms for L1-regularized linear regression, AISTATS 2010.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import Array
from .factors import Factor

# Proximal terms, relative to the diagonal: the least one, and those that are tried one after the
# other if it fails. Columns may be equal, or more than rows: signs then go round in circles.
LEAST_PROXIMAL = 1e-11
PROXIMAL = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
# Pivot of a matrix of unit diagonal above which the last proximal term makes no difference.
REGULAR = 1e-4
# Guesses in a row that do not reduce the number of wrong signs, at most.
MAX_FAILURES = 3
# Rounding with which a slope may exceed its limit.
SLACK = 1e-9


class Model(NamedTuple):
    """A quadratic without intercepts, ``c.u + u.Q u / 2``, and the penalty ``l1.|u|``."""

    Q: Array
    c: Array
    l1: Array

    def value(self, u: Array) -> float:
        """The model at ``u``."""
        return float(u.dot(self.Q.dot(u)) / 2 + self.c.dot(u) + self.l1.dot(np.abs(u)))

    def on_face(self, sign: Array) -> tuple[Array, Array]:
        """Minimiser over the coefficients with a sign, which it need not have, and slope there."""
        face, u = np.flatnonzero(sign), np.zeros_like(self.c)
        if not len(face):
            return u, self.c
        rhs = -(self.c[face] + self.l1[face] * sign[face])
        u[face] = Factor.of(self.Q[np.ix_(face, face)]).solve(rhs)
        return u, self.c + self.Q[face].T.dot(u[face])

    def start(self, w: Array) -> Array:
        """Signs of ``w``, and those towards which its zeros would move; 1 without a penalty."""
        slope = self.c + self.Q.dot(w)
        moved = np.where(np.abs(slope) > self.l1, -np.sign(slope), 0.0)
        return np.where(self.l1 > 0, np.where(w != 0, np.sign(w), moved), 1.0)


def minimise_model(
    P: Array, gradient: Array, w: Array, l1: Array, n_intercepts: int
) -> tuple[Array, bool]:
    """Minimiser of the quadratic model with an L1 penalty.

    Parameters
    ----------
    P : ndarray of shape (n, n)
        The Hessian, positive semidefinite; the intercepts are last.
    gradient, w : ndarray of shape (n,)
        The gradient at the coefficients ``w``.
    l1 : ndarray of shape (n,)
        Strengths of the absolute values.
    n_intercepts : int
        Number of intercepts, which are eliminated: that centres the features.

    Returns
    -------
    u : ndarray of shape (n,)
        The minimiser, with exact zeros; where the matrix is singular, at least a point on the way.
    is_exact : bool
        Whether the decrease to it can be trusted: no proximal term made a difference.
    """
    n = len(w) - n_intercepts
    border, corner = P[:n, n:], P[n:, n:]
    inverse = _intercept_inverse(corner)
    Q = P[:n, :n] - border.dot(inverse).dot(border.T)
    c = gradient[:n] - border.dot(inverse).dot(gradient[n:]) - Q.dot(w[:n])
    u, found = _near(Q, c, l1[:n], w[:n], LEAST_PROXIMAL)
    is_exact = found and _is_regular(Q, u)
    if not found:
        u = w[:n]
        for proximal in PROXIMAL:
            u, _ = _near(Q, c, l1[:n], u, proximal)
    rest = w[n:] - inverse.dot(gradient[n:] + border.T.dot(u - w[:n]))
    return np.concatenate([u, rest]), is_exact


def _intercept_inverse(corner: Array) -> Array:
    """Inverse of the intercepts' Hessian, made regular where a common shift changes nothing."""
    n = len(corner)
    regular = corner + (np.trace(corner) / n**2 if n > 1 else 0.0)
    return np.linalg.inv(regular)


def _is_regular(Q: Array, u: Array) -> bool:
    """Whether a matrix is far from singular where ``u`` is not zero."""
    face = np.flatnonzero(u)
    pivots = Factor.of(Q[np.ix_(face, face)]).cholesky.diagonal()
    return bool(np.all(pivots**2 > REGULAR))


def _near(Q: Array, c: Array, l1: Array, w: Array, proximal: float) -> tuple[Array, bool]:
    """Minimiser with a proximal term that holds it near ``w``, and whether it was found."""
    term = proximal * Q.diagonal()
    nearer = Q.copy()
    nearer.flat[:: len(Q) + 1] += term
    return _block_pivoting(Model(nearer, c - term * w, l1), w)


def _block_pivoting(model: Model, w: Array) -> tuple[Array, bool]:
    """Change all wrong signs at once, as long as they become fewer; whether none is left."""
    sign, penalised = model.start(w), model.l1 > 0
    best, lowest, fewest, failures = w, model.value(w), len(w) + 1, 0
    while failures < MAX_FAILURES:
        u, slope = model.on_face(sign)
        wrong = penalised & (sign != 0) & (u * sign <= 0)
        enters = (sign == 0) & (np.abs(slope) > model.l1 * (1 + SLACK))
        n_wrong = int(np.count_nonzero(wrong | enters))
        u = np.where(wrong, 0.0, u)
        if n_wrong == 0:
            return u, True
        if (value := model.value(u)) < lowest:
            best, lowest = u, value
        failures = 0 if n_wrong < fewest else failures + 1
        fewest = min(fewest, n_wrong)
        sign[wrong] = 0
        sign[enters] = -np.sign(slope[enters])
    return best, False
