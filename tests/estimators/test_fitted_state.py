"""The state that a fit leaves: warm starts, and rollback after errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from bce_logistic import GDLogisticRegression

from ..common import every_configuration, every_solver, fitted_value, problem
from .common import fit, fitted, fitted_attributes, snapshot


@every_configuration
def test_a_second_fit_forgets_the_first(solver):
    X, y = problem()
    other_X, other_y = problem(n_features=6, n_classes=3, seed=5)
    fresh = fit(solver, X, y)
    again = fit(solver, other_X, other_y).fit(X, y)
    assert fitted_attributes(again).keys() == fitted_attributes(fresh).keys()
    assert snapshot(again) == snapshot(fresh)


@every_configuration
def test_warm_start_at_the_optimum_is_done_at_once(solver):
    X, y = problem()
    model = fit(solver, X, y, warm_start=True)
    first = model.n_iter_[0]
    model.fit(X, y)
    assert model.converged_
    assert model.n_iter_[0] < max(2, first / 2)


@every_solver
@pytest.mark.parametrize("changed", ["features", "classes", "labels"])
def test_warm_start_with_another_problem(solver, changed):
    X, y = problem()
    model = fit(solver, X, y, warm_start=True)
    before = snapshot(model)
    other_X, other_y = {
        "features": (X[:, :3], y),
        "classes": (X, np.arange(len(y)) % 3),
        "labels": (X, y + 1),
    }[changed]
    with pytest.raises(ValueError, match="warm_start=False") as error:
        model.fit(other_X, other_y)
    assert "4 features" in str(error.value)
    assert snapshot(model) == before


@every_configuration
def test_extra_precision_of_a_warm_start_is_not_needed_to_go_on(solver):
    X, y = problem()
    single = X.astype(np.float32)
    max_iter = 2 if solver["solver"] == "preconditioned" else 5  # not yet at the optimum
    model = fit(solver, single, y, warm_start=True, max_iter=max_iter, tol=0.0)
    start = fitted_value(model, X, y)
    model.fit(single, y)
    assert model.coef_.dtype == np.float32
    assert fitted_value(model, X, y) < start


def test_warm_start_from_sparse_coefficients():
    X, y = problem()
    params = {"max_iter": 50, "tol": 0.0, "warm_start": True}
    dense = fit({"solver": "gd"}, X, y, **params).fit(X, y)
    sparse = fit({"solver": "gd"}, X, y, **params).sparsify().fit(X, y)
    assert_array_equal(sparse.coef_, dense.coef_)


def test_divergence_leaves_the_previous_fit_whole(data):
    X, y = data
    model = fitted({"solver": "gd"}).set_params(learning_rate=1e3, max_iter=100)
    before = snapshot(model)
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(X * 100, y)
    assert snapshot(model) == before


def test_a_failed_first_fit_leaves_nothing():
    X, y = problem()
    model = GDLogisticRegression(solver="gd", learning_rate=1e3)
    before = snapshot(model)
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(X * 1000, y)
    assert snapshot(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_curves_of_partial_fit_hold_a_value_for_each_call(data):
    X, y = data
    model = fit({"solver": "gd"}, X, y, C=np.inf, max_iter=20, tol=0.0)
    at_the_end = fitted_value(model, X, y) / len(y)
    for n_calls in (1, 2, 3):  # those of fit are left behind
        before = model.loss_curve_
        model.partial_fit(X, y)
        assert_array_equal(model.n_iter_, [n_calls])
        assert model.loss_curve_.shape == model.gradient_norm_curve_.shape == (n_calls,)
        if n_calls > 1:
            assert_array_equal(model.loss_curve_[:-1], before)
    assert_allclose(model.loss_curve_[0], at_the_end, rtol=1e-12)  # before the update
    model.fit(X, y)
    assert len(model.loss_curve_) == 21


def test_a_first_call_of_partial_fit_without_weight(data):
    X, y = data
    model = GDLogisticRegression().partial_fit(X, y, classes=[0, 1], sample_weight=np.zeros(len(y)))
    assert_array_equal(model.n_iter_, [0])
    assert_array_equal(model.predict_proba(X), 0.5)
    model.partial_fit(X, y)
    assert_array_equal(model.coef_, GDLogisticRegression().partial_fit(X, y, [0, 1]).coef_)
    assert_array_equal(model.n_iter_, [1])
