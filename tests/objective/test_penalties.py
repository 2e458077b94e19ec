"""Penalties against finite differences, numerical minimisers and an independent solver."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from bce_logistic.objective.penalties import L2

from ..common import derivative, objective, problem, value, weights

STRENGTH = np.array([0.3, 2.0, 0.0, 50.0])
every_shape = pytest.mark.parametrize("shape", [(4,), (4, 3)], ids=["vector", "matrix"])


def coefficients(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@every_shape
def test_value_gradient_and_curvature_are_those_of_the_formula(shape):
    penalty, w = L2(STRENGTH), coefficients(shape)
    expected = sum(m * np.sum(row**2) / 2 for m, row in zip(STRENGTH, w, strict=True))
    assert_allclose(penalty.value(w), expected, rtol=1e-14)
    assert_allclose(penalty.gradient(w), derivative(penalty.value, w), rtol=1e-8, atol=1e-9)
    second = derivative(penalty.gradient, w).reshape(w.size, w.size)
    curvature = np.repeat(penalty.curvature, w.size // 4)
    assert_allclose(second, np.diag(curvature), rtol=1e-8, atol=1e-9)


@every_shape
@pytest.mark.parametrize("step_size", [1e-3, 1.0, 30.0])
def test_prox_is_the_minimiser_that_defines_it(shape, step_size):
    penalty, w = L2(STRENGTH), coefficients(shape)

    def definition(u):
        u = u.reshape(shape)
        return np.sum((u - w) ** 2) / 2 + step_size * penalty.value(u)

    found = scipy.optimize.minimize(definition, np.zeros(w.size), method="BFGS", tol=1e-10)
    assert_allclose(penalty.prox(w, step_size).ravel(), found.x, rtol=1e-5, atol=1e-6)


@every_shape
def test_prox_of_no_penalty_and_of_no_step_is_the_identity(shape):
    w = coefficients(shape)
    assert_array_equal(L2(np.zeros(4)).prox(w, 7.0), w)
    assert_array_equal(L2(STRENGTH).prox(w, 0.0), w)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [0.25, np.inf])
def test_the_penalty_of_a_model_is_that_of_scikit_learn(C, fit_intercept):
    strength = L2.of(C, 3, fit_intercept).strength
    assert_array_equal(strength, [1 / C] * 3 + [0.0] * fit_intercept)


def test_changed_penalties():
    penalty, w = L2(STRENGTH), coefficients(4)
    assert_allclose(penalty.scaled(3.0).value(w), 3 * penalty.value(w), rtol=1e-14)
    more = penalty.plus(np.array([1.0, 0.0, 2.0]))
    assert_allclose(more.value(w), penalty.value(w) + w[0] ** 2 / 2 + w[2] ** 2, rtol=1e-14)
    assert_array_equal(penalty.at_most(1.0).strength, [0.3, 1.0, 0.0, 1.0])
    assert_array_equal(penalty.unpenalised, [False, False, True, False])
    assert_array_equal(penalty.strength, STRENGTH)
    with pytest.raises(dataclasses.FrozenInstanceError):
        penalty.strength = np.ones(4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("distance", [1e-4, 1.0, 30.0])
@pytest.mark.parametrize("C", [1e-2, 1.0, 1e2])
def test_gap_bounds_the_distance_to_the_minimum(n_classes, distance, C):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    F = objective(X, y, s, C, fit_intercept=False)
    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, fit_intercept=False)
    optimum = model.fit(X, y, s).coef_.T.reshape(F.shape)
    minimum = value(optimum, X, y, s, C, fit_intercept=False)
    for seed in range(5):
        point = F.at(optimum + distance * coefficients(F.shape, seed))
        gap = F.penalty.gap(point.gradient)
        assert gap >= (point.value - minimum) * (1 - 1e-9)
        # It is not vacuous: where the penalty dominates, the bound is tight.
        if C == 1e-2 and distance == 1e-4:
            assert gap <= 2 * (point.value - minimum)
