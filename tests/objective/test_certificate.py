"""The duality gap against minima of an independent solver, and against an explicit dual point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax, xlogy
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression
from bce_logistic.objective.certificate import duality_gap
from bce_logistic.objective.penalties import L2, ElasticNet

from ..common import every_layout, objective, problem, value, weights

every_kind = pytest.mark.parametrize("n_classes", [2, 3])
with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])
STRENGTHS = np.array([40.0, 200.0, 100.0, 700.0])


def coefficients(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


@every_kind
@with_and_without_intercept
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "unweighted"])
@pytest.mark.parametrize("C", np.geomspace(1e-3, 1e3, 7))
def test_never_below_the_distance_to_the_minimum(n_classes, fit_intercept, weighted, C):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y)) if weighted else np.ones(len(y))
    F = objective(X, y, s, C, fit_intercept)
    model = LogisticRegression(
        C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000, fit_intercept=fit_intercept
    ).fit(X, y, s)
    optimum = np.vstack([model.coef_.T, model.intercept_][: 1 + fit_intercept]).reshape(F.shape)
    minimum = value(optimum, X, y, s, C, fit_intercept)
    n_informative = 0
    for distance in [0.0, 1e-6, 1e-3, 0.03, 0.3, 1.0, 10.0]:
        for seed in range(3):
            point = F.at(optimum + distance * coefficients(F.shape, seed))
            gap = duality_gap(F, point)
            assert gap >= point.value - minimum - 1e-13 * minimum
            n_informative += gap < point.value
    assert duality_gap(F, F.at(optimum)) <= 1e-9 * minimum
    assert n_informative >= 6


def primal_and_dual(F, X, y, s, w):
    """Objective, and dual objective at the residual whose weighted sum over the samples is zero.

    q = Y_hat - (diag(Y_hat) - Y_hat Y_hat') delta, such that sum(s (q - Y)) = 0; without an
    intercept delta is zero. Two classes are softmax with the scores (0, z).
    """
    one_hot = np.eye(y.max() + 1)[y]
    strength = F.penalty.strength[: X.shape[1]]
    z = X @ w[: X.shape[1]] + (w[-1] if F.fit_intercept else 0)
    Z = np.column_stack([np.zeros(len(y)), z]) if z.ndim == 1 else z
    Y_hat = softmax(Z, axis=1)
    delta = np.zeros(Z.shape[1])
    curvatures = [np.diag(p) - np.outer(p, p) for p in Y_hat]
    if F.fit_intercept:
        H = sum(s_i * V for s_i, V in zip(s, curvatures, strict=True))
        delta = np.linalg.pinv(H) @ (s @ (Y_hat - one_hot))
    q = Y_hat - np.array([V @ delta for V in curvatures])
    assert (q >= 0).all()
    T = X.T @ (s[:, None] * (q - one_hot))
    if w.ndim == 1:
        T = T[:, 1]
    log_likelihood = np.sum(s[:, None] * one_hot * np.log(Y_hat))
    primal = -log_likelihood + np.sum(strength * (w[: X.shape[1]] ** 2).T) / 2
    dual = -s @ xlogy(q, q).sum(axis=1) - np.sum(T.T**2 / (2 * strength))
    return primal, dual


def problem_with_strengths(layout, n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    F = objective(layout(X), y, s, fit_intercept=fit_intercept)
    strength = np.append(STRENGTHS, np.zeros(int(fit_intercept)))
    return X, y, s, replace(F, penalty=L2(strength))


@every_layout
@every_kind
@pytest.mark.parametrize("seed", range(5))
def test_without_an_intercept_it_is_primal_less_dual(layout, n_classes, seed):
    X, y, s, F = problem_with_strengths(layout, n_classes, fit_intercept=False)
    w = 0.1 * coefficients(F.shape, seed)
    primal, dual = primal_and_dual(F, X, y, s, w)
    assert 0 < primal - dual < primal
    assert_allclose(duality_gap(F, F.at(w)), primal - dual, rtol=1e-12)


@every_layout
@every_kind
@pytest.mark.parametrize("shift", [0.1, 1e-2, 1e-4])
@pytest.mark.parametrize("seed", range(5))
def test_with_an_intercept_it_is_hardly_more_than_primal_less_dual(layout, n_classes, shift, seed):
    X, y, s, F = problem_with_strengths(layout, n_classes, fit_intercept=True)
    w = np.zeros(F.shape)
    w[-1] = F.intercept_alone()
    w += np.append(np.zeros(F.shape)[:-1], [shift * coefficients(F.shape[1:], seed)], axis=0)
    primal, dual = primal_and_dual(F, X, y, s, w)
    gap = duality_gap(F, F.at(w))
    assert 0 < primal - dual < primal
    assert gap >= (primal - dual) * (1 - 1e-12)
    # The loss's part is a bound, and exact up to the second order in the shift of the intercept.
    assert_allclose(gap, primal - dual, rtol=30 * shift**2)


@every_kind
@with_and_without_intercept
@pytest.mark.parametrize("free", [0, 3])
def test_infinite_where_a_feature_has_no_penalty(n_classes, fit_intercept, free):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y, fit_intercept=fit_intercept)
    point = F.at(np.zeros(F.shape))
    assert duality_gap(F, point) < np.inf
    strength = F.penalty.strength.copy()
    strength[free] = 0
    assert duality_gap(replace(F, penalty=L2(strength)), point) == np.inf
    unpenalised = objective(X, y, C=np.inf, fit_intercept=fit_intercept)
    assert duality_gap(unpenalised, point) == np.inf


@every_kind
@with_and_without_intercept
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("strength", [0.3, 3.0, 30.0])
def test_with_an_l1_penalty_it_is_a_bound_and_tight_at_the_optimum(
    n_classes, fit_intercept, l1_ratio, strength
):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    of_rows = np.append(np.full(4, strength), np.zeros(int(fit_intercept)))
    F = replace(
        objective(X, y, s, fit_intercept=fit_intercept),
        penalty=ElasticNet((1 - l1_ratio) * of_rows, l1_ratio * of_rows),
    )
    model = GDLogisticRegression(
        C=1 / strength, l1_ratio=l1_ratio, fit_intercept=fit_intercept, solver="gd"
    )
    model.set_params(nesterov=True, max_iter=20_000, tol=1e-10).fit(X, y, s)
    optimum = np.vstack([model.coef_.T, model.intercept_][: 1 + fit_intercept]).reshape(F.shape)
    minimum = F.at(optimum).value
    assert duality_gap(F, F.at(optimum)) <= 1e-6 * minimum
    n_informative = 0
    for distance in [1e-6, 1e-3, 0.03, 0.3, 3.0]:
        for seed in range(3):
            point = F.at(optimum + distance * coefficients(F.shape, seed))
            gap = duality_gap(F, point)
            assert gap >= point.value - minimum - 1e-12 * minimum
            n_informative += gap < point.value
    assert n_informative >= 5
