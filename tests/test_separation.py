"""Separation: found where it is, named, and not seen where it is not."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris

from bce_logistic import GDLogisticRegression, SeparationWarning
from bce_logistic.separation import separating_columns

from .common import every_layout, objective, problem, weights


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


def test_of_many_features_some_are_named():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(SeparationWarning, match=r"(x\d+, ){10}\.\.\.: "):
        GDLogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)


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
    model = GDLogisticRegression(C=np.inf, tol=tol).fit(X * np.geomspace(1, 1e5, 6), y)
    assert model.converged_
    all_rows = objective(X, y, weights(300) + 0.5, C=np.inf)
    fitted = GDLogisticRegression(C=np.inf, tol=1e-10).fit(X, y, all_rows.rows.s)
    w = np.append(fitted.coef_.T, [fitted.intercept_], axis=0).reshape(all_rows.shape)
    assert_array_equal(separating_columns(all_rows, w), np.zeros(7, dtype=bool))
