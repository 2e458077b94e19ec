"""Coefficients whose optimum is at infinity: whether there are some, and which they are.

At an optimum that is finite, Newton's step changes no score by much: that proves it finite.
Where this fails, a linear program decides. For rows that are not in memory, or too many for it,
the standard errors do, before and after one more step: towards an optimum at infinity the Hessian
fades with every Newton step, by the same factor e.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ..arrays import Array
from .objective import Objective

# By which share a Newton step may change a standard error. At an optimum the step is too small
# to change any; towards an optimum at infinity every step multiplies some by sqrt(e).
UNSTABLE = 0.1
# A Hessian of unit diagonal with an eigenvalue below so many roundings of the rows is singular:
# the standard errors would be right to less than three digits, if at all.
SINGULAR = 4500
# What a column has to contribute to a vanishing combination of unit length to be named.
INVOLVED = 1e-6


class StandardErrors(NamedTuple):
    """Standard errors at some coefficients, and what is wrong with them.

    Attributes
    ----------
    std_err : ndarray of shape (n_contrasts,)
        Square roots of the diagonal of the inverse Hessian; for more than two classes, of the
        differences to the first, class after class.
    distance : float
        Newton decrement: how many standard errors the optimum is away.
    undetermined : ndarray of bool of shape (n_contrasts,)
        Coefficients that the Hessian leaves open.
    unstable : ndarray of bool of shape (n_contrasts,)
        Those of the others whose standard error changes with one more Newton step.
    """

    std_err: Array
    distance: float
    undetermined: NDArray[np.bool_]
    unstable: NDArray[np.bool_]


def find_standard_errors(objective: Objective, w: Array) -> StandardErrors:
    """Standard errors at some coefficients, in three passes over the rows.

    Parameters
    ----------
    objective : Objective
        What was minimised.
    w : ndarray
        The coefficients, in the objective's shape.

    Returns
    -------
    StandardErrors
        What was found.
    """
    return errors_from_step(objective, w, newton_step(objective, w))


def contrasts(by_class: Array) -> Array:
    """Differences to the first of more than two classes."""
    return by_class if len(by_class) == 1 else by_class[1:] - by_class[0]


def _without_contrasts(differences: Array, objective: Objective) -> Array:
    """Coefficients, in the objective's shape, that have these contrasts."""
    n_columns = objective.shape[0]
    first_class = np.zeros(n_columns * (objective.n_scores > 1))
    by_class = np.append(first_class, differences).reshape(objective.n_scores, n_columns)
    return by_class.T.reshape(objective.shape)


def _gradient(objective: Objective, w: Array) -> Array:
    """Gradient with respect to the contrasts, class after class.

    Adding the same to the coefficients of all classes moves nothing but the penalty. For given
    contrasts the best such shift is taken: that subtracts the mean, here and in the Hessian.
    """
    gradient = np.atleast_2d(objective.at(w).gradient.T)
    if objective.n_scores > 1:
        gradient = gradient[1:] - gradient.mean(axis=0)
    return gradient.ravel()


def _hessian(objective: Objective, w: Array) -> Array:
    """Hessian with respect to the contrasts."""
    hessian = objective.hessian(w)
    if objective.n_scores > 1:
        hessian = hessian[1:, :, 1:] - hessian[1:].mean(axis=2, keepdims=True)
    n_contrasts = hessian.shape[0] * hessian.shape[1]
    return hessian.reshape(n_contrasts, n_contrasts)


class NewtonStep(NamedTuple):
    """Newton's step at some coefficients.

    Attributes
    ----------
    root : ndarray of shape (n_contrasts, rank)
        ``R`` with ``R @ R.T = H^-1`` where the Hessian is regular.
    null_space : ndarray of shape (n_contrasts, n_contrasts - rank)
        Orthonormal directions, in scaled contrasts, where it is not.
    step : ndarray
        The step, in the objective's shape.
    decrement : float
        Its length in standard errors.
    """

    root: Array
    null_space: Array
    step: Array
    decrement: float


def errors_from_step(objective: Objective, w: Array, newton: NewtonStep) -> StandardErrors:
    """Standard errors where Newton's step is known, in one pass over the rows."""
    next_root, _ = inverse_root(objective, w + newton.step)
    std_err, next_std_err = (np.linalg.norm(matrix, axis=1) for matrix in (newton.root, next_root))
    undetermined = takes_part(newton.null_space)
    unstable = (np.abs(next_std_err - std_err) > UNSTABLE * std_err) & ~undetermined
    return StandardErrors(std_err, newton.decrement, undetermined, unstable)


def of_any_class(chosen: NDArray[np.bool_], n_columns: int) -> NDArray[np.bool_]:
    """Columns whose contrast of any class is chosen."""
    return np.logical_or.reduce(chosen.reshape(-1, n_columns), axis=0)


def newton_step(objective: Objective, w: Array) -> NewtonStep:
    """Newton's step, in two passes over the rows."""
    root, null_space = inverse_root(objective, w)
    decrement = root.T @ _gradient(objective, w)
    step = -_without_contrasts(root @ decrement, objective)
    return NewtonStep(root, null_space, step, float(np.linalg.norm(decrement)))


def inverse_root(objective: Objective, w: Array) -> tuple[Array, Array]:
    """A matrix R with ``R @ R.T = H^-1`` where H is regular, and the directions where it is not."""
    hessian = _hessian(objective, w)
    scale = np.sqrt(hessian.diagonal())
    scale[scale == 0] = 1.0
    eigenvalues, vectors = scipy.linalg.eigh(hessian / scale / scale[:, None])
    regular = eigenvalues > SINGULAR * np.finfo(objective.rows.dtype).eps
    root = vectors[:, regular] / np.sqrt(eigenvalues[regular]) / scale[:, None]
    return root, vectors[:, ~regular]


def takes_part(null_space: Array) -> NDArray[np.bool_]:
    """Coefficients that take part in a direction of a null space."""
    return np.linalg.norm(null_space, axis=1) > INVOLVED
