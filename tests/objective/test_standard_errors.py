"""Separation: found where it is, named, and not seen where it is not."""

from __future__ import annotations

import warnings

import numpy as np
import pandas
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris

from bce_logistic import (
    CollinearityWarning,
    GDLogisticRegression,
    SeparationWarning,
    check_separation,
)
from bce_logistic.objective.collinearity import find_collinearity
from bce_logistic.solvers.unpenalised import separated_columns

from ..common import every_layout, objective, problem, weights
from .separation_designs import layout as layout_of
from .separation_designs import random_design, three_class_table


def separated_by_one_feature():
    X, y = problem(n_samples=500)
    X[:, 1] = np.random.default_rng(1).random(len(y)) < 0.05
    y[X[:, 1] == 1] = 1
    return X, y, "x1"


def separated_by_two_features_together():
    X, y = problem(n_samples=500)
    X[:, 1] = X[:, 3]
    apart = np.random.default_rng(1).random(len(y)) < 0.1
    X[apart, 1] += 1
    y[apart] = 1
    return X, y, "x1, x3"


def separated_class():
    X, y = load_iris(return_X_y=True)
    return X[:, :2], y, "x0, x1, intercept"


DATA = [separated_by_one_feature, separated_by_two_features_together, separated_class]


@every_layout
@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-12, 1e-15])
@pytest.mark.parametrize("data", DATA)
def test_features_that_separate_some_samples_are_named(data, tol, layout):
    X, y, named = data()
    named = named.removesuffix(", intercept")
    with pytest.warns(SeparationWarning, match=rf"by {named}: .*Set C to a finite value"):
        model = GDLogisticRegression(C=np.inf, tol=tol).fit(layout(X), y)
    assert model.stop_reason_ == "separated"
    assert not model.converged_
    assert np.isfinite(model.coef_).all()


def test_features_have_their_names():
    X, y, _ = separated_by_one_feature()
    X = pandas.DataFrame(X, columns=["age", "treated", "dose", "sex"])
    with pytest.warns(SeparationWarning, match="by treated: "):
        GDLogisticRegression(C=np.inf).fit(X, y)


def test_of_many_features_all_are_named_and_of_very_many_a_hundred():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(SeparationWarning, match=r"by (x\d+, ){29}x29: "):
        GDLogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)
    wide = np.random.default_rng(0).normal(size=(300, 150))
    with pytest.warns(SeparationWarning, match=r"by (x\d+, ){100}\.\.\. \(150 in all\): "):
        GDLogisticRegression(C=np.inf).fit(wide, wide[:, 0] > 0)


@pytest.mark.parametrize("C", [1e3, 1e6])
@pytest.mark.parametrize("data", DATA)
def test_with_a_penalty_there_is_an_optimum(data, C):
    X, y, _ = data()
    assert GDLogisticRegression(C=C).fit(X, y).stop_reason_ == "tol"


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-14])
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_found_where_there_is_an_optimum(n_classes, tol, seed):
    X, y = problem(300, n_features=6, n_classes=n_classes, seed=seed)
    X[:, 5] = 7.0 * X[:, 4] if seed % 2 else 1.0  # collinear is not separated
    with pytest.warns(CollinearityWarning, match="Leave out x5:"):
        model = GDLogisticRegression(C=np.inf, tol=tol).fit(X * np.geomspace(1, 1e5, 6), y)
    assert model.converged_
    all_rows = objective(X, y, weights(300) + 0.5, C=np.inf)
    with pytest.warns(CollinearityWarning):
        fitted = GDLogisticRegression(C=np.inf, tol=1e-10).fit(X, y, all_rows.rows.s)
    w = np.append(fitted.coef_.T, [fitted.intercept_], axis=0).reshape(all_rows.shape)
    relations = find_collinearity(all_rows.rows, True)
    found = separated_columns(all_rows, w, 10, relations)
    assert_array_equal(found, np.zeros(7, dtype=bool))


def stop_reason(X, y, sample_weight=None, **parameters):
    """Why a fit without a penalty stops, its warnings checked."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GDLogisticRegression(C=np.inf, **parameters).fit(X, y, sample_weight)
    warned = any(warning.category is SeparationWarning for warning in caught)
    assert warned == (model.stop_reason_ == "separated")
    assert np.isfinite(model.coef_).all()
    return model.stop_reason_


# The last three: columns that differ by rounding only, and a drop by chance.
@pytest.mark.parametrize("seed", [*range(200), 1407, 1563, 1998])
def test_a_fit_finds_what_the_linear_program_finds(seed):
    X, y, s, fit_intercept = random_design(seed)
    X = layout_of(random_design(seed), seed)
    expected = check_separation(X, y, sample_weight=s, fit_intercept=fit_intercept).separated
    reason = stop_reason(X, y, s, fit_intercept=fit_intercept)
    assert (reason == "separated") == expected


def one_hot(n_samples, n_categories, seed):
    """All dummies of a category, one of which has one label only."""
    rng = np.random.default_rng(seed)
    category = np.append(np.arange(n_categories), np.arange(n_categories))
    category = np.append(category, rng.integers(0, n_categories, n_samples))
    y = np.append(np.repeat([0, 1], n_categories), rng.integers(0, 2, n_samples))
    y[category == seed % n_categories] = seed % 2
    return np.eye(n_categories)[category], y, f"x{seed % n_categories}"


@every_layout
@pytest.mark.parametrize("seed", range(12))
def test_a_category_with_one_label_among_all_dummies(seed, layout):
    X, y, name = one_hot(100, 3 + seed % 5, seed)
    with (
        pytest.warns(SeparationWarning, match=f"by {name}: "),
        pytest.warns(CollinearityWarning, match=f"Leave out x{X.shape[1] - 1}:"),
    ):
        model = GDLogisticRegression(C=np.inf).fit(layout(X), y)
    assert model.stop_reason_ == "separated"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_categories", [30, 600])
def test_many_coefficients_and_single_precision(n_categories, dtype):
    X, y, name = one_hot(5000, n_categories, seed=7)
    X = scipy.sparse.csr_array(X[:, 1:], dtype=dtype)
    name = f"x{int(name[1:]) - 1}"
    with pytest.warns(SeparationWarning, match=f"by {name}"):
        GDLogisticRegression(C=np.inf).fit(X, y)
    overlapping = y.copy()
    rows = np.flatnonzero(X[:, [int(name[1:])]].toarray())
    overlapping[rows[::2]] = 1 - overlapping[rows[::2]]
    assert not check_separation(X, overlapping).separated
    assert stop_reason(X, overlapping) != "separated"


def test_a_table_of_three_classes_that_the_standard_errors_missed():
    assert stop_reason(*three_class_table()) == "separated"


def test_separated_though_the_tolerance_is_loose():
    # Five samples of 20,000 have no part in a loss known to a thousandth.
    X, y = problem(n_samples=20_000, n_features=3)
    X[:, 2] = 0
    X[:5, 2] = 1
    y[:5] = 1
    with pytest.warns(SeparationWarning, match="by x2: "):
        GDLogisticRegression(C=np.inf, tol=1e-3).fit(X, y)
