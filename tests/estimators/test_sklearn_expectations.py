"""What scikit-learn expects of its own linear classifiers, where nothing else here tests it.

docs/sklearn_tests.md says which of scikit-learn's tests apply, and what tests them here.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from bce_logistic import CollinearityWarning, GDLogisticRegression
from bce_logistic.objective.losses import BinaryCrossEntropy, CrossEntropy

from ..common import every_layout, every_solver, fitted_value, objective, problem, weights
from .common import every_number_of_classes, fit

with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


# Published numbers: the R package glmnet, lambda = 1, alpha = 0, not standardised, on a line of
# nine points and a binary feature.
POINTS = np.column_stack([np.arange(-4.0, 5), [0, 0, 1, 0, 1, 1, 1, 0, 0]])
GLMNET = {
    "two classes": (
        np.repeat([0, 1], [3, 6]),
        [[0.44464569182, 0.01457563448]],
        [0.89230405539],
    ),
    "three classes": (
        np.repeat([0, 1, 2], 3),
        [
            [-0.38023389305, -0.01226499932],
            [-8.164030176e-05, 4.734548012e-02],
            [0.3803155334, -0.0350804808],
        ],
        [-0.12004759652, 0.2251747383, -0.1051271418],
    ),
}


@every_solver
@pytest.mark.parametrize(("y", "coef", "intercept"), GLMNET.values(), ids=GLMNET)
def test_coefficients_are_those_of_glmnet(solver, y, coef, intercept):
    model = fit(solver, POINTS, y, C=1 / len(y))  # glmnet penalises the mean of the losses
    assert_allclose(model.coef_, coef, rtol=1e-5, atol=1e-8)
    assert_allclose(model.intercept_, intercept, rtol=1e-5)


# Losses at given scores.


@pytest.mark.parametrize("z", [-1e20, -1e3, -37.0, 0.0, 37.0, 1e3, 1e20])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_the_right_side_costs_nothing_and_the_wrong_side_its_distance(y, z):
    value, gradient = BinaryCrossEntropy().value_and_gradient(np.array([y]), np.array([z]))
    wrong_by = z if y == 0 else -z
    assert_allclose(value, np.logaddexp(0, wrong_by), rtol=1e-15)
    assert 0 <= np.abs(gradient[0]) <= 1
    assert np.sign(gradient[0]) in (0, 1 if y == 0 else -1)
    if wrong_by >= 37:
        assert value == wrong_by
        assert abs(gradient[0]) == 1 - np.exp(-wrong_by)


def test_softmax_of_one_large_score():
    Z = np.array([[1e4, 0.0, 7e-7]] * 3)
    value, gradient = CrossEntropy().value_and_gradient(np.arange(3), Z)
    assert_allclose(value, 1e4 - Z[0], rtol=1e-15)
    assert_allclose(gradient, np.eye(3)[[0, 0, 0]] - np.eye(3), atol=1e-15)


@every_number_of_classes
def test_derivatives_of_a_certain_prediction_are_zero(n_classes):
    X, y = problem(n_samples=50, n_features=n_classes, n_classes=n_classes)
    X = 1000 * np.eye(n_classes)[y]
    certain = objective(X, y, C=np.inf, fit_intercept=False)
    w = np.array([-1.0, 1.0]) if n_classes == 2 else np.eye(n_classes)
    point = certain.at(w)
    assert point.value == 0
    assert_array_equal(point.gradient, 0)
    assert_array_equal(certain.hessian_diagonal(w), 0)


# The optimum.


@every_solver
@every_number_of_classes
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_without_features_the_shares_of_the_classes_are_predicted(solver, n_classes, weighted):
    _, y = problem(n_classes=n_classes)
    s = weights(len(y)) if weighted else np.ones(len(y))
    model = fit(solver, np.zeros((len(y), 2)), y, s)
    shares = np.bincount(y, weights=s) / s.sum()
    assert_allclose(model.predict_proba([[0.0, 0.0]])[0], shares, rtol=1e-6)
    assert_array_equal(model.coef_, 0)


@every_solver
@with_and_without_intercept
@pytest.mark.parametrize("C", [0.01, 150.0])
def test_coefficients_of_the_classes_sum_to_zero(solver, fit_intercept, C):
    model = fit(solver, *iris(), C=C, fit_intercept=fit_intercept)
    assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-10)
    assert_allclose(model.intercept_.sum(), 0, atol=1e-10)


@every_solver
@every_number_of_classes
@with_and_without_intercept
@pytest.mark.parametrize("shape", [(100, 5), (20, 40)], ids=["long", "wide"])
def test_the_same_columns_twice_and_the_same_rows_twice(solver, n_classes, fit_intercept, shape):
    X, y = problem(*shape, n_classes=n_classes)
    params = {"fit_intercept": fit_intercept}
    model = fit(solver, X, y, C=0.5, **params)
    # Half of every score from each copy; the penalty is shared between them.
    columns = fit(solver, np.hstack([X, X]) / 2, y, C=1.0, **params)
    assert_allclose(columns.coef_, np.hstack([model.coef_] * 2), rtol=1e-4, atol=1e-6)
    assert_allclose(columns.intercept_, model.intercept_, rtol=1e-4, atol=1e-6)
    # Twice the loss.
    rows = fit(solver, np.vstack([X, X]), np.append(y, y), C=0.25, **params)
    assert_allclose(rows.coef_, model.coef_, rtol=1e-4, atol=1e-6)
    assert_allclose(rows.intercept_, model.intercept_, rtol=1e-4, atol=1e-6)


@every_solver
@every_number_of_classes
def test_collinear_columns_without_a_penalty(solver, n_classes):
    # There are many optima: the objective and the predictions are the same in all of them.
    X, y = problem(n_samples=300, n_classes=n_classes)
    model = fit(solver, X, y, C=np.inf)
    singular = np.hstack([X, X, X.sum(axis=1, keepdims=True)])
    with pytest.warns(CollinearityWarning, match="Leave out x4, x5, x6, x7, x8:"):
        other = fit(solver, singular, y, C=np.inf)
    # The limit of a vanishing penalty: the least norm.
    mixed = np.hstack([np.eye(4), np.eye(4), np.ones((4, 1))])
    assert_allclose(other.coef_, model.coef_ @ np.linalg.pinv(mixed).T, rtol=1e-4, atol=1e-5)
    assert_allclose(fitted_value(other, singular, y), fitted_value(model, X, y), rtol=1e-9)
    assert_allclose(other.predict_proba(singular), model.predict_proba(X), rtol=1e-4)


@every_solver
def test_no_penalty_is_the_limit_of_a_weak_one(solver):
    X, y = problem(n_samples=300)
    weak, none = fit(solver, X, y, C=1e9), fit(solver, X, y, C=np.inf)
    assert_allclose(weak.coef_, none.coef_, rtol=1e-6)


@every_solver
@pytest.mark.parametrize("C", [1e-5, 1e-100, 1e-300])
def test_a_strong_penalty_leaves_the_intercept(solver, C):
    X, y = iris()
    with np.errstate(all="raise"):
        model = fit(solver, X, y, C=C, n_jobs=1)
    assert_allclose(model.coef_, 0, atol=100 * C)
    assert_allclose(model.predict_proba(X), 1 / 3, rtol=0.05)


@every_solver
def test_balancing_what_is_balanced_changes_nothing(solver):
    X, y = iris()
    model = fit(solver, X, y)
    for class_weight in ("balanced", {0: 1.0, 1: 1.0, 2: 1.0}):
        assert_array_equal(fit(solver, X, y, class_weight=class_weight).coef_, model.coef_)


@every_solver
def test_balancing_makes_up_for_samples_that_are_missing(solver):
    X, y = iris()
    kept = np.flatnonzero((y != 0) | (np.arange(len(y)) % 10 == 0))
    plain, balanced = (
        fit(solver, X[kept], y[kept], C=0.001, class_weight=class_weight).predict(X)
        for class_weight in (None, "balanced")
    )
    assert (plain[y == 0] == 0).mean() < (balanced[y == 0] == 0).mean()


# Data of a difficult kind.


@every_solver
def test_features_of_hugely_different_scales_are_refused_until_they_are_scaled(solver):
    X, _ = problem(n_features=10)
    X[:, :2] *= 1e300
    X_scaled = MinMaxScaler().fit_transform(X)
    y = X_scaled @ np.arange(-5.0, 5) > -1.5
    assert 0 < y.mean() < 1
    model = GDLogisticRegression(**solver, n_jobs=1)
    with np.errstate(all="raise"):
        with pytest.raises(ValueError, match="StandardScaler"):
            model.fit(X, y)
        assert model.fit(X_scaled, y).score(X_scaled, y) > 0.8


@every_layout
@pytest.mark.parametrize("largest", [1e30, 1e100])
def test_one_large_value(layout, largest):
    X = layout([[0.0], [largest]])
    model = GDLogisticRegression().fit(X, [0, 1])
    assert_array_equal(model.predict(X), [0, 1])


@every_solver
@with_and_without_intercept
def test_a_single_feature(solver, fit_intercept):
    X, y = problem(n_samples=30, n_features=1)
    model = fit(solver, X, y, fit_intercept=fit_intercept)
    z = X[:, 0] * model.coef_[0, 0] + model.intercept_[0]
    residual = 1 / (1 + np.exp(-z)) - y
    assert_allclose(residual @ X[:, 0] + model.coef_[0, 0], 0, atol=1e-6)
    assert model.converged_


# Passes and warm starts.


@every_number_of_classes
@with_and_without_intercept
def test_no_iteration_shows_the_start(n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes)
    params = {"max_iter": 0, "fit_intercept": fit_intercept}
    for solver in ("gd", "preconditioned"):
        with pytest.warns(ConvergenceWarning, match="max_iter=0"):
            model = GDLogisticRegression(solver=solver, **params).fit(X, y)
        assert_array_equal(model.coef_, 0)
        if solver == "gd" or not fit_intercept:
            assert_array_equal(model.intercept_, 0)
            assert_allclose(model.predict_proba(X), 1 / n_classes, rtol=1e-15)
        else:
            shares = np.bincount(y) / len(y)
            assert_allclose(model.predict_proba(X), np.tile(shares, (len(y), 1)), rtol=1e-12)
        assert len(model.loss_curve_) == 1
        assert not model.converged_


@every_solver
@every_number_of_classes
@with_and_without_intercept
def test_a_warm_fit_stays_where_it_is_and_a_cold_one_does_not(solver, n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes)
    for warm_start in (True, False):
        model = fit(solver, X, y, fit_intercept=fit_intercept, warm_start=warm_start)
        best = model.coef_
        model.set_params(max_iter=1, tol=0.0).fit(X, y)
        assert (np.abs(model.coef_ - best).max() < 1e-5) == warm_start


@every_solver
def test_fitted_warm_again_and_again_it_is_no_worse(solver):
    X, y = problem(n_samples=200)
    cold = fit(solver, X, y)
    warm = clone(cold).set_params(warm_start=True)
    for _ in range(5):
        warm.fit(X, y)
    assert_allclose(fitted_value(warm, X, y), fitted_value(cold, X, y), rtol=1e-12)


@every_solver
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_many_columns_with_indices_of_any_width(solver, index):
    X, y = problem(n_samples=40, n_features=2000, density=0.01)
    X = scipy.sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    model = fit(solver, X, y)
    assert model.converged_
    assert_allclose(model.coef_, fit(solver, X.toarray(), y).coef_, rtol=1e-4, atol=1e-6)
