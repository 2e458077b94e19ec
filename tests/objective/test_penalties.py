"""Penalties against finite differences, numerical minimisers and an independent solver."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from bce_logistic.objective.penalties import L2, ElasticNet

from ..common import derivative, objective, problem, value, weights

STRENGTH = np.array([0.3, 2.0, 0.0, 50.0])
L1_STRENGTH = np.array([0.1, 2.0, 0.0, 0.7])
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
    penalty, w = ElasticNet(STRENGTH, L1_STRENGTH), coefficients(shape)
    found = penalty.prox(w, step_size)
    l1 = np.broadcast_to(L1_STRENGTH, w.T.shape).T
    for index in np.ndindex(shape):

        def definition(u, index=index):
            return (u - w[index]) ** 2 / 2 + step_size * l1[index] * abs(u)

        minimum = scipy.optimize.minimize_scalar(definition, tol=1e-9)
        assert_allclose(found[index], minimum.x, atol=1e-7)
        assert definition(found[index]) <= minimum.fun * (1 + 1e-12)
    assert_array_equal(found == 0, (step_size * L1_STRENGTH >= np.abs(w).T).T & (w != 0) | (w == 0))


@every_shape
def test_prox_without_an_l1_penalty_and_of_no_step_is_the_identity(shape):
    w = coefficients(shape)
    assert_array_equal(L2(STRENGTH).prox(w, 7.0), w)
    assert_array_equal(ElasticNet(STRENGTH, np.zeros(4)).prox(w, 7.0), w)
    assert_array_equal(ElasticNet(STRENGTH, L1_STRENGTH).prox(w, 0.0), w)


@every_shape
def test_value_and_smooth_part_of_the_elastic_net(shape):
    penalty, w = ElasticNet(STRENGTH, L1_STRENGTH), coefficients(shape)
    rows = zip(L1_STRENGTH, STRENGTH, w, strict=True)
    expected = sum(l1 * np.abs(row).sum() + m * np.sum(row**2) / 2 for l1, m, row in rows)
    assert_allclose(penalty.value(w), expected, rtol=1e-14)
    assert_array_equal(penalty.gradient(w), L2(STRENGTH).gradient(w))
    assert_array_equal(penalty.curvature, STRENGTH)
    assert not penalty.is_smooth
    assert_array_equal(penalty.unpenalised, [False, False, True, False])
    p = coefficients(shape, 1)
    smooth = L2(STRENGTH).value
    change = penalty.value(w + p) - penalty.value(w) - (smooth(w + p) - smooth(w))
    assert_allclose(penalty.bend(w, p), change, rtol=1e-12)
    assert L2(STRENGTH).bend(w, p) == 0


@every_shape
def test_subgradient_is_the_smallest_directional_derivative(shape):
    # Of F(w) = g.w + R(w): the steepest slope down is that along minus the subgradient.
    penalty, w = ElasticNet(STRENGTH, L1_STRENGTH), coefficients(shape)
    w[:2] = 0
    g = 0.5 * coefficients(shape, 1)
    steepest = penalty.subgradient(w, g + penalty.gradient(w))

    def slope(p, h=1e-7):
        return (np.vdot(g, h * p) + penalty.value(w + h * p) - penalty.value(w)) / h

    norm = np.linalg.norm(steepest)
    assert_allclose(slope(-steepest / norm), -norm, rtol=1e-4)
    for seed in range(20):
        p = coefficients(shape, seed)
        assert slope(p / np.linalg.norm(p)) >= -norm - 1e-5
    assert_array_equal(L2(STRENGTH).subgradient(w, g), g)


def test_changed_elastic_nets():
    penalty, w = ElasticNet(STRENGTH, L1_STRENGTH), coefficients(4)
    assert_allclose(penalty.scaled(3.0).value(w), 3 * penalty.value(w), rtol=1e-14)
    more = penalty.plus(np.array([1.0, 0.0, 2.0]))
    assert_allclose(more.value(w), penalty.value(w) + w[0] ** 2 / 2 + w[2] ** 2, rtol=1e-14)
    clipped = penalty.at_most(1.0)
    assert_array_equal(clipped.strength, [0.3, 1.0, 0.0, 1.0])
    assert_array_equal(clipped.l1, L1_STRENGTH)
    some = penalty.on(np.array([3, 1]))
    assert_array_equal(some.strength, [50.0, 2.0])
    assert_array_equal(some.l1, [0.7, 2.0])


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
        gap = F.penalty.gap(point.w, point.gradient)
        assert gap >= (point.value - minimum) * (1 - 1e-9)
        # It is not vacuous: where the penalty dominates, the bound is tight.
        if C == 1e-2 and distance == 1e-4:
            assert gap <= 2 * (point.value - minimum)
