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

from ..arrays import Array, namespace
from ..preconditioning.cost_model import MULTIPLY, Costs
from ..rows.base import Block, Sums
from ..rows.memory import RowsInMemory
from .collinearity import Collinearity
from .linear_separation import CONSTRAINT_NUMBER, Constraints, find_direction
from .objective import Objective

# By which share a Newton step may change a standard error. At an optimum the step is too small
# to change any; towards an optimum at infinity every step multiplies some by sqrt(e).
UNSTABLE = 0.1
# A Hessian of unit diagonal with an eigenvalue below so many roundings of the rows is singular:
# the standard errors would be right to less than three digits, if at all.
SINGULAR = 4500
# What a column has to contribute to a vanishing combination of unit length to be named.
INVOLVED = 1e-6
# Change of a score by Newton's step, in nats, up to which there is an optimum. One would do.
SMALL_CHANGE = 0.5
# Coefficients up to which the eigenvalues of a Hessian are computed.
MOST_COEFFICIENTS = 2000
# Passes that a Hessian may cost, if the fit took fewer.
FEWEST_PASSES = 10
# Seconds that a linear program may take, if the fit took less.
PROGRAM_SECONDS = 0.1


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
    return _standard_errors(objective, w, _newton(objective, w))


def separated_columns(
    objective: Objective, w: Array, passes: int, collinear: Collinearity | None
) -> NDArray[np.bool_]:
    """Columns whose coefficients run away, because with them some samples are separated.

    Parameters
    ----------
    objective : Objective
        What was minimised, without a penalty.
    w : ndarray
        Coefficients at which the descent stopped.
    passes : int
        Passes that it took: looking for a separation is not to cost much more.
    collinear : Collinearity or None
        Linear relations between the columns, if they were looked for.

    Returns
    -------
    ndarray of bool of shape (n_columns,)
        The columns, the intercept last; none if there is an optimum, as far as that was found.

    References
    ----------
    A. Albert, J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models, Biometrika 71, 1984: complete and quasi-complete separation.
    """
    n_columns = objective.shape[0]
    nothing = np.zeros(n_columns, dtype=bool)
    newton = _newton(objective, w) if _hessian_pays(objective, passes) else None
    n_relations = collinear.n_relations * max(1, objective.n_scores - 1) if collinear else 0
    if newton and newton.null_space.shape[1] == n_relations and _is_small(objective, newton.step):
        return nothing
    decided = _by_program(objective, passes)
    if decided is not None:
        return decided
    if newton is None or objective.rows.dtype == np.float32:
        return nothing
    found = _standard_errors(objective, w, newton)
    # Where all scores are zero, all samples count: what is undetermined there is collinear.
    at_zero = _newton_root(objective, np.zeros(objective.shape))[1]
    away = found.unstable | (found.undetermined & ~_involved(at_zero))
    return _of_any_class(away, n_columns)


def columns_that_vary(objective: Objective, collinear: Collinearity | None) -> NDArray[np.bool_]:
    """Columns whose coefficients all run away if every sample is separated: not constants'."""
    varies = np.ones(objective.shape[0], dtype=bool)
    if collinear:
        varies[: objective.rows.n_features] = collinear.share < 1 - INVOLVED
    return varies


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


class _Newton(NamedTuple):
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


def _standard_errors(objective: Objective, w: Array, newton: _Newton) -> StandardErrors:
    """Standard errors where Newton's step is known, in one pass over the rows."""
    next_root, _ = _newton_root(objective, w + newton.step)
    std_err, next_std_err = (np.linalg.norm(matrix, axis=1) for matrix in (newton.root, next_root))
    undetermined = _involved(newton.null_space)
    unstable = (np.abs(next_std_err - std_err) > UNSTABLE * std_err) & ~undetermined
    return StandardErrors(std_err, newton.decrement, undetermined, unstable)


def _of_any_class(chosen: NDArray[np.bool_], n_columns: int) -> NDArray[np.bool_]:
    """Columns whose contrast of any class is chosen."""
    return np.logical_or.reduce(chosen.reshape(-1, n_columns), axis=0)


def _newton(objective: Objective, w: Array) -> _Newton:
    """Newton's step, in two passes over the rows."""
    root, null_space = _newton_root(objective, w)
    decrement = root.T @ _gradient(objective, w)
    step = -_without_contrasts(root @ decrement, objective)
    return _Newton(root, null_space, step, float(np.linalg.norm(decrement)))


def _newton_root(objective: Objective, w: Array) -> tuple[Array, Array]:
    """A matrix R with ``R @ R.T = H^-1`` where H is regular, and the directions where it is not."""
    hessian = _hessian(objective, w)
    scale = np.sqrt(hessian.diagonal())
    scale[scale == 0] = 1.0
    eigenvalues, vectors = scipy.linalg.eigh(hessian / scale / scale[:, None])
    regular = eigenvalues > SINGULAR * np.finfo(objective.rows.dtype).eps
    root = vectors[:, regular] / np.sqrt(eigenvalues[regular]) / scale[:, None]
    return root, vectors[:, ~regular]


def _involved(null_space: Array) -> NDArray[np.bool_]:
    """Coefficients that take part in a direction of a null space."""
    return np.linalg.norm(null_space, axis=1) > INVOLVED


def _hessian_pays(objective: Objective, passes: int) -> bool:
    """Whether the eigenvalues of a Hessian cost less than so many passes."""
    costs, n_contrasts = Costs(objective), objective.shape[0] * max(1, objective.n_scores - 1)
    grams = objective.n_scores * (objective.n_scores + 1) // 2
    gram = grams * costs.n_rows * costs.row_size**2 * costs.multiply
    seconds = gram + 10 * n_contrasts**3 * MULTIPLY
    return (
        n_contrasts <= MOST_COEFFICIENTS and seconds <= max(passes, FEWEST_PASSES) * costs.of_pass
    )


def _is_small(objective: Objective, step: Array) -> bool:
    r"""Whether a Newton step proves that there is an optimum: it changes no score by much.

    With :math:`m_r` the margins' derivatives and :math:`\lambda_r > 0` the residuals, the
    gradient is :math:`-\sum_r \lambda_r m_r`. The step gives
    :math:`\sum_r \lambda_r' m_r = 0` with
    :math:`|\lambda_r' - \lambda_r| \le \lambda_r |m_r^T p|`. If all :math:`\lambda_r' > 0`, no
    direction can raise one margin and lower none (Stiemke's lemma).
    """

    def large(block: Block) -> Sums:
        z = objective._scores(block, step)
        xp = namespace(z)
        change = xp.abs(z) if z.ndim == 1 else xp.max(z, axis=1) - xp.min(z, axis=1)
        return (int(xp.count_nonzero((change >= SMALL_CHANGE) & (block.s > 0))),)

    return bool(objective.rows.sum(large, size=1)[0] == 0)


def _by_program(objective: Objective, passes: int) -> NDArray[np.bool_] | None:
    """What the linear program finds; None if it costs too much or rows are not in memory."""
    rows = objective.rows
    if not isinstance(rows, RowsInMemory):
        return None
    seconds = max(PROGRAM_SECONDS, passes * Costs(objective).of_pass)
    n_numbers = 2 * (rows.size + rows.n_samples) * max(1, objective.n_scores - 1)
    if CONSTRAINT_NUMBER * n_numbers > seconds:
        return None
    weighted = rows.s > 0
    labels = np.unique(rows.y[weighted], return_inverse=True)[1]
    constraints = Constraints.of(rows.X[weighted], labels, objective.fit_intercept)
    if constraints.seconds > seconds:
        return None
    try:
        direction = find_direction(constraints)
    except RuntimeError:
        return None
    return np.zeros(objective.shape[0], dtype=bool) if direction is None else direction.columns
