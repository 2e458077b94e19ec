"""Approximate Hessians that can be solved with: the metric of the descent.

Dense algebra on the coefficients alone: matrices come in, solutions go out. Arrays of
coefficients have shape (n_coefficients,) or (n_coefficients, n_classes), as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from ..arrays import Array
from ..descent.directions import Preconditioner


@dataclass(frozen=True)
class Factor:
    """Cholesky factor of a matrix that is scaled to a unit diagonal.

    Classes that share it may have a scale each: then ``scale`` has the shape of the coefficients.

    So it does not depend on the units of the columns. If the matrix is singular up to rounding
    (equal or constant columns without a penalty), the smallest sufficient ridge is added.
    """

    cholesky: Array
    scale: Array

    @classmethod
    def of(cls, matrix: Array, min_curvature: Array | float = 0.0) -> Factor:
        """Factorise a symmetric positive semi-definite matrix; NaN if it is not finite.

        ``min_curvature`` bounds the diagonal from below.
        """
        scale = _root(matrix.diagonal(), min_curvature)
        if not np.isfinite(matrix).all():
            return cls(np.full_like(matrix, np.nan), scale)
        ridge, failed_at = 0.0, True
        while failed_at:
            unit = matrix / scale
            unit /= scale[:, None]
            np.fill_diagonal(unit, 1.0 + ridge)
            cholesky, failed_at = dpotrf(unit.T, lower=True, clean=False, overwrite_a=True)
            ridge = max(1e-14 * len(unit), 100 * ridge)
        return cls(cholesky, scale)

    def rescaled(self, diagonal: Array, min_curvature: Array | float = 0.0) -> Factor:
        """The same factor, scaled to other diagonals: one, or a column for each class."""
        return replace(self, scale=_root(diagonal, min_curvature))

    def solve(self, gradient: Array) -> Array:
        """Solve with the matrix, for all classes at once."""
        solution, _ = dpotrs(self.cholesky, gradient / self.scale, lower=True)
        return solution / self.scale

    def inverse_trace(self) -> float:
        """Trace of the inverse of the matrix."""
        inverse, _ = dpotri(self.cholesky, lower=True)
        return float(np.sum(inverse.diagonal() / np.square(self.scale)))


@dataclass(frozen=True)
class Diagonal:
    """The diagonal of a Hessian, bounded from below by ``min_curvature``."""

    diagonal: Array
    min_curvature: Array | float = 0.0

    def solve(self, gradient: Array) -> Array:
        """Divide by the diagonal; NaN where it overflowed."""
        diagonal = np.maximum(self.diagonal.T, self.min_curvature).T
        diagonal[np.isinf(diagonal)] = np.nan
        diagonal[diagonal == 0] = 1.0
        return gradient / diagonal


@dataclass(frozen=True)
class ClassFactors:
    """One factor for each of several classes."""

    parts: tuple[Factor, ...]

    def solve(self, gradient: Array) -> Array:
        """Solve class by class."""
        solutions = [part.solve(g) for part, g in zip(self.parts, gradient.T, strict=True)]
        return np.stack(solutions, axis=-1)

    @classmethod
    def of(cls, hessians: Iterable[Array], min_curvature: Array | float = 0.0) -> ClassFactors:
        """Factorise the Hessian of each class, shape (n_columns, n_columns)."""
        return cls(tuple(Factor.of(hessian, min_curvature) for hessian in hessians))


@dataclass(frozen=True)
class CoupledFactor:
    """One factor over the coefficients of all classes together."""

    factor: Factor

    @classmethod
    def of(cls, hessian: Array, unpenalised: NDArray[np.bool_]) -> CoupledFactor:
        """Factorise the Hessian of all coefficients.

        Parameters
        ----------
        hessian : ndarray of shape (n_scores, n_columns, n_scores, n_columns)
            The matrix.
        unpenalised : ndarray of bool of shape (n_columns,)
            Columns without a penalty. Adding the same number to such a coefficient in every
            class changes nothing, so the Hessian is singular; along these directions, where no
            gradient points, it is made regular.

        Returns
        -------
        CoupledFactor
            The factor.
        """
        n_scores, n_columns = hessian.shape[:2]
        hessian = hessian.copy()
        for j in np.flatnonzero(unpenalised):
            hessian[:, j, :, j] += np.trace(hessian[:, j, :, j]) / n_scores**2
        return cls(Factor.of(hessian.reshape(n_scores * n_columns, -1)))

    def solve(self, gradient: Array) -> Array:
        """Solve for all classes at once."""
        return self.factor.solve(gradient.T.ravel()).reshape(gradient.T.shape).T


@dataclass(frozen=True)
class ColumnFactor:
    """A factor on some columns, the diagonal on the rest."""

    columns: NDArray[np.intp]
    block: Factor
    rest: Diagonal

    def solve(self, gradient: Array) -> Array:
        """Solve the two parts, each on its own."""
        solution = self.rest.solve(gradient)
        solution[self.columns] = self.block.solve(gradient[self.columns])
        return solution


@dataclass(frozen=True)
class Hessian:
    """An approximation of the Hessian of all rows that is good enough to estimate the gap with.

    Attributes
    ----------
    steps : Preconditioner
        Factor for the steps; it may be too stiff along directions that few rows determine.
    bound : Preconditioner
        Factor for estimates of the gap: in no direction is it much stiffer than the Hessian.
    stiffness : float
        Largest known ratio of the curvature in ``bound`` to that in the Hessian.
    w : ndarray
        The coefficients at which it was made.
    intercept_column : ndarray or None
        The Hessian's column of the intercept, for two classes.
    """

    steps: Preconditioner
    bound: Preconditioner
    w: Array
    stiffness: float = 1.0
    intercept_column: Array | None = None

    def solve(self, gradient: Array) -> Array:
        """Solve for a step."""
        return self.steps.solve(gradient)

    def squared_decrement(self, gradient: Array) -> float:
        """``gradient . H^-1 gradient``, rather too large than too small."""
        return self.stiffness * float(np.vdot(gradient, self.bound.solve(gradient)))


@dataclass(frozen=True)
class SumToZero:
    """Steps that sum to zero over the classes.

    Adding the same to the coefficients of all classes changes no probability. A penalty is least
    where they sum to zero. Without one, these are some of many equally good coefficients, and those
    that LogisticRegression finds. A descent that starts there stays there, and so does not move
    along a direction of almost no curvature.
    """

    preconditioner: Preconditioner

    def solve(self, gradient: Array) -> Array:
        """Solve, and take out the common shift."""
        return sum_to_zero(self.preconditioner.solve(gradient))


def sum_to_zero(w: Array) -> Array:
    """The nearest coefficients that sum to zero over the classes; unchanged for two classes."""
    return w if w.ndim == 1 else w - w.mean(axis=1, keepdims=True)


def _root(diagonal: Array, min_curvature: Array | float = 0.0) -> Array:
    """Square roots of a diagonal; a column without any curvature is left as it is."""
    diagonal = np.maximum(diagonal.T, min_curvature).T
    return np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
