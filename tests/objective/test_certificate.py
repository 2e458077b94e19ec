"""The duality gap against minima of an independent solver, and against an explicit dual point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax, xlogy
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression
from bce_logistic.objective import certificate
from bce_logistic.objective.certificate import approximate_gap, duality_gap
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
def test_infinite_without_a_penalty_or_where_many_features_have_none(
    monkeypatch, n_classes, fit_intercept
):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y, fit_intercept=fit_intercept)
    point = F.at(np.zeros(F.shape))
    assert duality_gap(F, point) < np.inf
    unpenalised = objective(X, y, C=np.inf, fit_intercept=fit_intercept)
    assert duality_gap(unpenalised, point) == np.inf
    strength = F.penalty.strength.copy()
    strength[:2] = 0
    F = replace(F, penalty=L2(strength))
    assert duality_gap(F, point) < np.inf
    monkeypatch.setattr(certificate, "MAX_FREE", 2 * F.n_scores - 1)
    assert duality_gap(F, point) == approximate_gap(F, point) == np.inf


def minimised(F):
    """The minimum of a smooth objective: where Newton's method leaves no gradient."""
    w = np.zeros(F.shape)
    n = np.prod(F.shape)
    for _ in range(30):
        point = F.at(w)
        step = np.linalg.lstsq(F.hessian(w).reshape(n, n), point.gradient.T.ravel(), rcond=1e-12)
        w = w - step[0].reshape(w.T.shape).T
    assert_allclose(F.at(w).gradient, 0, atol=1e-10)
    return w


@every_kind
@with_and_without_intercept
@pytest.mark.parametrize("free", [[0], [1, 3]])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_a_bound_where_a_few_features_have_no_penalty(n_classes, fit_intercept, free, shift):
    X, y = problem(n_classes=n_classes)
    X[:, free] += shift * fit_intercept
    s = weights(len(y))
    F = objective(X, y, s, C=0.1, fit_intercept=fit_intercept)
    strength = F.penalty.strength.copy()
    strength[free] = 0
    F = replace(F, penalty=L2(strength))
    centred = F
    if shift * fit_intercept:
        X = X - shift * np.isin(np.arange(4), free)
        centred = replace(objective(X, y, s), penalty=F.penalty)
    optimum = minimised(centred)
    minimum = centred.at(optimum).value
    if fit_intercept:
        optimum[-1] -= shift * optimum[free].sum(axis=0)
    assert duality_gap(F, F.at(optimum)) <= (1e-9 if shift == 0 else 1e-6) * minimum
    n_informative = 0
    for distance in [1e-6, 1e-3, 0.03, 0.3, 3.0]:
        for seed in range(3):
            step = distance * coefficients(F.shape, seed)
            if fit_intercept:  # the scores do not depend on the shift
                step[-1] -= shift * step[free].sum(axis=0)
            point = F.at(optimum + step)
            gap = duality_gap(F, point)
            assert gap >= point.value - minimum - 1e-9 * minimum
            n_informative += gap < point.value
    assert n_informative >= 5


@every_kind
def test_a_step_that_changes_a_score_by_more_than_1_proves_nothing(n_classes):
    X, y = problem(n_classes=n_classes)
    X[0, 0] = 50.0  # of a feature without a penalty
    F = replace(objective(X, y), penalty=L2(np.array([0.0, 1e6, 1e6, 1e6, 0])))
    point = F.at(np.zeros(F.shape))
    H, g = F.hessian(point.w, np.array([0])), point.gradient[[0, 4]].T.ravel()
    delta = np.linalg.lstsq(H.reshape(len(g), -1), g, rcond=None)[0].reshape(-1, 2)
    change = np.append(X[0, 0] * delta[:, 0] + delta[:, 1], [0.0] * (n_classes == 2))
    assert np.ptp(change) > 1
    assert g @ delta.ravel() < 0.2 * point.value
    assert duality_gap(F, point) == point.value


@every_kind
@with_and_without_intercept
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("strength", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("free", [[], [0, 2]])
def test_with_an_l1_penalty_it_is_a_bound_and_tight_at_the_optimum(
    n_classes, fit_intercept, l1_ratio, strength, free
):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    m = np.where(np.isin(np.arange(4), free), 0.0, 1.0)
    of_rows = np.append(strength * m, np.zeros(int(fit_intercept)))
    F = replace(
        objective(X, y, s, fit_intercept=fit_intercept),
        penalty=ElasticNet((1 - l1_ratio) * of_rows, l1_ratio * of_rows),
    )
    model = GDLogisticRegression(
        C=1 / strength,
        l1_ratio=l1_ratio,
        penalty_weights=m,
        fit_intercept=fit_intercept,
        solver="gd",
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


@every_kind
@pytest.mark.parametrize("outlier", [0.0, 24.0])
def test_what_the_loss_adds_is_computed_exactly_where_it_matters(monkeypatch, n_classes, outlier):
    X, y = problem(n_classes=n_classes)
    # Perhaps a sample that is on the wrong side by far.
    X[0, 0], y[0] = outlier, 0
    F = objective(X, y)
    F = replace(F, penalty=ElasticNet(np.zeros(5), np.append(np.full(4, 20.0), 0.0)))
    w = np.zeros(F.shape)
    w[0] = 0.5 if n_classes == 2 else [-0.25, 0.25, 0]
    for distance in np.geomspace(1e-6, 0.1, 11):
        point = F.at(w + distance * coefficients(F.shape, 0))
        gap = duality_gap(F, point)
        with monkeypatch.context() as patch:
            patch.setattr(certificate, "COARSE", 0.0)
            exact = duality_gap(F, point)
        assert exact * (1 - 1e-12) <= gap <= 2 * exact


@every_kind
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("distance", [1e-4, 1e-2, 0.1])
def test_about_the_gap_without_a_pass(n_classes, l1_ratio, distance):
    X, y = problem(300, 8, n_classes, seed=2)
    model = GDLogisticRegression(C=0.1, l1_ratio=l1_ratio, tol=1e-12).fit(X, y)
    F = objective(X, y)
    strength = np.append(np.full(8, 10.0), 0.0)
    F = replace(F, penalty=ElasticNet((1 - l1_ratio) * strength, l1_ratio * strength))
    w = np.vstack([model.coef_.T, model.intercept_]).reshape(F.shape)
    start = np.zeros_like(w)
    start[-1] = F.intercept_alone()
    for point in (F.at(w + distance * (start - w)), F.at(start)):
        passes = F.rows.passes
        about = approximate_gap(F, point)
        assert F.rows.passes == passes
        assert 0.3 < about / duality_gap(F, point) < 3
