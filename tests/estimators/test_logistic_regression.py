"""The estimator: its optimum, its fitted attributes, and its iterations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning

from bce_logistic import GDLogisticRegression

from ..common import (
    every_configuration,
    every_solver,
    fitted_value,
    needs_scikit_learn,
    problem,
    value,
    weights,
)
from .common import every_number_of_classes, fit, fitted_attributes, logistic_regression, same_model

PROBLEMS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 0.3, 1: 2.0}},
}


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("params", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_optimum_is_that_of_scikit_learn(solver, n_classes, C, params, weighted):
    if weighted and params.get("class_weight") == "balanced":
        needs_scikit_learn("1.7", "balanced classes were balanced by their number of samples")
    X, y = problem(n_samples=150, n_classes=n_classes)
    s = weights(len(y)) if weighted else None
    model = fit(solver, X, y, s, C=C, **params)
    same_model(model, logistic_regression(X, y, s, C=C, **params), rtol=1e-5)


@every_configuration
@every_number_of_classes
def test_optimum_without_a_penalty(solver, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    model = fit(solver, X, y, C=np.inf)
    scores = (X @ model.coef_.T + model.intercept_).reshape(len(y), -1)
    proba = scipy.special.expit(scores) if n_classes == 2 else scipy.special.softmax(scores, 1)
    residual = proba - (y[:, None] if n_classes == 2 else np.eye(n_classes)[y])
    # At the optimum the model reproduces the mean of every feature in every class.
    assert_allclose(residual.sum(axis=0), 0, atol=1e-6)
    assert_allclose(X.T @ residual, 0, atol=1e-6)


@every_solver
@every_number_of_classes
def test_optimum_is_that_of_a_general_minimiser(solver, n_classes):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    model = fit(solver, X, y, s, C=0.5)
    shape = (5,) if n_classes == 2 else (5, n_classes)
    found = scipy.optimize.minimize(
        lambda w: value(w.reshape(shape), X, y, s, 0.5, True), np.zeros(np.prod(shape)), tol=1e-9
    )
    assert_allclose(fitted_value(model, X, y, s), found.fun, rtol=1e-10)
    w = found.x.reshape(5, -1)
    assert_allclose(model.coef_, w[:4].T, rtol=1e-3, atol=1e-4)


@every_solver
def test_two_classes_by_softmax_are_two_by_sigmoid(solver):
    # Softmax has twice the coefficients and shares the penalty between them: half of it each.
    X, y = problem()
    model = fit(solver, X, y, C=1.0)
    half = model.coef_[0] / 2
    scores = np.column_stack([-(X @ half), X @ half + model.intercept_])
    proba = scipy.special.softmax(scores, axis=1)
    assert_allclose(model.predict_proba(X), proba, rtol=1e-12)


@every_configuration
@every_number_of_classes
def test_weight_is_repetition(solver, n_classes):
    X, y = problem(n_classes=n_classes)
    times = np.random.default_rng(1).integers(0, 4, size=len(y))
    weighted = fit(solver, X, y, times)
    repeated = fit(solver, np.repeat(X, times, axis=0), np.repeat(y, times))
    same_model(weighted, repeated)
    assert_allclose(weighted.loss_curve_[-1], repeated.loss_curve_[-1], rtol=1e-10)


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_zero_weight_is_absence(solver, n_classes, class_weight):
    X, y = problem(n_classes=n_classes)
    s = np.where(np.arange(len(y)) % 3 == 0, 0.0, weights(len(y)) + 0.1)
    zero = fit(solver, X, y, s, class_weight=class_weight)
    kept = s > 0
    same_model(zero, fit(solver, X[kept], y[kept], s[kept], class_weight=class_weight))


@every_solver
def test_equal_weights_are_a_weaker_penalty(solver):
    X, y = problem()
    heavy = fit(solver, X, y, 5.0, C=0.1)
    same_model(heavy, fit(solver, X, y, C=0.5))
    same_model(heavy, fit(solver, X, y, np.full(len(y), 5), C=0.1))


@every_solver
def test_class_weight_is_sample_weight(solver):
    X, y = problem(n_classes=3)
    s = weights(len(y))
    by_class = fit(solver, X, y, s, class_weight={0: 2.0, 2: 0.5})
    same_model(by_class, fit(solver, X, y, s * np.array([2.0, 1.0, 0.5])[y]))


@every_solver
def test_order_of_samples_features_and_classes(solver):
    X, y = problem(n_classes=3)
    model = fit(solver, X, y)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(y)), rng.permutation(X.shape[1])
    other = fit(solver, X[rows][:, columns], 2 - y[rows])
    assert_allclose(other.coef_[::-1], model.coef_[:, columns], rtol=1e-6, atol=1e-7)


@every_solver
def test_constant_and_equal_features(solver):
    X, y = problem()
    X = np.column_stack([X, X[:, 0], np.zeros(len(y)), np.full(len(y), 3.0)])
    model = fit(solver, X, y, C=0.1)
    assert_allclose(model.coef_[0, 4], model.coef_[0, 0], rtol=1e-6)
    assert_allclose(model.coef_[0, 5], 0, atol=1e-12)
    assert_allclose(model.coef_[0, 6], 0, atol=1e-6)  # the intercept is free, it is not


@every_configuration
@pytest.mark.parametrize(("n_classes", "n_rows"), [(2, 1), (3, 3), (5, 5)])
def test_fitted_attributes(solver, n_classes, n_rows):
    X, y = problem(n_samples=200, n_classes=n_classes)
    model = GDLogisticRegression(**solver)
    assert model.fit(X, y) is model
    assert_array_equal(model.classes_, np.arange(n_classes))
    assert model.coef_.shape == (n_rows, 4)
    assert model.coef_.T.flags.c_contiguous  # as a product with sparse rows wants it
    assert model.intercept_.shape == (n_rows,)
    assert model.n_features_in_ == 4
    assert not hasattr(model, "feature_names_in_")
    assert (model.n_iter_.shape, model.n_iter_.dtype) == ((1,), np.int32)
    assert 0 < model.n_iter_[0] <= model.max_iter
    assert model.n_iter_[0] == len(model.loss_curve_) - 1
    assert model.loss_curve_.ndim == 1
    assert model.loss_curve_[-1] == pytest.approx(fitted_value(model, X, y) / len(y), rel=1e-10)
    assert model.converged_ is True
    assert model.stop_reason_ == "tol"
    assert model.solver_ == solver["solver"]
    public = {name for name in fitted_attributes(model) if not name.startswith("_")}
    assert public == {
        "classes_",
        "coef_",
        "converged_",
        "gap_",
        "gradient_norm_curve_",
        "intercept_",
        "loss_curve_",
        "n_features_in_",
        "n_iter_",
        "solver_",
        "stop_reason_",
    }


@every_solver
def test_no_intercept_is_zero(solver):
    X, y = problem()
    assert_array_equal(fit(solver, X, y, fit_intercept=False).intercept_, np.zeros(1))
    X, y = problem(n_classes=3)
    assert_array_equal(fit(solver, X, y, fit_intercept=False).intercept_, np.zeros(3))


@every_solver
def test_too_few_iterations_are_warned_of(solver):
    X, y = problem()
    model = GDLogisticRegression(**{**solver, "max_iter": 1})
    with pytest.warns(ConvergenceWarning, match="max_iter=1 iterations") as warned:
        model.fit(X, y)
    assert warned[0].filename == __file__  # the line of the caller
    assert (model.converged_, model.stop_reason_) == (False, "max_iter")


@every_solver
@pytest.mark.parametrize("shape", [(80, 4), (4000, 4), (40, 600)], ids=str)
@pytest.mark.parametrize("max_iter", [0, 1, 2, 3])
def test_without_tol_every_iteration_is_made_and_not_one_more(solver, shape, max_iter):
    X, y = problem(*shape)
    model = fit(solver, X, y, max_iter=max_iter, tol=0.0, warm_start=True)
    for _ in range(2):  # a warm fit counts its own
        assert (model.converged_, model.stop_reason_) == (False, "max_iter")
        assert_array_equal(model.n_iter_, [max_iter])
        assert len(model.loss_curve_) == max_iter + 1
        model.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_max_iter_bounds_iterations_through_changes_of_the_preconditioner(n_classes, layout):
    X, y = problem(600, n_features=1500, n_classes=n_classes, density=0.05)
    for max_iter in range(0, 20, 4):
        model = GDLogisticRegression(C=1e3, max_iter=max_iter, tol=0.0).fit(layout(X), y)
        assert model.n_iter_[0] == len(model.loss_curve_) - 1 <= max_iter


@every_solver
def test_no_warning_of_numpy_escapes(solver):
    # Not even where every floating-point warning is an error.
    X, y = load_breast_cancer(return_X_y=True)
    with np.errstate(all="raise"):
        model = fit(solver, X, y, max_iter=20, tol=0.0, n_jobs=1)
        model.predict_proba(X)
        model.predict_log_proba(X * 1e20)
        X, y = problem(n_classes=3)
        fit(solver, X * 1e-160, y, max_iter=20, tol=0.0, n_jobs=1).predict_proba(X)
