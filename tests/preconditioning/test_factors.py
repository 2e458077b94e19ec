"""Approximate Hessians against plain linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.preconditioning.factors import (
    ClassFactors,
    ColumnFactor,
    CoupledFactor,
    Diagonal,
    Factor,
    SumToZero,
    sum_to_zero,
)

from ..common import objective, problem

either_shape = pytest.mark.parametrize("shape", [(), (3,)], ids=["one class", "three classes"])


def matrix(n=6, seed=0):
    """A positive definite matrix whose columns differ in scale by ten orders of magnitude."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(2 * n, n)) * np.geomspace(1e-5, 1e5, n)
    return A.T @ A


@either_shape
def test_factor_solves_with_its_matrix(shape):
    P = matrix()
    v = np.random.default_rng(1).normal(size=(*shape, 6)).T
    # In units in which the columns are alike, so that NumPy is exact as well.
    unit = np.sqrt(P.diagonal())
    expected = (np.linalg.solve(P / unit / unit[:, None], (v.T / unit).T).T / unit).T
    factor = Factor.of(P)
    solution = (
        np.stack([factor.solve(column) for column in v.T], axis=1) if shape else factor.solve(v)
    )
    assert_allclose(solution, expected, rtol=1e-10)


def test_class_factors_solve_class_by_class():
    hessians = np.stack([matrix(seed=k) for k in range(3)])
    scale = np.sqrt(hessians[0].diagonal())
    gradient = np.random.default_rng(9).normal(size=(6, 3)) * scale[:, None]
    solution = ClassFactors.of(hessians).solve(gradient)
    product = np.einsum("kij,jk->ik", hessians, solution)
    assert_allclose((product.T / scale).T, (gradient.T / scale).T, rtol=1e-8)


def softmax_hessian():
    """Hessian of three classes, the last coefficient without a penalty: an intercept."""
    X, y = problem(n_classes=3)
    F = objective(X, y)
    return F.hessian(np.random.default_rng(0).normal(size=F.shape))


def test_coupled_factor_solves_with_the_whole_hessian():
    H = softmax_hessian()
    factor = CoupledFactor.of(H, np.array([False] * 4 + [True]))
    gradient = np.random.default_rng(1).normal(size=(5, 3))
    gradient[-1] -= gradient[-1].mean()  # as gradients of the intercepts are
    solution = factor.solve(gradient)
    assert_allclose(np.einsum("kilj,jl->ik", H, solution), gradient, rtol=1e-8, atol=1e-10)
    assert_allclose(solution[-1].sum(), 0, atol=1e-10)


def test_column_factors_solve_the_two_parts_apart():
    P = matrix(5)
    d = np.linspace(1.0, 2.0, 6)
    columns = np.array([4, 1])
    together = np.diag(d)
    together[np.ix_(columns, columns)] = P[np.ix_([0, 1], [0, 1])]
    block = Factor.of(P[:2, :2])
    gradient = np.random.default_rng(0).normal(size=6)
    before = gradient.copy()
    solution = ColumnFactor(columns, block, Diagonal(d)).solve(gradient)
    assert_allclose(solution, np.linalg.solve(together, gradient), rtol=1e-9)
    assert_allclose(gradient, before, rtol=0)


def test_a_common_shift_is_taken_out():
    gradient = np.random.default_rng(0).normal(size=(3, 4))
    d = np.random.default_rng(1).exponential(size=(3, 4)) + 0.1
    solution = SumToZero(Diagonal(d)).solve(gradient)
    assert_allclose(solution.sum(axis=1), 0, atol=1e-14)
    shift = gradient / d - solution
    assert_allclose(shift, shift[:, :1] * np.ones(4), rtol=1e-12)
    assert_allclose(sum_to_zero(gradient / d), solution, rtol=1e-14)
    assert_array_equal(sum_to_zero(d[:, 0]), d[:, 0])


@pytest.mark.parametrize("kind", ["equal columns", "zero column", "low rank", "all zero"])
def test_singular_matrices_are_helped_a_little(kind):
    A = np.random.default_rng(0).normal(size=(20, 6))
    if kind == "equal columns":
        A[:, 1] = A[:, 0]
    elif kind == "zero column":
        A[:, 1] = 0
    elif kind == "low rank":
        A = A[:, :2] @ np.random.default_rng(1).normal(size=(2, 6))
    else:
        A[:] = 0
    P = A.T @ A
    gradient = P @ np.arange(6.0)
    solution = Factor.of(P).solve(gradient)
    # As a Newton step does, it takes the gradient to zero.
    assert_allclose(P @ solution, gradient, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_is_not_factorised_for_ever(bad, monkeypatch):
    calls = []
    cholesky = scipy.linalg.cholesky

    def counted(*args, **kwargs):
        calls.append(0)
        assert len(calls) < 100, "no end"
        return cholesky(*args, **kwargs)

    monkeypatch.setattr(scipy.linalg, "cholesky", counted)
    P = np.eye(3)
    P[0, 1] = P[1, 0] = bad
    try:
        factor = Factor.of(P)
    except (ValueError, np.linalg.LinAlgError):
        return
    assert not np.isfinite(factor.solve(np.ones(3))).all()


@either_shape
def test_diagonal_solves_with_its_matrix(shape):
    rng = np.random.default_rng(0)
    d, v = rng.exponential(size=(6, *shape)) + 0.1, rng.normal(size=(6, *shape))
    expected = np.linalg.solve(np.diag(d.ravel()), v.ravel()).reshape(v.shape)
    assert_allclose(Diagonal(d).solve(v), expected, rtol=1e-13)
