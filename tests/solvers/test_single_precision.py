"""Passes in single precision far from the optimum: faster, and the answer is the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from bce_logistic import GDLogisticRegression
from bce_logistic.solvers import ladder, single_precision
from bce_logistic.solvers.single_precision import in_single_precision

from ..common import objective, weights


def wide(n_samples=2000, n_features=250, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) + 1.0
    W = rng.normal(size=(n_features, n_classes)) / 7
    return X, (X @ W + rng.gumbel(size=(n_samples, n_classes))).argmax(axis=1)


@pytest.fixture
def used(monkeypatch):
    """Objectives in single precision that were made."""
    made = []
    monkeypatch.setattr(single_precision, "MIN_NUMBERS", 1)

    def recorded(objective):
        made.append(in_single_precision(objective))
        return made[-1]

    monkeypatch.setattr(ladder, "in_single_precision", recorded)
    return made


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("params", [{}, {"C": 100.0}, {"fit_intercept": False}])
def test_the_answer_is_that_of_double_precision(params, n_classes, used, monkeypatch):
    X, y = wide(n_classes=n_classes)
    s, before = weights(len(y)), X.copy()
    model = GDLogisticRegression(tol=1e-12, **params).fit(X, y, s)
    assert used[0] is not None
    assert used[0].rows.passes > 3
    monkeypatch.setattr(ladder, "in_single_precision", lambda _: None)
    expected = GDLogisticRegression(tol=1e-12, **params).fit(X, y, s)
    assert model.stop_reason_ == expected.stop_reason_ == "tol"
    assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-5 * np.abs(model.coef_).max())
    assert model.gap_ * s.sum() <= 1e-12 * expected.loss_curve_[-1] * s.sum()
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("max_iter", [1, 3])
def test_a_fit_that_ends_early_is_certified_in_double_precision(max_iter, used):
    X, y = wide()
    with pytest.warns(match="max_iter"):
        model = GDLogisticRegression(max_iter=max_iter, tol=1e-12).fit(X, y)
    assert used[0].rows.passes > 0
    best = GDLogisticRegression(tol=1e-12).fit(X, y)
    F = objective(X, y)
    at, least = (
        F.at(np.append(fitted.coef_[0], fitted.intercept_)).value for fitted in (model, best)
    )
    assert model.gap_ * len(y) >= at - least
    assert_allclose(model.loss_curve_[-1] * len(y), at, rtol=1e-5)


def test_it_is_left_out_where_it_does_not_pay(tmp_path):
    X, y = wide(8000, 530)
    X.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", shape=X.shape, mode="r")
    huge = X.copy()
    huge[0, 0] = 1e39
    assert in_single_precision(objective(X, y)).rows.dtype == np.float32
    for other in (
        X[:, :100],
        X[:1000],
        X[:200],
        X + 30.0,
        huge,
        X.astype(np.float32),
        csr_array(X),
        mapped,
    ):
        assert in_single_precision(objective(other, y[: other.shape[0]])) is None
