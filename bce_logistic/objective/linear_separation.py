r"""Separation decided by a linear program, exactly.

Coefficients can run to infinity along a direction that lowers no sample's margin, and raises
some sample's. With a constraint :math:`m_r^T \beta` for each sample and each class that it is
not of,

.. math:: \max_{\beta, t} \sum_r t_r \quad \text{with} \quad
          m_r^T \beta \ge t_r, \quad 0 \le t_r \le 1

counts the margins that can be raised: the directions form a cone, so that every one of them can
be raised to 1 at once. Solved is the dual, which has as many equations as coefficients:

.. math:: \min_{u, v} \sum_r u_r \quad \text{with} \quad
          \sum_r (1 + v_r - u_r) \, m_r = 0, \quad 0 \le u_r \le 1, \quad v_r \ge 0
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils.sparsefuncs import min_max_axis

from ..arrays import Array
from ..rows.memory import row_blocks
from .collinearity import MAX_COLUMNS, find_collinearity, null_space

# Half-way between the margins that a direction can have: zero, and one or more.
RAISED = 0.5
# Roundings of the largest coefficient that leave a margin at zero.
ROUNDINGS = 64
# HiGHS's tolerances: with its default, the last, small margins pass for zero, but the least that
# it takes are not always reached.
TOLERANCES = (1e-10, 1e-9, 1e-7)
# Coefficients up to which the program's null spaces are computed to name features.
MAX_NAMED_COEFFICIENTS = 2000
# A pivot below this share of a column's square is zero, to the rounding of a Gram matrix.
LIMIT = 1e-12
# Share of a unit vector below which a coefficient has no part in a direction.
INVOLVED = 1e-6
# Seconds, about: a program, a number in its constraints, and to write one down.
PROGRAM = 2e-3
PROGRAM_NUMBER = 1.5e-6
CONSTRAINT_NUMBER = 2e-7


class Direction(NamedTuple):
    """Where the coefficients run to infinity.

    Attributes
    ----------
    w : ndarray of shape (n_columns, n_classes - 1)
        The direction, the intercept last, less that of the first class.
    complete : bool
        Whether it raises every margin.
    columns : ndarray of bool of shape (n_columns,)
        Columns that have no finite optimum.
    """

    w: Array
    complete: bool
    columns: NDArray[np.bool_]


class Constraints(NamedTuple):
    """Margins that no direction may lower.

    Attributes
    ----------
    margins : CSR array of shape (n_constraints, n_columns * (n_classes - 1))
        A row for each distinct sample and each class that it is not of; columns class after
        class, without the first.
    scale : ndarray of shape (n_columns,)
        By which the columns were multiplied, the intercept last.
    center : ndarray of shape (n_columns,)
        What was subtracted before.
    independent : ndarray of bool of shape (n_columns,)
        Columns that are not combinations of others, to the rounding of the features.
    """

    margins: Any
    scale: Array
    center: Array
    independent: NDArray[np.bool_]

    @classmethod
    def of(cls, X: Any, y: NDArray, fit_intercept: bool) -> Constraints:
        """Constraints of features and labels 0, 1, ... without a gap."""
        independent = np.ones(X.shape[1] + fit_intercept, dtype=bool)
        if X.shape[1] <= MAX_COLUMNS:
            rows = row_blocks(X, y, np.ones(len(y)))
            independent[: X.shape[1]] = ~find_collinearity(rows, fit_intercept).redundant
        if scipy.sparse.issparse(X):
            X = scipy.sparse.csr_array(X, copy=True)
            X.sum_duplicates()
        X, center = _centered(X) if fit_intercept else (X, np.zeros(X.shape[1]))
        A = scipy.sparse.csr_array(X, dtype=np.float64)
        A.eliminate_zeros()
        A, y = _distinct(A, y)
        scale = _power_of_two(A.T)
        A = A @ scipy.sparse.diags_array(scale)
        if fit_intercept:
            A = scipy.sparse.hstack([A, np.ones((A.shape[0], 1))])
            scale, center = np.append(scale, 1.0), np.append(center, 0.0)
        A = scipy.sparse.csr_array(A)
        A = scipy.sparse.csr_array(scipy.sparse.diags_array(_power_of_two(A)) @ A)
        n_classes = int(y.max()) + 1
        contrast = np.eye(n_classes)[:, 1:]
        margins = scipy.sparse.vstack(
            [
                scipy.sparse.kron(contrast[[a]] - contrast[[k]], A[y == a])
                for a in range(n_classes)
                for k in range(n_classes)
                if a != k
            ],
            format="csr",
        )
        return cls(margins, scale, center, independent)

    @property
    def seconds(self) -> float:
        """How long the program takes, about."""
        return PROGRAM + PROGRAM_NUMBER * self.margins.nnz


def find_direction(constraints: Constraints) -> Direction | None:
    """Direction in which the coefficients run to infinity, if there is one.

    Parameters
    ----------
    constraints : Constraints
        The margins.

    Returns
    -------
    Direction or None
        One that raises every margin that any direction raises.

    Raises
    ------
    RuntimeError
        If the linear program is not solved.
    """
    M = constraints.margins
    # A program on columns that are collinear but for rounding would be about the rounding.
    independent = np.tile(constraints.independent, M.shape[1] // len(constraints.independent))
    beta = np.zeros(M.shape[1])
    beta[independent] = _solved(M[:, independent])
    beta, raised = _verified(M, beta)
    if not raised.any():
        return None
    columns = _without_optimum(M, beta, raised, len(constraints.scale))
    w = beta.reshape(-1, len(constraints.scale)).T * constraints.scale[:, None]
    if constraints.center.any():
        w[-1] -= constraints.center @ w
    return Direction(w, bool(raised.all()), columns)


def _solved(M: Any) -> Array:
    """Direction that raises every margin that can be raised to one or more; zero if there is none.

    Raises
    ------
    RuntimeError
        If the linear program is not solved.
    """
    n_constraints = M.shape[0]
    for tolerance in TOLERANCES:
        program = scipy.optimize.linprog(
            np.repeat([1.0, 0.0], n_constraints),
            A_eq=scipy.sparse.hstack([M.T, -M.T], format="csc"),
            b_eq=np.ravel(M.sum(axis=0)),
            bounds=np.repeat([[0, 1], [0, np.inf]], n_constraints, axis=0),
            method="highs",
            options={
                "primal_feasibility_tolerance": tolerance,
                "dual_feasibility_tolerance": tolerance,
            },
        )
        if program.status == 0:
            return program.eqlin.marginals * (program.fun > RAISED)
    raise RuntimeError(f"The linear program was not solved: {program.message}")


def _verified(M: Any, beta: Array) -> tuple[Array, NDArray[np.bool_]]:
    """A direction without what the tolerance of the program left, and the margins it raises."""
    margin = M @ beta
    raised = margin > RAISED
    held = M[~raised]
    if held.shape[0]:
        # The smallest change for which the other margins are zero, not almost so.
        beta = beta - scipy.sparse.linalg.lsqr(held, held @ beta, atol=0, btol=0)[0]
        margin = M @ beta
    rounding = ROUNDINGS * np.finfo(np.float64).eps * np.abs(beta).max() * abs(M).sum(axis=1)
    sound = (np.abs(margin) <= rounding)[~raised].all() and (margin > rounding)[raised].all()
    return beta, raised & sound


def _without_optimum(
    M: Any, beta: Array, raised: NDArray[np.bool_], n_columns: int
) -> NDArray[np.bool_]:
    """Columns without a finite optimum.

    The margins that cannot be raised determine a coefficient, all of them do, or nothing does.
    What the first leave open and all determine has no optimum. Of what nothing determines, the
    direction with the smallest coefficients is taken.
    """
    if M.shape[1] > MAX_NAMED_COEFFICIENTS:
        return _of_any_class(beta != 0, n_columns)
    open_to_all = _null_space(M)
    is_open, left_open = (_involved(part) for part in (open_to_all, _null_space(M[~raised])))
    away = left_open & ~is_open
    if is_open.any():
        sparse = _fewest(beta, open_to_all, n_columns)
        away |= is_open & (np.abs(sparse) > INVOLVED * np.abs(sparse).max())
    return _of_any_class(away, n_columns)


def _null_space(M: Any) -> Array:
    """Orthonormal basis of the directions that change no margin."""
    gram = (M.T @ M).toarray()
    scale = np.sqrt(gram.diagonal())
    scale[scale == 0] = 1.0
    relations, _, _ = null_space(gram / np.outer(scale, scale), LIMIT)
    return np.linalg.qr(relations / scale[:, None])[0]


def _involved(basis: Array) -> NDArray[np.bool_]:
    """Coefficients that take part in a direction."""
    return np.linalg.norm(basis, axis=1) > INVOLVED


def _of_any_class(chosen: NDArray[np.bool_], n_columns: int) -> NDArray[np.bool_]:
    """Columns whose coefficient of any class is chosen."""
    return np.logical_or.reduce(chosen.reshape(-1, n_columns), axis=0)


def _fewest(beta: Array, basis: Array, n_columns: int) -> Array:
    """A direction with the same margins and about the fewest coefficients: ``min |b + N u|_1``."""
    n, m = basis.shape
    program = scipy.optimize.linprog(
        np.append(np.zeros(m), np.ones(n)),
        A_ub=np.block([[basis, -np.eye(n)], [-basis, -np.eye(n)]]),
        b_ub=np.append(-beta, beta),
        bounds=(None, None),
        method="highs",
    )
    return beta + basis @ program.x[:m] if program.status == 0 else beta


def _centered(X: Any) -> tuple[Any, Array]:
    """Rows less a center wherever that makes no rounding error, and the center.

    References
    ----------
    P. H. Sterbenz, Floating-point computation, 1974: numbers within a factor of two of each
    other have an exact difference.
    """
    if scipy.sparse.issparse(X):
        lowest, highest = min_max_axis(X, axis=0)
    else:
        lowest, highest = X.min(axis=0), X.max(axis=0)
    near, far = np.minimum(abs(lowest), abs(highest)), np.maximum(abs(lowest), abs(highest))
    exact = (np.sign(lowest) == np.sign(highest)) & (far <= 2 * near)
    center = np.where(exact, lowest, 0.0)
    if not scipy.sparse.issparse(X):
        return X.astype(np.float64) - center, center
    # No zero lies between numbers of one sign: such columns store all of them.
    data = X.data - center[X.indices]
    return scipy.sparse.csr_array((data, X.indices, X.indptr), X.shape), center


def _distinct(A: Any, y: NDArray) -> tuple[Any, NDArray]:
    """Rows and labels, of those that are the same one only."""
    key = A @ np.random.default_rng(0).standard_normal(A.shape[1])
    order = np.lexsort((key, y))
    A, y, key = A[order], y[order], key[order]
    change = A[1:] - A[:-1]
    change.eliminate_zeros()
    new = np.diff(change.indptr) > 0
    new = np.append(True, new | (y[1:] != y[:-1]))
    return A[new], y[new]


def _power_of_two(A: Any) -> Array:
    """Powers of two that bring the geometric mean of each row's numbers near one."""
    A = scipy.sparse.csr_array(A)
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    exponents = np.bincount(rows, np.log2(np.abs(A.data)), minlength=A.shape[0])
    return np.exp2(-np.round(exponents / np.maximum(np.diff(A.indptr), 1)))
