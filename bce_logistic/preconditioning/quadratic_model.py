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
REGULAR = 1e-6
# Guesses in a row that do not reduce the number of wrong signs, at most.
MAX_FAILURES = 3
# Rounding with which a slope may exceed its limit.
SLACK = 1e-9


class Guess(NamedTuple):
    """The minimiser for guessed signs, which it need not have, and the model's slope there."""

    u: Array
    slope: Array
    is_regular: bool  # whether the matrix is far from singular where it is not zero


class Model(NamedTuple):
    """A quadratic in units of the strengths, ``u.Q u / 2 - q.u + sum(abs(u))``."""

    Q: Array
    q: Array

    def value(self, u: Array) -> float:
        """The model at ``u``."""
        return float(u.dot(self.Q.dot(u)) / 2 - self.q.dot(u) + np.abs(u).sum())

    def near(self, w: Array, proximal: float) -> Model:
        """The model with a proximal term that holds the minimiser near ``w``."""
        term = proximal * self.Q.diagonal()
        Q = self.Q.copy()
        Q.flat[:: len(Q) + 1] += term
        return Model(Q, self.q + term * w)

    def guess(self, sign: Array) -> Guess:
        """The minimiser over the coefficients with a sign."""
        face, u = np.flatnonzero(sign), np.zeros_like(self.q)
        if not len(face):
            return Guess(u, -self.q, True)
        factor = Factor.of(self.Q[face[:, None], face])
        u[face] = factor.solve(self.q[face] - sign[face])
        return Guess(u, self.Q.dot(u) - self.q, _is_regular(factor))

    def minimiser(self, w: Array) -> tuple[Array, bool]:
        """The minimiser, and whether the matrix is regular there; ``w`` may have its signs."""
        u, is_found, is_regular = self.pivoted(w)
        if not is_found:
            u = w
            for proximal in PROXIMAL:
                u, _, _ = self.near(u, proximal).pivoted(u)
        return u, is_found and is_regular

    def pivoted(self, w: Array) -> tuple[Array, bool, bool]:
        """The best guess, whether it is the minimiser, and whether the matrix is regular there.

        All wrong signs change at once, as long as they become fewer.
        """
        sign, best, lowest, fewest, failures = np.sign(w), w, np.inf, len(w) + 1, 0
        while failures < MAX_FAILURES:
            u, slope, is_regular = self.guess(sign)
            wrong = (u * sign <= 0) & (sign != 0)
            enters = (sign == 0) & (np.abs(slope) > 1 + SLACK)
            n_wrong = int(np.count_nonzero(wrong | enters))
            if n_wrong == 0:
                return u, True, is_regular
            u = np.where(wrong, 0.0, u)
            if (value := self.value(u)) < lowest:
                best, lowest = u, value
            failures = 0 if n_wrong < fewest else failures + 1
            fewest = min(fewest, n_wrong)
            sign[wrong] = 0.0
            sign[enters] = -np.sign(slope[enters])
        return (best if lowest < self.value(w) else w), False, False


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
        Number of intercepts. They and all coefficients without an L1 penalty are eliminated: that
        centres the features.

    Returns
    -------
    u : ndarray of shape (n,)
        The minimiser, with exact zeros; where the matrix is singular, at least a point on the way.
    is_exact : bool
        Whether the decrease to it can be trusted: the minimiser is exact, the matrix regular.
    """
    bent, free = np.flatnonzero(l1 > 0), np.flatnonzero(l1 == 0)
    border = P[bent[:, None], free]
    inverse = _inverse(P[free[:, None], free], n_intercepts)
    Q = P[bent[:, None], bent] if len(free) > n_intercepts else P[: len(bent), : len(bent)]
    # In units of the strengths, all of them are one.
    unit, v = 1 / l1[bent], w[bent] * l1[bent]
    Q = (Q - border.dot(inverse.dot(border.T))) * unit
    Q *= unit[:, None]
    Q.flat[:: len(Q) + 1] *= 1 + LEAST_PROXIMAL
    c = gradient[bent] - border.dot(inverse.dot(gradient[free]))
    v, is_exact = Model(Q, Q.dot(v) - c * unit).minimiser(v)
    if len(free) > n_intercepts:
        is_exact = is_exact and _is_regular(Factor.of(P[free[:, None], free]))
    u = np.empty_like(w)
    u[bent] = v * unit
    u[free] = w[free] - inverse.dot(gradient[free] + border.T.dot(u[bent] - w[bent]))
    return u, is_exact


def _is_regular(factor: Factor) -> bool:
    """Whether a matrix is far from singular."""
    return bool(np.all(np.square(factor.cholesky.diagonal()) > REGULAR))


def _inverse(R: Array, n_intercepts: int) -> Array:
    """Inverse, made regular where a common shift of the intercepts changes nothing."""
    if len(R) == n_intercepts == 1:
        return 1 / R
    if n_intercepts > 1:
        corner = R[-n_intercepts:, -n_intercepts:]
        R = R.copy()
        R[-n_intercepts:, -n_intercepts:] += np.trace(corner) / n_intercepts**2
    diagonal = R.diagonal()
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit = R / scale / scale[:, None]
    n_features = len(R) - n_intercepts
    unit.flat[: n_features * len(R) : len(R) + 1] += LEAST_PROXIMAL
    unit.flat[:: len(R) + 1] += diagonal == 0
    return np.linalg.inv(unit) / scale / scale[:, None]
