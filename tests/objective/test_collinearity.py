"""Collinear columns: found, named and given coefficients of least norm, or left alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from bce_logistic import CollinearityWarning, GDLogisticRegression
from bce_logistic.objective.collinearity import find_collinearity
from bce_logistic.rows.memory import row_blocks
from bce_logistic.solvers.unpenalised import affordable

from ..common import LAYOUTS, every_layout, objective, problem, weights
from .separation_designs import random_design

SOLVERS = [
    {"tol": 1e-13},
    {"solver": "gd", "nesterov": True, "tol": 1e-9, "max_iter": 100_000},
    {"batch_size": 50, "average": True, "max_iter": 20, "tol": 0.0},
]


def found_in(X, fit_intercept=True, s=None):
    s = np.ones(X.shape[0]) if s is None else s
    return find_collinearity(row_blocks(X, np.zeros(X.shape[0]), s), fit_intercept)


def named(X, fit_intercept=True, s=None):
    return np.flatnonzero(found_in(X, fit_intercept, s).redundant).tolist()


def svd_rank(X, fit_intercept, s):
    """Rank of the rows with weight, centred and scaled, from singular values."""
    X = X[s > 0].astype(float)
    X = X - X.mean(axis=0) if fit_intercept else X
    size = np.abs(X).max(axis=0)
    return np.linalg.matrix_rank(X / np.where(size > 1e-13, size, np.inf), tol=1e-9 * len(X))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("seed", range(40))
def test_the_relations_are_the_null_space(seed, layout):
    X, _, s, fit_intercept = random_design(seed)
    X = X.astype(float)  # what is rounded to single precision hides a relation from the SVD
    s = np.ones(len(X)) if s is None else s
    found = found_in(layout(X), fit_intercept, s)
    assert found.n_relations == X.shape[1] - svd_rank(X, fit_intercept, s)
    N = found.null_space
    if not found.n_relations:
        return
    assert np.linalg.matrix_rank(N / np.abs(N).max(axis=1, initial=1e-300)[:, None]) == N.shape[1]
    terms = np.abs(X).max(axis=0) @ np.abs(N)
    assert (np.abs(X[s > 0] @ N - found.offset) <= 1e-13 * terms).all()
    assert found.redundant.sum() == found.n_relations
    assert found.redundant.all() or not named(X[:, ~found.redundant], fit_intercept, s)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_last_columns_are_named(fit_intercept):
    X, _ = problem(n_samples=300, n_features=6)
    X[:, 4] = X[:, 1] - 2 * X[:, 3]
    X[:, 5] = X[:, 0]
    assert named(X, fit_intercept) == [4, 5]
    X[:, 2] = 7.5
    assert named(X, fit_intercept) == ([2, 4, 5] if fit_intercept else [4, 5])
    X[:, 2] = 0.0
    assert named(X, fit_intercept) == [2, 4, 5]
    dummies = np.eye(5)[np.arange(300) % 5]
    assert named(dummies, fit_intercept) == ([4] if fit_intercept else [])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@every_layout
def test_far_from_zero_is_not_collinear_with_the_intercept(layout, dtype):
    X, _ = problem(n_samples=500)
    X[:, 1] = 1.7e9 + np.arange(500) * 7.2  # the seconds of an hour
    assert named(layout(X.astype(dtype))) == []
    X[:, 1] = 1.7e9
    assert named(layout(X.astype(dtype))) == [1]


def test_only_to_the_rounding_of_the_columns():
    X, _ = problem(n_samples=300)
    X[:, 3] = 0.1 * X[:, 0] + 1e3 * X[:, 1] - 7
    assert named(X) == [3]
    assert named(X.astype(np.float32)) == [3]
    X[:, 3] += 1e-9 * np.abs(X[:, 3]).max() * X[:, 2] ** 2
    assert named(X) == []


def test_rows_without_weight_do_not_count():
    X, _ = problem(n_samples=400)
    s = np.repeat([1.0, 0.0], 200)
    X[:200, 2] = X[:200, 0]
    assert named(X) == []
    assert named(X, s=s) == [2]
    assert named(X, s=np.where(s > 0, 1e-200, 0)) == [2]
    assert named(X, s=s + 1e-12) == []


@pytest.mark.usefixtures("small_blocks")
@every_layout
def test_blocks_make_no_difference(layout):
    X, _ = problem(n_samples=300, n_features=5)
    X[:, 4] = X[:, 0] + X[:, 1]
    assert named(layout(X)) == [4]


def test_more_columns_than_rows():
    X = np.random.default_rng(0).normal(size=(10, 30))
    found = found_in(X)
    assert found.n_relations == 21
    assert named(X) == list(range(9, 30))
    assert_allclose(X @ found.null_space, np.tile(found.offset, (10, 1)), atol=1e-13)


# What a fit makes of it.


def collinear_problem(n_classes):
    X, y = problem(n_samples=300, n_features=6, n_classes=n_classes)
    X[:, 2] = X[:, 0]
    X[:, 5] = 3 * X[:, 1] - 0.5 * X[:, 3] + 20
    X[:, 3] += 5
    return X, y


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_least_norm_is_the_limit_of_a_vanishing_penalty(fit_intercept, n_classes, layout):
    X, y = collinear_problem(n_classes)
    names = "x2, x5" if fit_intercept else "x2"
    with pytest.warns(CollinearityWarning, match=f"Leave out {names}:"):
        model = GDLogisticRegression(C=np.inf, tol=1e-13, fit_intercept=fit_intercept).fit(
            layout(X), y
        )
    limit = LogisticRegression(
        C=1e8, solver="newton-cholesky", tol=1e-11, fit_intercept=fit_intercept
    ).fit(X, y)
    assert_allclose(model.coef_, limit.coef_, rtol=1e-4, atol=1e-5)
    assert_allclose(model.intercept_, limit.intercept_, rtol=1e-4, atol=1e-4)
    assert_allclose(model.coef_.sum(axis=0), 0 if n_classes > 2 else model.coef_[0], atol=1e-9)


@pytest.mark.parametrize("params", SOLVERS, ids=["preconditioned", "gd", "mini-batches"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_are_those_of_the_descent(n_classes, params, monkeypatch):
    X, y = collinear_problem(n_classes)
    with pytest.warns(CollinearityWarning):
        model = GDLogisticRegression(C=np.inf, **params).fit(X, y)
    monkeypatch.setattr(
        "bce_logistic.solvers.unpenalised.affordable", lambda objective, passes: False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = GDLogisticRegression(C=np.inf, **params).fit(X, y)
    assert_allclose(model.decision_function(X), other.decision_function(X), rtol=1e-9, atol=1e-9)
    assert_array_equal(model.loss_curve_, other.loss_curve_)
    assert_allclose(model.coef_ @ found_in(X).null_space, 0, atol=1e-10)


def test_two_equal_columns_share_a_coefficient():
    X, y = problem(n_samples=300, n_features=2)
    one = GDLogisticRegression(C=np.inf).fit(X, y)
    with pytest.warns(CollinearityWarning, match="Leave out x2:") as record:
        two = GDLogisticRegression(C=np.inf).fit(np.hstack([X, X[:, :1]]), y)
    assert [warning.filename for warning in record] == [__file__]
    assert_allclose(two.coef_[0], one.coef_[0, [0, 1, 0]] * [0.5, 1, 0.5], rtol=1e-6)


def test_a_constant_column_gets_no_coefficient():
    X, y = problem(n_samples=300)
    X[:, 1] = 3.0
    with pytest.warns(CollinearityWarning, match="Leave out x1:"):
        model = GDLogisticRegression(C=np.inf).fit(X, y)
    without = GDLogisticRegression(C=np.inf).fit(np.delete(X, 1, axis=1), y)
    assert_allclose(model.coef_[0, 1], 0, atol=1e-12)
    assert_allclose(model.intercept_, without.intercept_, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_units_leave_the_scores_alone(unit):
    X, _ = collinear_problem(2)
    X[:, 5] *= unit
    relations = found_in(X)
    w = np.append(1 / np.abs(X).max(axis=0), 1.0)
    shifted = w + np.append(relations.null_space @ [3.0, -2.0], 0) / np.abs(X).max()
    for start in (w, shifted):
        least = relations.least_norm(start)
        scores = X @ start[:-1] + start[-1]
        assert_allclose(X @ least[:-1] + least[-1], scores, rtol=1e-12, atol=1e-12)
        assert np.linalg.norm(least[:-1]) <= np.linalg.norm(start[:-1])
        others = relations.without_redundant(start)
        assert_allclose(X @ others[:-1] + others[-1], scores, rtol=1e-10, atol=1e-10)
        assert not others[:-1][relations.redundant].any()


def test_a_hundred_names_at_most():
    X, y = problem(n_samples=600, n_features=2)
    with pytest.warns(CollinearityWarning, match=r"(x\d+, ){100}\.\.\. \(118 in all\):"):
        GDLogisticRegression(C=np.inf).fit(np.repeat(X, 60, axis=1), y)


def test_with_a_penalty_there_is_no_warning():
    X, y = collinear_problem(2)
    GDLogisticRegression(C=1e6).fit(X, y)


def test_a_warm_start_goes_on_from_coefficients_of_least_norm():
    X, y = collinear_problem(2)
    model = GDLogisticRegression(C=np.inf, warm_start=True, tol=1e-12)
    with pytest.warns(CollinearityWarning):
        first = model.fit(X, y).coef_
    with pytest.warns(CollinearityWarning):
        assert_allclose(model.fit(X, y).coef_, first, rtol=1e-6)


def test_the_gram_matrix_of_many_columns_is_not_worth_it():
    X = scipy.sparse.csr_array(scipy.sparse.random(100, 3000, density=0.01, random_state=0))
    assert not affordable(objective(X, np.arange(100) % 2), passes=10)
    assert affordable(objective(X[:, :50], np.arange(100) % 2), passes=10)


def test_dask_and_weights():
    da = pytest.importorskip("dask.array")
    X, y = collinear_problem(2)
    s = weights(len(y))
    with pytest.warns(CollinearityWarning, match="Leave out x2, x5:"):
        expected = GDLogisticRegression(C=np.inf, tol=1e-13).fit(X, y, s)
    with pytest.warns(CollinearityWarning, match="Leave out x2, x5:"):
        model = GDLogisticRegression(C=np.inf, tol=1e-13).fit(
            *(da.from_array(array, chunks=100) for array in (X, y, s))
        )
    assert_allclose(model.coef_, expected.coef_, rtol=1e-6)
