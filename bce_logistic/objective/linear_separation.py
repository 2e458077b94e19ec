r"""Separation of the classes, decided exactly by a linear program.

The loss has no finite optimum if a direction of the coefficients lowers no sample's margin and
raises some. With a constraint :math:`m_r^T \beta` for each sample and each class other than its
own,

.. math:: \max_{\beta, t} \sum_r t_r \quad \text{with} \quad
          m_r^T \beta \ge t_r, \quad 0 \le t_r \le 1

counts the margins that can be raised: the directions form a cone, so that all of these margins can
be raised to 1 at once. The dual is solved, which has as many equations as coefficients:

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
from .collinearity import (
    MAX_COLUMNS,
    MIN_LOADING,
    find_collinearity,
    has_loading,
    null_space,
    of_any_class,
)

# Half-way between the margins that a direction can have: zero, and one or more.
RAISED = 0.5
# Rounding errors, relative to the largest coefficient, with which a margin still is zero.
MARGIN_ROUNDINGS = 64
# Tolerances of HiGHS, tried in turn: the default takes small margins for zero, and the smallest
# tolerances are not always reached.
TOLERANCES = (1e-10, 1e-9, 1e-7)
# Coefficients up to which the program's null spaces are computed to name features.
MAX_NAMED_COEFFICIENTS = 2000
# Pivot of a scaled Gram matrix below which a column is a combination of others.
MIN_PIVOT = 1e-12
# Seconds, approximately: of a program, for each number in its constraints, and to build these.
PROGRAM = 2e-3
PROGRAM_NUMBER = 1.5e-6
CONSTRAINT_NUMBER = 2e-7


class SeparatingDirection(NamedTuple):
    """A direction in which the coefficients diverge."""

    w: Array  # shape (n_columns, n_classes - 1), less the first class, the intercept last
    complete: bool  # whether it raises every margin
    columns: NDArray[np.bool_]  # columns without a finite optimum, shape (n_columns,)


class Constraints(NamedTuple):
    """Margins that no direction may lower, of scaled columns ``(x - center) * scale``."""

    margins: Any  # CSR array (n_constraints, n_columns * (n_classes - 1)), class after class
    scale: Array  # shape (n_columns,), the intercept last
    center: Array  # shape (n_columns,)
    independent: NDArray[np.bool_]  # columns that are no combination of others, up to rounding

    @classmethod
    def of(cls, X: Any, y: NDArray, fit_intercept: bool) -> Constraints:
        """Constraints of features and labels 0..K-1, each of which occurs."""
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
        A = A.multiply(scale)
        if fit_intercept:
            A = scipy.sparse.hstack([A, np.ones((A.shape[0], 1))])
            scale, center = np.append(scale, 1.0), np.append(center, 0.0)
        A = scipy.sparse.csr_array(A)
        A = scipy.sparse.csr_array(A.multiply(_power_of_two(A)[:, None]))
        n_classes = int(y.max()) + 1
        contrast = np.eye(n_classes)[:, 1:]
        margins = scipy.sparse.vstack(
            [
                scipy.sparse.kron(contrast[[a]] - contrast[[k]], A[y == a])
                for a in range(n_classes)
                for k in range(n_classes)
                if a != k
            ]
        )
        return cls(scipy.sparse.csr_array(margins), scale, center, independent)

    @property
    def seconds(self) -> float:
        """Time that the program takes, approximately."""
        return PROGRAM + PROGRAM_NUMBER * self.margins.nnz


def find_direction(constraints: Constraints) -> SeparatingDirection | None:
    """Direction that raises every margin that can be raised, or None; RuntimeError if unsolved."""
    M = constraints.margins
    # Columns that are collinear up to rounding would let the rounding decide.
    independent = np.tile(constraints.independent, M.shape[1] // len(constraints.independent))
    beta = np.zeros(M.shape[1])
    beta[independent] = _solve(M[:, independent])
    beta, raised = _verify(M, beta)
    if not raised.any():
        return None
    columns = _without_optimum(M, beta, raised, len(constraints.scale))
    w = beta.reshape(-1, len(constraints.scale)).T * constraints.scale[:, None]
    if constraints.center.any():
        w[-1] -= constraints.center @ w
    return SeparatingDirection(w, bool(raised.all()), columns)


def _solve(M: Any) -> Array:
    """Solution of the program, zero if no margin can be raised; RuntimeError if unsolved."""
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


def _verify(M: Any, beta: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The direction without the program's tolerance, and the margins it raises; none if unsound."""
    margin = M @ beta
    raised = margin > RAISED
    others = M[~raised]
    if others.shape[0]:
        # The smallest change that makes the other margins exactly zero.
        beta = beta - scipy.sparse.linalg.lsqr(others, others @ beta, atol=0, btol=0)[0]
        margin = M @ beta
    rounding = MARGIN_ROUNDINGS * np.finfo(np.float64).eps * np.abs(beta).max() * abs(M).sum(axis=1)
    sound = (np.abs(margin) <= rounding)[~raised].all() and (margin > rounding)[raised].all()
    return beta, raised & sound


def _without_optimum(
    M: Any, beta: Array, raised: NDArray[np.bool_], n_columns: int
) -> NDArray[np.bool_]:
    """Columns without a finite optimum.

    A coefficient that all margins determine, but not those that cannot be raised, has none. Of the
    coefficients that no margins determine, those of a sparse direction are taken.
    """
    if M.shape[1] > MAX_NAMED_COEFFICIENTS:
        return of_any_class(beta != 0, n_columns)
    basis = _null_space(M)
    undetermined = has_loading(basis)
    diverging = has_loading(_null_space(M[~raised])) & ~undetermined
    if undetermined.any():
        sparse = _sparsest(beta, basis)
        diverging |= undetermined & (np.abs(sparse) > MIN_LOADING * np.abs(sparse).max())
    return of_any_class(diverging, n_columns)


def _null_space(M: Any) -> Array:
    """Orthonormal basis of the directions that change no margin."""
    gram = (M.T @ M).toarray()
    scale = np.sqrt(gram.diagonal())
    scale[scale == 0] = 1.0
    relations, _, _ = null_space(gram / np.outer(scale, scale), MIN_PIVOT)
    return np.linalg.qr(relations / scale[:, None])[0]


def _sparsest(beta: Array, basis: Array) -> Array:
    """A sparse direction with the same margins: ``min |b + N u|_1``."""
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
    """Columns less a center where the difference is exact, and the center.

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
    # Columns with numbers of one sign have no zeros: all of their numbers are stored.
    data = X.data - center[X.indices]
    return scipy.sparse.csr_array((data, X.indices, X.indptr), X.shape), center


def _distinct(A: Any, y: NDArray) -> tuple[Any, NDArray]:
    """Rows and labels without duplicates."""
    key = A @ np.random.default_rng(0).standard_normal(A.shape[1])
    order = np.lexsort((key, y))
    A, y, key = A[order], y[order], key[order]
    change = A[1:] - A[:-1]
    change.eliminate_zeros()
    new = np.diff(change.indptr) > 0
    new = np.append(True, new | (y[1:] != y[:-1]))
    return A[new], y[new]


def _power_of_two(A: Any) -> Array:
    """Powers of two that scale the geometric mean of each row's numbers to about one."""
    A = scipy.sparse.csr_array(A)
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    exponents = np.bincount(rows, np.log2(np.abs(A.data)), minlength=A.shape[0])
    return np.exp2(-np.round(exponents / np.maximum(np.diff(A.indptr), 1)))
