"""Every fold and every C of a cross-validation, and the order in which they are solved."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..descent.many import Descent
from ..objective.objective import Objective

# Steps along C of the waves.
STRIDES = (8, 4, 2, 1)


class Grid(NamedTuple):
    """Every fold and every C of a cross-validation.

    Parameters
    ----------
    objective : Objective
        The objective of all rows, two classes, with C=1.
    training : ndarray of shape (n_cells, n_folds)
        How often each fold trains on the rows of a cell.
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty, finite.
    tol : float
        Largest gap of a model, relative to its objective.
    max_iter : int
        Largest number of iterations of a model.
    """

    objective: Objective
    training: Array
    Cs: Array
    tol: float
    max_iter: int


class GridSolution(NamedTuple):
    """Coefficients of each fold and C, (n_folds, n_Cs, n_columns), and how the descents went."""

    W: Array
    n_iter: NDArray[np.int32]
    converged: NDArray[np.bool_]


def in_waves(
    Cs: Array, start: Array, solve: Callable[[NDArray[np.intp], Array, bool], Descent]
) -> GridSolution:
    """Solve every fourth C, then every second, then the rest, from interpolated starts.

    ``start``: (n_folds, n_columns). ``solve`` takes positions of C, a start for each, C by C, and
    whether these are interpolated.
    """
    log_C, position = np.unique(np.log(Cs), return_inverse=True)
    order = np.unique(position, return_index=True)[1]
    solved: dict[int, tuple] = {}
    for stride in STRIDES:
        wave = [
            k for k in sorted({*range(0, len(log_C), stride), len(log_C) - 1}) if k not in solved
        ]
        if not wave:
            continue
        starts = np.stack([_interpolated(log_C, solved, k, start) for k in wave])
        arrived = solve(order[wave], starts, bool(solved))
        parts = (part.reshape(len(wave), len(start), *part.shape[1:]) for part in arrived)
        solved |= dict(zip(wave, zip(*parts, strict=True), strict=True))
    by_C = (solved[k] for k in position.reshape(-1).tolist())
    return GridSolution(*(np.stack(parts, axis=1) for parts in zip(*by_C, strict=True)))


def _interpolated(log_C: Array, solved: dict[int, tuple], k: int, start: Array) -> Array:
    """Coefficients on the polynomial in log C through the nearest solutions; the start if none."""
    near = sorted(solved, key=lambda j: abs(log_C[j] - log_C[k]))[:4]
    if not near:
        return start
    total = np.zeros_like(start)
    for j in near:
        others = log_C[[i for i in near if i != j]]
        total += np.prod((log_C[k] - others) / (log_C[j] - others)) * solved[j][0]
    return total
