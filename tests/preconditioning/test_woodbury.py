"""The Hessian of fewer rows than columns, against the Hessian itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.objective.penalties import L2
from bce_logistic.preconditioning.choice import candidates, newton, row_space

from ..common import objective, problem, weights

with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


def wide(n_samples=40, n_features=70, n_classes=2, fit_intercept=True, C=0.5, dtype=float):
    X, y = problem(n_samples, n_features, n_classes)
    F = objective(X.astype(dtype), y, weights(n_samples), C, fit_intercept)
    return F, np.random.default_rng(1).normal(size=F.shape, scale=0.1)


def solved(F, w, gradient):
    """The gradient, solved with the Hessian."""
    return np.linalg.solve(next(iter(F.class_hessians(w))), gradient)


@pytest.mark.parametrize("C", [1e-4, 0.5, 1e4])
@with_and_without_intercept
@pytest.mark.usefixtures("small_blocks")
def test_it_solves_with_the_hessian(fit_intercept, C):
    F, w = wide(fit_intercept=fit_intercept, C=C)
    gradient = F.at(w).gradient
    step = row_space(F).factor(w).solve(gradient)
    expected = solved(F, w, gradient)
    assert_allclose(step, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


def test_rows_without_weight_and_penalties_that_differ():
    F, w = wide()
    assert (F.rows.s == 0).any()
    ridge = np.random.default_rng(2).uniform(0.1, 10, F.shape[0])
    ridge[F.rows.n_features :] = 0
    F = replace(F, penalty=L2(ridge))
    gradient = F.at(w).gradient
    assert_allclose(row_space(F).factor(w).solve(gradient), solved(F, w, gradient), rtol=1e-8)


def test_equal_rows_and_scores_that_decide_everything():
    # The matrix of the products of the rows is singular, the curvature zero where w is large.
    F, w = wide()
    F.rows.X[1] = F.rows.X[0]
    for scale in (1.0, 1e4):
        gradient = F.at(scale * w).gradient
        step = row_space(F).factor(scale * w).solve(gradient)
        assert np.isfinite(step).all()
        assert np.vdot(step, gradient) > 0


def test_it_is_for_fewer_dense_rows_than_columns_with_a_penalty():
    assert newton(wide()[0]) is not None
    assert row_space(wide(n_samples=72)[0]) is None
    assert row_space(wide(C=np.inf)[0]) is None
    assert row_space(wide(dtype=np.float32)[0]) is None
    few_coefficients, _ = wide(n_samples=10, n_features=12, n_classes=3)
    assert row_space(few_coefficients) is None  # those of all classes have one factor together
    several, _ = wide(n_classes=4)
    assert newton(several) is None
    assert len(list(candidates(several, np.random.default_rng(0)))) == 1
