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
        if not self.whole.fit_intercept:
            return self.basis.T @ self.rows.product(w)
        shift = self.center @ w[:-1]
        v = self.basis.T @ (self.rows.product(w[:-1]) - shift)
        return np.concatenate([v, w[-1:] + shift])

    def coefficients(self, v: Array) -> Array:
        """``w = R^-1 X_c^T U S^-1/2 v`` of coordinates, with the intercept ``b_c - m^T w``."""
        n_features = self.rows.n_features
        a = self.basis @ v[: self.basis.shape[1]]
        w = self.rows.rmatvec(a) - np.multiply.outer(self.center, a.sum(axis=0))
        w = (w.T / self.whole.penalty.curvature[:n_features]).T
        if not self.whole.fit_intercept:
            return w
        return np.concatenate([w, v[-1:] - self.center @ w])
