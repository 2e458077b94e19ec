"""Approximate Hessians of many models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..descent.many import Index
from ..objective.many import ManyPoints, Models
from ..rows.threads import ParallelMap
from .factors import Factor

# Columns up to which NumPy solves a stack of systems faster than their factors.
STACKED_COLUMNS = 64
# Share of the trace below which a diagonal entry is rounding.
ROUNDING = 1e-15


@dataclass(frozen=True)
class StackedHessians:
    """Hessians that are solved with once, as a stack, (n_models, n_columns, n_columns)."""

    matrices: Array

    def solve(self, gradient: Array, index: Index) -> Array:
        """Solve with the matrices at some positions."""
        solution = np.linalg.solve(self.matrices[index], gradient[:, :, None])[:, :, 0]
        return np.asarray(solution, dtype=np.float64)


@dataclass(frozen=True)
class ModelFactors:
    """A factor of each model's Hessian."""

    factors: tuple[Factor, ...]

    @classmethod
    def of(cls, matrices: Iterable[Array], run: ParallelMap = map) -> ModelFactors:
        """Factorise the Hessian of each model."""
        return cls(tuple(run(Factor.of, matrices)))

    def solve(self, gradient: Array, index: Index) -> Array:
        """Solve with the factors at some positions."""
        solutions = [self.factors[i].solve(g) for i, g in zip(index, gradient, strict=True)]
        return np.stack(solutions)


def newton_hessians(
    points: ManyPoints, models: Models, run: ParallelMap
) -> StackedHessians | ModelFactors:
    """The Hessians at some points, with the penalty."""
    assert points.hessians is not None
    diagonal = np.arange(points.W.shape[1])
    matrices = points.hessians.copy()
    matrices[:, diagonal, diagonal] += models.strength
    if len(diagonal) > STACKED_COLUMNS:
        return ModelFactors.of(matrices, run)
    # Where every sample is certain, the intercept has no curvature left.
    trace = np.einsum("mjj->m", matrices)
    matrices[:, diagonal, diagonal] += ROUNDING * trace[:, None]
    return StackedHessians(matrices)
