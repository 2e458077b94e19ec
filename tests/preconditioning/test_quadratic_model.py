"""The minimiser of a quadratic model with an L1 penalty against its optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Lasso

from bce_logistic.preconditioning.quadratic_model import minimise_model


def model(seed, n, n_rows):
    """A Hessian of so many rows with an intercept, a gradient, coefficients, and strengths."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n_rows, n + 1)) * 10 ** rng.uniform(-1, 1, n + 1)
    A[:, n] = 1.0
    w = rng.normal(size=n + 1) * (rng.random(n + 1) < 0.5)
    l1 = np.append(np.where(rng.random(n) < 0.2, 0.0, rng.exponential(size=n)), 0.0)
    return A.T @ A, A.T @ rng.normal(size=n_rows), w, l1


@pytest.mark.parametrize("n", [1, 5, 40])
@pytest.mark.parametrize("seed", range(20))
def test_optimality_conditions(seed, n):
    P, g, w, l1 = model(seed, n, 3 * n + 2)
    u, _ = minimise_model(P, g, w, l1, 1)
    slope = g + P @ (u - w)
    violation = np.where(u != 0, np.abs(slope + l1 * np.sign(u)), np.maximum(np.abs(slope) - l1, 0))
    violation[l1 == 0] = np.abs(slope[l1 == 0])
    scale = np.abs(g) + np.abs(P) @ np.abs(u - w) + l1
    assert np.all(violation <= 1e-8 * scale.max())


@pytest.mark.parametrize("seed", range(20))
def test_with_more_columns_than_rows_it_goes_most_of_the_way_down(seed):
    P, g, w, l1 = model(seed, 40, 15)
    l1 = np.append(np.maximum(l1[:-1], 0.1), 0.0)

    def value(u):
        return g @ (u - w) + (u - w) @ P @ (u - w) / 2 + l1 @ np.abs(u)

    u, _ = minimise_model(P, g, w, l1, 1)
    step = 1 / np.linalg.eigvalsh(P)[-1]
    x = ahead = w
    for t in range(20_000):  # FISTA
        v = ahead - step * (g + P @ (ahead - w))
        last, x = x, np.sign(v) * np.maximum(np.abs(v) - step * l1, 0)
        ahead = x + t / (t + 3) * (x - last)
    assert value(w) - value(u) >= 0.5 * (value(w) - value(x))


def test_it_is_the_lasso():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(60, 20)), rng.normal(size=60)
    lasso = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12, max_iter=10**6).fit(A, b)
    u, is_exact = minimise_model(A.T @ A, -A.T @ b, np.zeros(20), np.full(20, 6.0), 0)
    assert is_exact
    assert_allclose(u, lasso.coef_, rtol=1e-6, atol=1e-9)
    assert_array_equal(u == 0, lasso.coef_ == 0)


def test_a_prediction_of_a_singular_model_is_not_believed():
    X = np.ones((3, 3)) + 1e-9 * np.eye(3)
    assert not minimise_model(X, -np.ones(3), np.zeros(3), np.full(3, 0.01), 0)[1]


def test_a_common_shift_of_the_intercepts_is_left_alone():
    # Intercepts of a softmax: their Hessian is singular along the ones.
    corner = np.diag([0.2, 0.3, 0.5]) - np.outer([0.2, 0.3, 0.5], [0.2, 0.3, 0.5])
    g = np.array([0.1, -0.3, 0.2])
    u, _ = minimise_model(corner, g, np.zeros(3), np.zeros(3), 3)
    assert_allclose(corner @ u, -g, atol=1e-14)
    assert_allclose(u.sum(), 0, atol=1e-13)


def test_coefficients_without_a_penalty_are_eliminated_as_if_they_had_a_tiny_one():
    P, g, w, l1 = model(3, 12, 40)
    l1[[2, 7]] = 0.0
    u, is_exact = minimise_model(P, g, w, l1, 1)
    assert is_exact
    nearly = np.where(l1 == 0, 1e-9, l1)
    assert_allclose(u, minimise_model(P, g, w, nearly, 0)[0], rtol=1e-6, atol=1e-9)
    P[:, 7], P[7], l1[7] = P[:, 2], P[2], 0.0
    P[7, 7] = P[2, 2]
    g[7] = g[2]
    assert not minimise_model(P, g, w, l1, 1)[1]
