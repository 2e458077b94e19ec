"""Probabilities of the classes in place of labels.

The oracle is the same fit to hard labels: each sample repeated once for each class, its weight
multiplied by the probability of the class.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from bce_logistic import (
    C_max,
    GDLogisticRegression,
    GDLogisticRegressionCV,
    SeparationWarning,
    check_separation,
    regularization_path,
)
from bce_logistic.rows.memory import row_blocks
from bce_logistic.solvers import unpenalised

from ..common import (
    SOLVERS,
    NumPyMemory,
    every_layout,
    every_solver,
    objective,
    probabilities,
    problem,
    weights,
)
from .common import fit, same_model

every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3, 5])


def data(n_samples=120, n_features=4, n_classes=3, seed=0):
    """Features, and probabilities that depend on them; some are zero or one."""
    X, y = problem(n_samples, n_features, n_classes, seed)
    Y = 0.6 * np.eye(n_classes)[y] + 0.4 * probabilities(n_samples, n_classes)
    Y[::7] = np.eye(n_classes)[y[::7]]
    return X, Y


def repeated(X, Y, s=None):
    """Hard labels and weights that say the same, a row for each sample and class."""
    n_samples, n_classes = Y.shape
    s = np.ones(n_samples) if s is None else s
    rows = np.repeat(np.arange(n_samples), n_classes)
    return X[rows], np.tile(np.arange(n_classes), n_samples), (s[:, None] * Y).ravel()


@every_solver
@every_layout
@every_number_of_classes
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"class_weight": "balanced"},
        {"class_weight": {0: 3.0}, "fit_intercept": False},
        {"l1_ratio": 0.5, "C": 0.2},
        {"l1_ratio": 1.0, "C": 0.2, "penalty_weights": [1.0, 0.5, 2.0, 5.0]},
    ],
    ids=["plain", "balanced", "class weights", "elastic net", "L1"],
)
def test_the_model_is_that_of_repeated_rows(solver, layout, n_classes, params):
    X, Y = data(n_classes=n_classes)
    X, s = layout(X), weights(len(Y))
    model = fit(solver, X, Y, s, **params)
    assert model.converged_
    same_model(model, fit(solver, *repeated(X, Y, s), **params))
    assert_array_equal(model.classes_, np.arange(n_classes))


@pytest.mark.parametrize("shape", [(5000, 6), (60, 100), (400, 80)], ids=str)
@every_number_of_classes
def test_also_with_a_subsample_and_other_preconditioners(shape, n_classes):
    X, Y = data(*shape, n_classes)
    same_model(
        fit(SOLVERS["preconditioned"], X, Y), fit(SOLVERS["preconditioned"], *repeated(X, Y))
    )


@every_number_of_classes
def test_the_objective_is_the_cross_entropy(n_classes):
    X, Y = data(n_classes=n_classes)
    s = weights(len(Y))
    model = GDLogisticRegression(C=0.5).fit(X, Y, s)
    cross_entropy = -(Y * model.predict_log_proba(X)).sum(axis=1)
    expected = (s @ cross_entropy + (model.coef_**2).sum() / (2 * 0.5)) / s.sum()
    assert_allclose(model.loss_curve_[-1], expected, rtol=1e-12)


@every_solver
def test_two_columns_are_the_binary_model(solver):
    X, y = problem()
    one_hot = np.column_stack([1 - y, y])
    model, expected = fit(solver, X, one_hot), fit(solver, X, y)
    assert model.coef_.shape == (1, 4)
    same_model(model, expected, rtol=1e-10)
    assert_array_equal(model.predict(X), expected.predict(X))


@every_solver
@pytest.mark.parametrize("kind", [bool, np.int8, np.float32, float, list], ids=str)
def test_one_hot_rows_are_labels(solver, kind):
    X, y = problem(n_classes=3)
    one_hot = np.eye(3)[y]
    one_hot = one_hot.tolist() if kind is list else one_hot.astype(kind)
    same_model(fit(solver, X, one_hot), fit(solver, X, y))


def test_label_smoothing_by_hand():
    # All samples alike: the optimum predicts the smoothed frequencies.
    y = np.array([0, 0, 0, 1])
    Y = 0.9 * np.eye(2)[y] + 0.1 / 2
    model = GDLogisticRegression().fit(np.zeros((4, 1)), Y)
    assert_allclose(model.predict_proba(np.zeros((1, 1))), [[0.725, 0.275]], rtol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predicted_probabilities_give_back_the_model(n_classes):
    # Distillation without loss: the optimum of a model's own probabilities is that model.
    X, y = problem(300, n_classes=n_classes)
    teacher = GDLogisticRegression(C=10.0).fit(X, y)
    student = GDLogisticRegression(C=np.inf, tol=1e-14).fit(X, teacher.predict_proba(X))
    assert_allclose(student.predict_proba(X), teacher.predict_proba(X), rtol=1e-6)


def test_single_precision():
    X, Y = data(n_classes=3)
    model = GDLogisticRegression().fit(X.astype(np.float32), Y.astype(np.float32))
    assert model.coef_.dtype == np.float32
    same_model(model, GDLogisticRegression().fit(X, Y), rtol=1e-3)


@every_solver
def test_the_arrays_of_the_user_are_not_changed(solver):
    X, Y = data()
    before = Y.copy()
    Y.flags.writeable = False
    fit(solver, X, Y, class_weight="balanced")
    assert_array_equal(Y, before)


@every_solver
def test_no_row_is_repeated(solver):
    X, _ = problem(20_000, 20)
    Y = probabilities(20_000, 10)
    with NumPyMemory() as memory:
        GDLogisticRegression(**{**solver, "tol": 1e-3}, n_jobs=1).fit(X, Y)
    assert memory.peak < 3 * X.nbytes  # of repeated rows, the features alone would take 10 times


def test_columns_have_names():
    pd = pytest.importorskip("pandas")
    X, Y = data()
    frame = pd.DataFrame(Y, columns=["low", "mid", "high"])
    model = GDLogisticRegression(class_weight={"low": 2.0}).fit(X, frame)
    assert_array_equal(model.classes_, ["high", "low", "mid"])
    same_model(model, GDLogisticRegression(class_weight={1: 2.0}).fit(X, Y[:, [2, 0, 1]]))
    assert set(model.predict(X)) <= set(frame.columns)
    assert 0 < model.score(X, frame.idxmax(axis=1)) <= 1


def test_a_class_without_probability_is_absent():
    X, Y = data(n_classes=2)
    with pytest.warns(UserWarning, match=r"classes \[1\] have no weight"):
        model = GDLogisticRegression().fit(X, np.insert(Y, 1, 0.0, axis=1))
    two = GDLogisticRegression().fit(X, np.column_stack([Y[:, 0], Y[:, 1]]))
    assert_allclose(model.predict_proba(X)[:, 1], 0, atol=1e-15)
    assert model.coef_.shape == (3, 4)
    # Of two classes, a softmax penalises half as much.
    assert_allclose(
        model.coef_[2] - model.coef_[0], two.set_params(C=2.0).fit(X, Y).coef_[0], rtol=1e-4
    )


def test_rows_without_weight_may_hold_anything():
    X, Y = data()
    s = weights(len(Y))
    with pytest.warns(UserWarning, match="no weight"):
        model = GDLogisticRegression(class_weight={1: 0.0}).fit(X, Y, s)
    assert np.isfinite(model.coef_).all()


# Separation.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_hot_rows_can_be_separated(n_classes):
    X = np.arange(6.0)[:, None]
    y = np.arange(6) * n_classes // 6
    with pytest.warns(SeparationWarning, match="x0"):
        GDLogisticRegression(C=np.inf).fit(X, np.eye(n_classes)[y])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("smoothing", [1e-1, 1e-3, 1e-6])
def test_smoothed_labels_are_never_separated(n_classes, smoothing):
    X = np.arange(12.0)[:, None]
    Y = np.eye(n_classes)[np.arange(12) * n_classes // 12]
    Y = (1 - smoothing) * Y + smoothing / n_classes
    model = GDLogisticRegression(C=np.inf).fit(X, Y)
    assert model.converged_
    same_model(model, GDLogisticRegression(C=np.inf).fit(*repeated(X, Y)), rtol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_smoothed_labels_need_no_linear_program(n_classes, monkeypatch):
    # Of many samples and classes it would take too long, and standard errors would decide.
    monkeypatch.setattr(unpenalised, "CONSTRAINT_NUMBER", np.inf)
    X, y = problem(n_classes=n_classes)
    for smoothing, expected in ((0.1, [False] * 5), (0.0, None)):
        Y = (1 - smoothing) * np.eye(n_classes)[y] + smoothing / n_classes
        F = objective(X, y, C=np.inf)
        F = replace(F, rows=row_blocks(X, Y[:, 1] if n_classes == 2 else Y, np.ones(len(y))))
        columns = unpenalised._columns_by_program(F, passes=1)
        assert (None if columns is None else columns.tolist()) == expected


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("uncertain", [False, True])
def test_the_check_of_separation_takes_probabilities(n_classes, uncertain):
    X = np.arange(12.0)[:, None]
    Y = np.eye(n_classes)[np.arange(12) * n_classes // 12]
    if uncertain:
        Y[[0, -1]] = 1 / n_classes
    s = np.ones(12)
    s[3] = 0
    found = check_separation(X, Y, sample_weight=s)
    X_all, y_all, s_all = repeated(X, Y, s)
    expected = check_separation(X_all, y_all, sample_weight=s_all)
    assert found.kind == expected.kind == ("none" if uncertain else "complete")
    assert found.features == expected.features
    assert_allclose(found.coef, expected.coef, rtol=1e-6)


def test_one_uncertain_sample_can_leave_the_others_separated():
    # Only the second feature, zero for the uncertain sample, has no finite optimum.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    X[:30, 1] = 0
    y = (X[:, 0] + rng.logistic(size=40) > 0).astype(float)
    y[30:] = X[30:, 1] > 0
    X[30:, 0] = 0
    y[:30] = np.clip(y[:30], 0.1, 0.9)
    with pytest.warns(SeparationWarning, match="x1") as caught:
        GDLogisticRegression(C=np.inf, fit_intercept=False).fit(X, np.column_stack([1 - y, y]))
    assert "x0" not in str(caught[0].message)


# Mini-batches, streams, validation rows.


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_mini_batches_of_one_hot_rows_are_those_of_labels(n_classes, layout):
    X, y = problem(n_classes=n_classes)
    params = {"batch_size": 16, "max_iter": 5, "tol": 0.0, "random_state": 1}
    model = GDLogisticRegression(**params).fit(layout(X), np.eye(n_classes)[y])
    expected = GDLogisticRegression(**params).fit(layout(X), y)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-10, atol=1e-14)
    assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_batches_near_the_optimum_stay_there(n_classes):
    X, Y = data(400, n_classes=n_classes)
    params = {"batch_size": 50, "max_iter": 400, "average": 1000, "tol": 0.0}
    model = GDLogisticRegression(**params).fit(X, Y)
    best = GDLogisticRegression().fit(X, Y)
    assert_allclose(model.predict_proba(X), best.predict_proba(X), atol=0.01)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_first_pass_is_a_stream(n_classes):
    X, Y = data(n_classes=n_classes)
    s = weights(len(Y)) + 0.1
    params = {"batch_size": 20, "shuffle": False, "class_weight": {0: 2.0}, "learning_rate": 0.1}
    whole = GDLogisticRegression(max_iter=1, tol=0.0, **params).fit(X, Y, s)
    stream = GDLogisticRegression(**params)
    for start in range(0, len(Y), 20):
        rows = slice(start, start + 20)
        stream.partial_fit(X[rows], Y[rows], sample_weight=s[rows])
    assert_allclose(stream.coef_, whole.coef_, rtol=1e-12)
    assert_array_equal(stream.classes_, np.arange(n_classes))


def test_a_stream_takes_labels_and_probabilities():
    X, Y = data()
    y = Y.argmax(axis=1)
    params = {"learning_rate": 0.1}
    mixed = GDLogisticRegression(**params).partial_fit(X[:60], Y[:60]).partial_fit(X[60:], y[60:])
    Y[60:] = np.eye(3)[y[60:]]
    soft = GDLogisticRegression(**params).partial_fit(X[:60], Y[:60]).partial_fit(X[60:], Y[60:])
    assert_allclose(mixed.coef_, soft.coef_, rtol=1e-12)


def test_a_stream_names_its_classes():
    pd = pytest.importorskip("pandas")
    X, Y = data()
    model = GDLogisticRegression().partial_fit(X, Y, classes=["a", "b", "c"])
    named = GDLogisticRegression().partial_fit(X, pd.DataFrame(Y, columns=["a", "b", "c"]))
    assert_array_equal(model.classes_, named.classes_)
    assert_array_equal(model.coef_, named.coef_)
    reordered = pd.DataFrame(Y[:, ::-1], columns=["c", "b", "a"])
    named = GDLogisticRegression().partial_fit(X, reordered, classes=["c", "a", "b"])
    assert_array_equal(model.coef_, named.coef_)
    with pytest.raises(ValueError, match="not sorted, as the columns of y"):
        GDLogisticRegression().partial_fit(X, Y, classes=["c", "b", "a"])
    with pytest.raises(ValueError, match=r"classes \[0 1\], but the classes are \['a' 'b' 'c'\]"):
        model.partial_fit(X, np.tile([0.5, 0.5], (len(X), 1)))


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_early_stopping_draws_the_rows_that_it_draws_for_labels(solver, n_classes):
    X, y = problem(200, n_classes=n_classes)
    params = {"early_stopping": True, "validation_fraction": 0.3, "tol": 1e-6}
    model = fit(solver, X, np.eye(n_classes)[y], **params)
    expected = fit(solver, X, y, **params)
    assert_allclose(model.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-10)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-6, atol=1e-9)


def test_validation_rows_may_be_hard_or_soft():
    X, Y = data()
    X_val, Y_val = data(50, seed=1)
    model = GDLogisticRegression(early_stopping=True, tol=1e-6)
    soft = model.fit(X, Y, X_val=X_val, y_val=Y_val).validation_loss_curve_
    X_more, y_more, s_more = repeated(X_val, Y_val)
    model.fit(X, Y, X_val=X_more, y_val=y_more, sample_weight_val=s_more)
    assert_allclose(model.validation_loss_curve_, soft, rtol=1e-12)
    with pytest.raises(ValueError, match=r"stand for the classes \[0 1\]"):
        model.fit(X, Y, X_val=X_val, y_val=np.tile([0.5, 0.5], (50, 1)))


# Errors.


@every_solver
def test_what_is_no_probabilities_is_refused_before_any_work(solver):
    X, Y = data()
    model = fit(solver, X, Y)
    before = model.coef_
    for bad, match in ((2 * Y, "sums to 2"), (Y - 0.1, "is -0"), (Y[:-1], "inconsistent")):
        with pytest.raises(ValueError, match=match):
            model.fit(X, bad)
    assert model.coef_ is before


def test_a_search_is_by_labels_or_by_a_scorer():
    X, Y = data()
    with pytest.raises(ValueError, match=r"one label for each sample.*GridSearchCV"):
        GDLogisticRegressionCV().fit(X, Y)

    def negative_cross_entropy(model, X, Y):
        return (Y * model.predict_log_proba(X)).sum(axis=1).mean()

    grid = {"C": [0.01, 1.0]}
    search = GridSearchCV(GDLogisticRegression(), grid, scoring=negative_cross_entropy, cv=3)
    search.fit(X, Y)
    assert_allclose(
        search.cv_results_["split0_test_score"],
        [
            negative_cross_entropy(GDLogisticRegression(C=C).fit(X[40:], Y[40:]), X[:40], Y[:40])
            for C in grid["C"]
        ],
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_path_is_that_of_repeated_rows(n_classes):
    X, Y = data(n_classes=n_classes)
    X_all, y_all, s_all = repeated(X, Y)
    assert_allclose(C_max(X, Y), C_max(X_all, y_all, sample_weight=s_all), rtol=1e-10)
    path = regularization_path(X, Y, Cs=5)
    expected = regularization_path(X_all, y_all, Cs=5, sample_weight=s_all)
    assert_allclose(path.coefs, expected.coefs, rtol=1e-4, atol=1e-6)


def test_the_score_is_that_of_labels():
    X, Y = data()
    model = GDLogisticRegression().fit(X, Y)
    y = Y.argmax(axis=1)
    assert model.score(X, y) == np.mean(model.predict(X) == y)
    with pytest.raises(ValueError, match=r"needs one label.*-\(y \* model.predict_log_proba"):
        model.score(X, Y)
