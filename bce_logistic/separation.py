"""Coefficients whose optimum is at infinity: how that is noticed, and which they are.

Towards such an optimum the Hessian fades with every Newton step, by the same factor e; at one
that is finite the step changes nothing. So the standard errors, which the inverse Hessian gives,
are looked at before and after one more step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .objective import Objective

Array = NDArray[np.float64]

# By which share a Newton step may change a standard error. At an optimum the step is too small
# to change any; towards an optimum at infinity every step multiplies some by sqrt(e).
UNSTABLE = 0.1
# A Hessian of unit diagonal with a smaller eigenvalue is singular: the standard errors would
# be right to less than three digits, if at all.
SINGULAR = 1e-12
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


def standard_errors(objective: Objective, w: Array) -> StandardErrors:
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
    root, undetermined = _inverse_root(_hessian(objective, w))
    decrement = root.T @ _gradient(objective, w)
    next_w = w - _without_contrasts(root @ decrement, objective)
    next_root, _ = _inverse_root(_hessian(objective, next_w))
    std_err, next_std_err = (np.linalg.norm(matrix, axis=1) for matrix in (root, next_root))
    unstable = (np.abs(next_std_err - std_err) > UNSTABLE * std_err) & ~undetermined
    return StandardErrors(std_err, float(np.linalg.norm(decrement)), undetermined, unstable)


def collinear_columns(objective: Objective) -> NDArray[np.bool_]:
    """Which columns are combinations of others: where all scores are zero, all samples count."""
    return _inverse_root(_hessian(objective, np.zeros(objective.shape)))[1]


def separating_columns(objective: Objective, w: Array) -> NDArray[np.bool_]:
    """Columns whose coefficients run away, because with them some samples are separated.

    Parameters
    ----------
    objective : Objective
        What was minimised, without a penalty.
    w : ndarray
        Coefficients at which the descent stopped.

    Returns
    -------
    ndarray of bool of shape (n_columns,)
        The columns, the intercept last.

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71, 1984: complete and quasi-complete separation.
    """
    found = standard_errors(objective, w)
    away = found.unstable
    if found.undetermined.any():
        away = away | (found.undetermined & ~collinear_columns(objective))
    return np.logical_or.reduce(away.reshape(-1, objective.shape[0]), axis=0)


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


def _inverse_root(hessian: Array) -> tuple[Array, NDArray[np.bool_]]:
    """A matrix R with ``R @ R.T = H^-1``, and which coefficients it leaves undetermined."""
    scale = np.sqrt(hessian.diagonal())
    scale[scale == 0] = 1.0
    eigenvalues, vectors = scipy.linalg.eigh(hessian / scale / scale[:, None])
    regular = eigenvalues > SINGULAR
    undetermined = np.linalg.norm(vectors[:, ~regular], axis=1) > INVOLVED
    root = vectors[:, regular] / np.sqrt(eigenvalues[regular]) / scale[:, None]
    return root, undetermined
