"""The objective in the space of the rows, against the objective itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic import GDLogisticRegression
from bce_logistic.objective.penalties import L2
from bce_logistic.preconditioning.choice import (
    Restriction,
    candidates,
    row_space_factor,
    spans_few_dimensions,
)
from bce_logistic.preconditioning.row_space import RowSpace

from ..common import objective, problem, weights

with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])
two_and_more_classes = pytest.mark.parametrize("n_classes", [2, 4])


def wide(n_samples=40, n_features=70, n_classes=2, fit_intercept=True, C=0.5, dtype=float):
    X, y = problem(n_samples, n_features, n_classes)
    return objective(X.astype(dtype), y, weights(n_samples), C, fit_intercept)


def some_coordinates(space):
    return np.random.default_rng(1).normal(size=space.objective.shape, scale=0.1)


@two_and_more_classes
@with_and_without_intercept
@pytest.mark.usefixtures("small_blocks")
def test_the_objective_is_the_same_in_both_coordinates(fit_intercept, n_classes):
    F = wide(fit_intercept=fit_intercept, n_classes=n_classes)
    strengths = np.random.default_rng(2).uniform(0.1, 10, F.shape[0])
    strengths[F.rows.n_features :] = 0
    F = replace(F, penalty=L2(strengths))
    space = RowSpace.of(F, F.rows)
    v = some_coordinates(space)
    w = space.coefficients(v)
    assert space.objective.shape[0] < F.shape[0]
    assert_allclose(F.at(w).value, space.objective.at(v).value, rtol=1e-12)
    assert_allclose(space.coordinates(w), v, rtol=1e-9, atol=1e-11)


@with_and_without_intercept
def test_the_gradient_follows_the_chain_rule(fit_intercept):
    F = wide(fit_intercept=fit_intercept)
    space = RowSpace.of(F, F.rows)
    v, u = some_coordinates(space), np.random.default_rng(3).normal(size=space.objective.shape)
    along = np.vdot(F.at(space.coefficients(v)).gradient, space.coefficients(u))
    assert_allclose(np.vdot(space.objective.at(v).gradient, u), along, rtol=1e-9)


@two_and_more_classes
def test_coordinates_of_coefficients_outside_the_space_keep_their_scores(n_classes):
    F = wide(n_classes=n_classes)
    space = RowSpace.of(F, F.rows)
    w = np.random.default_rng(4).normal(size=F.shape)
    inside = space.coefficients(space.coordinates(w))
    (block,) = F.rows.blocks(w.size)
    assert_allclose(F.scores(block, inside), F.scores(block, w), rtol=1e-9, atol=1e-10)
    assert F.penalty.value(inside) < F.penalty.value(w)


@two_and_more_classes
@with_and_without_intercept
def test_the_gradient_is_pulled_back(fit_intercept, n_classes):
    F = wide(fit_intercept=fit_intercept, n_classes=n_classes)
    F.rows.X[:] += 3.0
    space = RowSpace.of(F, F.rows)
    v = some_coordinates(space)
    pulled_back = space.pulled_back(F.at(space.coefficients(v)).gradient)
    assert_allclose(pulled_back, space.objective.at(v).gradient, rtol=1e-8, atol=1e-8)


@with_and_without_intercept
def test_a_factor_in_the_space_gives_newtons_step(fit_intercept):
    F = wide(fit_intercept=fit_intercept)
    space = RowSpace.of(F, F.rows)
    w = space.coefficients(some_coordinates(space))
    gradient = F.at(w).gradient
    step = row_space_factor(space, w).solve(gradient)
    (H,) = F.class_hessians(w)
    assert_allclose(step, np.linalg.solve(H, gradient), rtol=1e-7, atol=1e-10)


def test_equal_rows_and_features_far_from_zero():
    F = wide()
    F.rows.X[1] = F.rows.X[0]
    F.rows.X[:] += 1e5
    space = RowSpace.of(F, F.rows)
    assert space.objective.shape[0] == F.rows.n_samples - 1  # less the mean and the equal row
    v = some_coordinates(space)
    assert_allclose(F.at(space.coefficients(v)).value, space.objective.at(v).value, rtol=1e-8)


def test_it_is_for_fewer_dense_rows_than_columns_with_a_penalty():
    assert spans_few_dimensions(wide())
    assert not spans_few_dimensions(wide(n_samples=72))
    assert not spans_few_dimensions(wide(C=np.inf))
    ladder = candidates(wide(), np.random.default_rng(0))
    assert [isinstance(rung, Restriction) for rung in ladder] == [True, False, False]


@two_and_more_classes
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize(("dtype", "offset"), [(float, 0.0), (float, 1e3), (np.float32, 0.0)])
def test_a_fit_in_the_space_is_within_the_tolerance(n_classes, C, dtype, offset):
    X, y = problem(40, 70, n_classes)
    X = (X + offset).astype(dtype)
    tol = 1e-6 if dtype is float else 1e-4
    model = GDLogisticRegression(C=C, tol=tol).fit(X, y)
    assert model.converged_
    best = GDLogisticRegression(C=C, tol=1e-13).fit(X.astype(float), y)
    assert best.loss_curve_[-1] * (1 - 1e-9) <= model.loss_curve_[-1]
    assert model.loss_curve_[-1] <= best.loss_curve_[-1] * (1 + tol)


def test_features_that_overflow_are_nan():
    F = wide()
    F.rows.X[:] *= 1e300
    space = RowSpace.of(F, F.rows)
    assert np.isnan(space.objective.at(space.coordinates(np.zeros(F.shape))).value)


def test_the_limit_of_iterations_holds_in_the_space():
    X, y = problem(40, 70, 4)
    with pytest.warns(UserWarning, match="max_iter"):
        model = GDLogisticRegression(max_iter=2).fit(X, y)
    assert model.n_iter_[0] == 2
    assert model.coef_.shape == (4, 70)
    assert len(model.loss_curve_) == 3


@two_and_more_classes
def test_what_rounding_took_from_the_space_is_found_with_all_columns(n_classes):
    X, y = problem(40, 70, n_classes)
    X[:, 0] = 1e9 * np.random.default_rng(0).normal(size=40)
    F = objective(X, y)
    assert RowSpace.of(F, F.rows).objective.rows.n_features < 30  # of 39 dimensions
    model = GDLogisticRegression(tol=1e-8).fit(X, y)
    assert model.converged_
    assert model.gap_ <= 1e-8 * model.loss_curve_[-1]
    scaled = GDLogisticRegression(tol=1e-12).fit(X[:, 1:], y)
    # The column in giant units has next to no penalty, and is of little use.
    assert model.loss_curve_[-1] <= scaled.loss_curve_[-1]
