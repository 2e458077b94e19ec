"""Standard errors of the coefficients, and the coefficients for which there are none.

At a finite optimum, Newton's step changes neither the scores nor the standard errors by much.
Towards an optimum at infinity the Hessian decreases by the same factor e with every Newton step,
so that standard errors before and after one step show which coefficients diverge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..arrays import Array
from .collinearity import has_loading
from .objective import Objective

# Largest relative change of a standard error by a Newton step at a finite optimum. Towards an
# optimum at infinity every step multiplies some by sqrt(e).
MAX_RELATIVE_CHANGE = 0.1
# Roundings of the rows below which an eigenvalue of the Hessian, of unit diagonal, counts as zero:
# the standard errors would have less than three correct digits.
SINGULAR = 4500


class StandardErrors(NamedTuple):
    """Standard errors at some coefficients, in contrasts to the first of several classes."""

    std_err: Array  # shape (n_contrasts,), class after class
    distance: float  # Newton decrement: distance to the optimum in standard errors
    undetermined: NDArray[np.bool_]  # coefficients on which a null direction of the Hessian loads
    unstable: NDArray[np.bool_]  # others whose standard error changes with one more Newton step


class NewtonStep(NamedTuple):
    """Newton's step at some coefficients."""

    root: Array  # R with R @ R.T = H^-1 where H is regular, shape (n_contrasts, rank)
    null_space: Array  # orthonormal, in scaled contrasts, shape (n_contrasts, n_contrasts - rank)
    step: Array  # in the objective's shape
    decrement: float  # length of the step in standard errors


def find_standard_errors(objective: Objective, w: Array) -> StandardErrors:
    """Standard errors at some coefficients, in three passes over the rows."""
    return errors_from_step(objective, w, newton_step(objective, w))


def errors_from_step(objective: Objective, w: Array, newton: NewtonStep) -> StandardErrors:
    """Standard errors at ``w``, where Newton's step is known, in one pass over the rows."""
    next_root, _ = inverse_root(objective, w + newton.step)
    std_err, next_std_err = (np.linalg.norm(matrix, axis=1) for matrix in (newton.root, next_root))
    undetermined = has_loading(newton.null_space)
    changes = np.abs(next_std_err - std_err) > MAX_RELATIVE_CHANGE * std_err
    return StandardErrors(std_err, newton.decrement, undetermined, changes & ~undetermined)


def newton_step(objective: Objective, w: Array) -> NewtonStep:
    """Newton's step, in two passes over the rows."""
    root, null_space = inverse_root(objective, w)
    decrement = root.T @ _gradient(objective, w)
    step = -_without_contrasts(root @ decrement, objective)
    return NewtonStep(root, null_space, step, float(np.linalg.norm(decrement)))


def inverse_root(objective: Objective, w: Array) -> tuple[Array, Array]:
    """``R`` with ``R @ R.T = H^-1`` where H is regular, and H's null space, in scaled contrasts."""
    hessian = _hessian(objective, w)
    scale = np.sqrt(hessian.diagonal())
    scale[scale == 0] = 1.0
    eigenvalues, vectors = scipy.linalg.eigh(hessian / scale / scale[:, None])
    regular = eigenvalues > SINGULAR * np.finfo(objective.rows.dtype).eps
    root = vectors[:, regular] / np.sqrt(eigenvalues[regular]) / scale[:, None]
    return root, vectors[:, ~regular]


def contrasts(by_class: Array) -> Array:
    """Differences to the first of several classes; one class's coefficients are unchanged."""
    return by_class if len(by_class) == 1 else by_class[1:] - by_class[0]


def _without_contrasts(differences: Array, objective: Objective) -> Array:
    """Coefficients with these contrasts, zero for the first class, in the objective's shape."""
    n_columns = objective.shape[0]
    first_class = np.zeros(n_columns * (objective.n_scores > 1))
    by_class = np.append(first_class, differences).reshape(objective.n_scores, n_columns)
    return by_class.T.reshape(objective.shape)


def _gradient(objective: Objective, w: Array) -> Array:
    """Gradient with respect to the contrasts, class after class.

    A common shift of all classes changes the penalty only. The best shift for given contrasts is
    eliminated, which subtracts the mean, here and in the Hessian.
    """
    gradient = np.atleast_2d(objective.at(w).gradient.T)
    if objective.n_scores > 1:
        gradient = gradient[1:] - gradient.mean(axis=0)
    return gradient.ravel()


def _hessian(objective: Objective, w: Array) -> Array:
    """Hessian with respect to the contrasts, shape (n_contrasts, n_contrasts)."""
    hessian = objective.hessian(w)
    if objective.n_scores > 1:
        hessian = hessian[1:, :, 1:] - hessian[1:].mean(axis=2, keepdims=True)
    n_contrasts = hessian.shape[0] * hessian.shape[1]
    return hessian.reshape(n_contrasts, n_contrasts)
