r"""Fewer rows than columns: the objective in coordinates of the space that the rows span.

With a penalty on every feature, the minimum lies in that space, and an orthonormal basis of it
makes the objective one of as many coefficients as there are rows. With the penalty R, the rows
:math:`X_c = X - 1 m^T` less their means m, and their kernel :math:`K = X_c R^{-1} X_c^T = U S U^T`,

.. math:: w = R^{-1} X_c^T U S^{-1/2} v, \qquad b = b_c - m^T w, \qquad
          X w + b = U S^{1/2} v + b_c, \qquad w^T R \, w = v^T v.

Without centring, features far from zero cause cancellation; so the means are subtracted first if
there is an intercept, which compensates for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from ..arrays import Array
from ..descent.directions import Preconditioner
from ..objective.objective import Objective
from ..objective.penalties import L2
from ..rows.memory import DenseRows


@dataclass(frozen=True)
class RowSpace:
    """Coordinates ``v`` of the space of the rows, and the objective in them.

    Parameters
    ----------
    whole : Objective
        The objective of the coefficients of the features.
    rows : DenseRows
        Its rows.
    objective : Objective
        The same of the coordinates: its minimum is that of the whole.
    basis : ndarray of shape (n_samples, n_coordinates)
        ``U S^-1/2``.
    center : ndarray of shape (n_features,)
        Means of the features; zeros without an intercept.
    """

    whole: Objective
    rows: DenseRows
    objective: Objective
    basis: Array
    center: Array

    @classmethod
    def of(cls, whole: Objective, rows: DenseRows) -> RowSpace:
        """The space of the rows of an objective, in two passes; NaN if features overflow."""
        n_samples, fit_intercept = rows.n_samples, whole.fit_intercept
        center = rows.rmatvec(np.full(n_samples, float(fit_intercept) / n_samples))
        kernel = rows.weighted_gram(1 / whole.penalty.curvature[: rows.n_features], center)
        if np.isfinite(kernel).all():
            values, vectors = scipy.linalg.eigh(kernel, driver="evd", check_finite=False)
        else:
            values, vectors = np.ones(n_samples), np.full_like(kernel, np.nan)
        root = np.sqrt(np.maximum(values, 0))
        # A smaller eigenvalue is rounding.
        kept = values > n_samples * np.finfo(np.float64).eps * values[-1]
        root, vectors = root[kept], vectors[:, kept]
        coordinates = DenseRows(np.ascontiguousarray(vectors * root), rows.y, rows.s, rows.run)
        penalty = L2.of(1.0, len(root), fit_intercept)
        objective = replace(whole, rows=coordinates, penalty=penalty)
        return cls(whole, rows, objective, vectors / root, center)

    def coordinates(self, w: Array) -> Array:
        """``v = S^-1/2 U^T X_c w`` of coefficients, with the intercept ``b + m^T w``."""
        features, intercept = np.split(w, [self.rows.n_features])
        v = self.basis.T @ self._scores(features)
        return np.concatenate([v, intercept + self.center @ features])

    def pulled_back(self, gradient: Array) -> Array:
        """Gradient with respect to the coordinates, ``S^-1/2 U^T X_c R^-1 (g_w - m g_b)``."""
        of_intercept = gradient[self.rows.n_features :]
        scores = self._scores(self._unscaled(self._centred(gradient)))
        return np.concatenate([self.basis.T @ scores, of_intercept])

    def coefficients(self, v: Array) -> Array:
        """``w = R^-1 X_c^T U S^-1/2 v`` of coordinates, with the intercept ``b_c - m^T w``."""
        features, intercept = np.split(v, [self.basis.shape[1]])
        a = self.basis @ features
        w = self._unscaled(self.rows.rmatvec(a) - np.multiply.outer(self.center, a.sum(axis=0)))
        return np.concatenate([w, intercept - self.center @ w])

    def _centred(self, gradient: Array) -> Array:
        """``g_w - m g_b``: with respect to the coefficients of centred features."""
        g, of_intercept = np.split(gradient, [self.rows.n_features])
        return g - np.multiply.outer(self.center, of_intercept.sum(axis=0))

    def _scores(self, w: Array) -> Array:
        """``X_c w``."""
        return self.rows.product(w) - self.center @ w

    def _unscaled(self, g: Array) -> Array:
        """``R^-1 g``."""
        return (g.T / self.whole.penalty.curvature[: self.rows.n_features]).T


@dataclass(frozen=True)
class InRowSpace:
    """A preconditioner of the coordinates, for the gradient of the coefficients.

    It loses what the gradient has outside the space: rounding errors, and rows that are next to
    nothing beside others.
    """

    space: RowSpace
    inner: Preconditioner

    def solve(self, gradient: Array) -> Array:
        """Solve for the coordinates, in two products with the rows."""
        return self.space.coefficients(self.inner.solve(self.space.pulled_back(gradient)))
