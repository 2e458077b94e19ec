"""Approximate Hessians that can be solved with: the metric of the descent.

Dense algebra on the coefficients alone: matrices come in, solutions go out. Arrays of
coefficients have shape (n_coefficients,) or (n_coefficients, n_classes), as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Preconditioner(Protocol):
    """A symmetric positive definite matrix ``P``."""

    def solve(self, gradient: Array) -> Array:
        """``P^-1 @ gradient``, the shape of the gradient."""
        ...


@dataclass(frozen=True)
class Factor:
    """Cholesky factor of a matrix that is scaled to a unit diagonal.

    Columns of any scale are all alike to it, and a matrix that is singular to rounding (equal or
    constant columns without a penalty) is helped by the smallest ridge that does.
    """

    cholesky: Array
    scale: Array

    @classmethod
    def of(cls, matrix: Array, diagonal: Array | None = None) -> Factor:
        """Factorise a symmetric positive semi-definite matrix.

        Parameters
        ----------
        matrix : ndarray of shape (n, n)
            The matrix.
        diagonal : ndarray of shape (n,), default=None
            Diagonal to scale the factorised matrix to; None: its own.

        Returns
        -------
        Factor
            The factor.
        """
        own = _root(matrix.diagonal())
        unit = matrix / own / own[:, None]
        unit.flat[:: len(unit) + 1] = 1.0
        scale = own if diagonal is None else _root(diagonal)
        ridge = 0.0
        while True:
            try:
                return cls(scipy.linalg.cholesky(unit, lower=True, check_finite=False), scale)
            except np.linalg.LinAlgError:
                unit.flat[:: len(unit) + 1] -= ridge
                ridge = max(1e-14 * len(unit), 100 * ridge)
                unit.flat[:: len(unit) + 1] += ridge

    def solve(self, gradient: Array) -> Array:
        """Solve with the matrix."""
        scaled = gradient / self.scale
        solution = scipy.linalg.cho_solve((self.cholesky, True), scaled, check_finite=False)
        return solution / self.scale


@dataclass(frozen=True)
class Diagonal:
    """The diagonal of a Hessian."""

    diagonal: Array

    def solve(self, gradient: Array) -> Array:
        """Divide by the diagonal."""
        return gradient / self.diagonal


def _root(diagonal: Array) -> Array:
    """Square roots of a diagonal; a column without any curvature is left as it is."""
    return np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
