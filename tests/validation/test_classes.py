"""Classes without weight: the limit of the objective, against solvers that know nothing of it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression, inference_table
from bce_logistic.validation.classes import Classes

from ..common import every_layout, every_solver, fitted_value, losses, problem, weights

EPS = np.finfo(np.float64).eps
EXACT = {"solver": "gd", "nesterov": True, "tol": 1e-10, "max_iter": 100_000}
BATCHES = {"batch_size": 16, "max_iter": 5, "tol": 0.0}


def absence(model, X, y, s=None, **held_out):
    """Fit, with the warning that classes have no weight."""
    with pytest.warns(UserWarning, match=r"have no weight.* probability"):
        return model.fit(X, y, s, **held_out)


def without(y, *labels):
    """Weights that are zero for some labels."""
    return np.where(np.isin(y, labels), 0.0, weights(len(y)) + 0.1)


# The answer.


@every_solver
@every_layout
def test_the_other_classes_are_learnt_as_if_alone(solver, layout):
    X, y = problem(200, n_classes=5)
    y = np.array(list("abcde"))[y]
    s = without(y, "b", "d")
    model = absence(GDLogisticRegression(**solver), layout(X), y, s)
    alone = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X[s > 0], y[s > 0], s[s > 0])
    assert_array_equal(model.classes_, list("abcde"))
    assert_allclose(model.coef_[[0, 2, 4]], alone.coef_, rtol=1e-4, atol=1e-5)
    assert_array_equal(model.coef_[[1, 3]], 0)
    probability = model.predict_proba(X)
    assert_allclose(probability[:, [0, 2, 4]], alone.predict_proba(X), rtol=1e-4)
    assert (probability[:, [1, 3]] <= EPS).all()
    assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-9)
    assert_allclose(model.intercept_.sum(), 0, atol=1e-9)
    assert_array_equal(model.predict(X), alone.predict(X))
    assert model.converged_


@settings(max_examples=25)
@given(data=st.data(), n_classes=st.integers(4, 7))
def test_any_classes_may_be_absent(data, n_classes):
    X, y = problem(300, n_classes=n_classes, seed=3)
    absent = data.draw(st.sets(st.integers(0, n_classes - 1), min_size=1, max_size=n_classes - 3))
    s, balanced = without(y, *absent), data.draw(st.sampled_from([None, "balanced"]))
    params = {"class_weight": balanced, **data.draw(st.sampled_from([{}, BATCHES]))}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The classes .* have no weight")
        model = GDLogisticRegression(**params).fit(X, y, s)
        alone = GDLogisticRegression(**params).fit(X[s > 0], y[s > 0], s[s > 0])
    there = alone.classes_
    assert_allclose(model.coef_[there], alone.coef_, rtol=1e-6, atol=1e-9)
    gaps = model.intercept_[there] - alone.intercept_
    assert_allclose(gaps, gaps[0], rtol=1e-9)
    assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-9)


@every_solver
@pytest.mark.parametrize("C", [0.1, np.inf])
def test_two_of_three_classes_are_the_limit_of_three(solver, C):
    X, y = problem(200, n_classes=3)
    s = without(y, 1)

    def value(u):
        """The objective of three classes, where the second one's intercept is far below."""
        w = np.insert(u.reshape(5, 2), 1, [0, 0, 0, 0, -700], axis=1)
        return s @ losses(y, X @ w[:-1] + w[-1]) + (w[:-1] ** 2).sum() / (2 * C)

    best = scipy.optimize.minimize(value, np.zeros(10), tol=1e-9)
    model = absence(GDLogisticRegression(C=C, **solver), X, y, s)
    w = best.x.reshape(5, 2)
    w -= w.mean(axis=1, keepdims=True)
    assert_allclose(model.coef_[[0, 2]], w[:-1].T, rtol=1e-3, atol=1e-5)
    assert_allclose(model.intercept_[2] - model.intercept_[0], w[-1, 1] - w[-1, 0], rtol=1e-3)
    assert_allclose(model.loss_curve_[-1] * s.sum(), best.fun, rtol=1e-9)


@every_solver
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n_classes", "left"), [(2, 0), (2, 1), (3, 1), (4, 3)])
def test_one_class_with_weight_is_certain(solver, dtype, n_classes, left):
    X, y = problem(60, n_classes=n_classes)
    s = np.where(y == left, 2.0, 0.0)
    model = absence(GDLogisticRegression(**solver), X.astype(dtype), y, s)
    eps = np.finfo(dtype).eps
    assert model.coef_.dtype == model.intercept_.dtype == dtype
    assert_array_equal(model.coef_, 0)
    probability = model.predict_proba(X.astype(dtype))
    assert_allclose(np.delete(probability, left, axis=1), eps, rtol=1e-4)
    assert (model.predict(X.astype(dtype)) == left).all()
    assert_allclose(model.loss_curve_, [(n_classes - 1) * eps], rtol=1e-4)
    assert len(model.gradient_norm_curve_) == 1
    assert (model.n_iter_[0], model.stop_reason_, model.converged_) == (0, "precision", True)


@every_solver
def test_class_weight_zero_is_sample_weight_zero(solver):
    X, y = problem(200, n_classes=4)
    model = absence(GDLogisticRegression(class_weight={2: 0.0}, **solver), X, y)
    other = absence(GDLogisticRegression(**solver), X, y, (y != 2).astype(float))
    assert_allclose(model.coef_, other.coef_, rtol=1e-12)


@every_solver
@pytest.mark.parametrize(("n_classes", "absent"), [(2, [1]), (3, [0, 1]), (4, [2])])
def test_without_an_intercept_no_class_is_switched_off(solver, n_classes, absent):
    X, y = problem(200, n_classes=n_classes)
    s = without(y, *absent)
    model = absence(GDLogisticRegression(fit_intercept=False, **solver), X, y, s)
    other = LogisticRegression(fit_intercept=False, tol=1e-10, max_iter=10_000).fit(X, y, s)
    assert_allclose(model.coef_, other.coef_, rtol=1e-4, atol=1e-5)
    assert model.converged_


def test_bagging_draws_weights_that_leave_a_class_out():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.arange(200) < 3
    for seed in range(20):
        model = BaggingClassifier(GDLogisticRegression(), n_estimators=5, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The classes .* have no weight")
            model.fit(X, y)
        assert np.isfinite(model.predict_proba(X)).all()


# What a fit goes on from, and what stops it.


@pytest.mark.parametrize("params", [{"momentum": 0.9}, {"nesterov": True}, {"batch_size": 16}])
def test_two_halves_of_a_fit_are_a_whole(params):
    X, y = problem(200, n_classes=4)
    s, params = without(y, 2), {"solver": "gd", "tol": 0.0, **params}
    whole = absence(GDLogisticRegression(max_iter=20, **params), X, y, s)
    halves = GDLogisticRegression(max_iter=10, warm_start=True, **params)
    absence(absence(halves, X, y, s), X, y, s)
    assert_allclose(halves.coef_, whole.coef_, rtol=1e-9, atol=1e-12)
    assert_allclose(halves.intercept_, whole.intercept_, rtol=1e-9)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 4])
def test_classes_may_go_and_come_back(solver, n_classes):
    X, y = problem(200, n_classes=n_classes)
    model = GDLogisticRegression(warm_start=True, **solver)
    cold = GDLogisticRegression(**solver)
    for absent in ([1], [], [0], [1], []):
        s = without(y, *absent)
        for fitted in (model, cold):
            fitted.fit(X, y, s) if not absent else absence(fitted, X, y, s)
        assert model.converged_
        if not absent:
            found, least = (fitted_value(m, X, y, s) for m in (model, cold))
            assert_allclose(found, least, rtol=1e-8)
        assert_allclose(model.coef_, cold.coef_, rtol=1e-4, atol=1e-4)
        assert_allclose(model.predict_proba(X), cold.predict_proba(X), rtol=1e-3, atol=1e-15)


@pytest.mark.parametrize("params", [{}, {"solver": "gd"}, {"batch_size": 16}], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_held_out_rows(params, n_classes):
    X, y = problem(200, n_classes=n_classes)
    s = without(y, 1)
    model = GDLogisticRegression(early_stopping=True, **params)
    absence(model, X, y, s)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_)
    there = y != 1
    absence(model, X, y, s, X_val=X[there], y_val=y[there])
    loss = -np.log(model.predict_proba(X[there])[np.arange(there.sum()), y[there]]).mean()
    assert_allclose(loss, model.validation_loss_curve_.min(), rtol=1e-6, atol=1e-15)
    absence(model, X, y, s, X_val=X, y_val=y, sample_weight_val=there.astype(float))
    with pytest.raises(ValueError, match=r"y_val holds classes that have no weight in y, \[1\]"):
        model.fit(X, y, s, X_val=X, y_val=y)


def test_no_table_of_what_is_certain():
    X, y = problem(200, n_classes=3)
    s = without(y, 2)
    model = absence(GDLogisticRegression(C=np.inf, tol=1e-12), X, y, s)
    with pytest.raises(ValueError, match=r"\[2\] have no weight.*Leave their samples out"):
        inference_table(model, X, y, s)
    two = GDLogisticRegression(C=np.inf, tol=1e-12).fit(X[s > 0], y[s > 0], s[s > 0])
    assert np.isfinite(inference_table(two, X[s > 0], y[s > 0], s[s > 0])["std_err"]).all()


def test_a_warning_that_is_an_error_leaves_the_previous_fit():
    X, y = problem(100)
    model = GDLogisticRegression().fit(X, y)
    before = model.coef_
    with pytest.raises(UserWarning, match="have no weight"):
        model.fit(X, y, (y == 1).astype(float))
    assert model.coef_ is before


@pytest.mark.parametrize(
    ("class_weight", "sample_weight", "match"),
    [({0: 0.0, 1: 0.0}, None, "class_weight leaves no"), (None, 0.0, "sample_weight leaves no")],
)
def test_no_weight_at_all_is_an_error(class_weight, sample_weight, match):
    X, y = problem()
    with pytest.raises(ValueError, match=match):
        GDLogisticRegression(class_weight=class_weight).fit(X, y, sample_weight)


def test_a_batch_of_a_stream_may_hold_one_class():
    X, y = problem(100, n_classes=3)
    one = y == 1
    model = GDLogisticRegression().partial_fit(X[one], y[one], [0, 1, 2], weights(one.sum()))
    assert model.coef_.shape == (3, 4)
    assert (model.predict_proba(X) > 1e-6).all()


# The pieces.


def classes(scored):
    scored = np.array(scored)
    return Classes(np.arange(len(scored)), np.ones(len(scored)), scored, scored)


def test_nothing_is_copied_where_no_class_is_absent():
    all_there, y, s = classes([True] * 3), np.array([0, 2, 1], dtype=np.uint8), np.ones(3)
    coded = all_there.coded(y, s)
    assert coded[0] is y
    assert coded[1] is s
    assert all_there.merged(s) is s


def test_labels_are_numbered_among_those_that_are_learnt():
    some = classes([False, True, False, True])
    y, _ = some.coded(np.array([1, 3, 3, 1], dtype=np.uint8), np.ones(4))
    assert_array_equal(y, [0, 1, 1, 0])
    assert y.dtype == np.uint8
    # A row of a class without weight counts as one of another, as its label says.
    counts = np.array([[5, 1, 0, 2], [0, 0, 7, 1]])
    everyone, _ = some.coded(np.repeat(np.tile(np.arange(4), 2), counts.ravel()), np.ones(16))
    per_chunk = [np.bincount(part, minlength=2) for part in np.split(everyone, [8])]
    assert_array_equal(some.merged(counts), per_chunk)


def test_coefficients_of_all_classes_and_back():
    some, rng = classes([False, True, False, True]), np.random.default_rng(0)
    w = rng.normal(size=(5, 2))
    w -= w.mean(axis=1, keepdims=True)
    whole = some.with_absent(w, np.float32)
    assert whole.shape == (5, 4)
    assert_allclose(whole.sum(axis=1), 0, atol=1e-12)
    back = whole[:, some.scored]
    assert_allclose(back - back.mean(axis=1, keepdims=True), w, rtol=1e-12)
    assert_array_equal(whole[:-1, ~some.scored], 0)
    below = whole[-1, some.scored].mean() - whole[-1, ~some.scored]
    assert_allclose(below, -np.log(np.finfo(np.float32).eps), rtol=1e-12)
