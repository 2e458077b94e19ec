"""Paths against separate fits, and the strength at which the first coefficient comes up."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic import C_max, GDLogisticRegression, regularization_path

from ..common import needs_scikit_learn, problem, weights


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_a_path_is_that_of_separate_fits(n_classes, l1_ratio):
    X, y = problem(150, 12, n_classes)
    s = weights(len(y))
    estimator = GDLogisticRegression(tol=1e-12, class_weight="balanced")
    path = regularization_path(X, y, Cs=6, l1_ratio=l1_ratio, sample_weight=s, estimator=estimator)
    assert np.all(np.diff(path.Cs) > 0)
    for C, coef, intercept, gap in zip(*path[:4], strict=True):
        alone = GDLogisticRegression(C=C, l1_ratio=l1_ratio, tol=1e-12, class_weight="balanced")
        alone.fit(X, y, s)
        assert_allclose(coef, alone.coef_, rtol=1e-4, atol=1e-6)
        assert_allclose(intercept, alone.intercept_, rtol=1e-4, atol=1e-6)
        assert 0 <= gap <= 1e-4
    assert (
        estimator.get_params()
        == GDLogisticRegression(tol=1e-12, class_weight="balanced").get_params()
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.2, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_first_coefficient_comes_up_beyond_C_max(n_classes, l1_ratio, fit_intercept):  # noqa: N802
    X, y = problem(100, 6, n_classes)
    s = weights(len(y))
    estimator = GDLogisticRegression(fit_intercept=fit_intercept, penalty_weights=np.arange(1.0, 7))
    largest = C_max(X, y, l1_ratio, sample_weight=s, estimator=estimator)
    for factor, n_expected in ((0.999, 0), (1.001, 1)):
        model = GDLogisticRegression(**estimator.get_params())
        model.set_params(C=factor * largest, l1_ratio=l1_ratio).fit(X, y, s)
        assert np.count_nonzero(model.coef_.any(axis=0)) == n_expected


def test_a_feature_without_penalty_is_fitted_first():
    X, y = problem(200, 5, seed=1)
    estimator = GDLogisticRegression(penalty_weights=[0, 1, 1, 1, 1])
    largest = C_max(X, y, estimator=estimator)
    for factor, n_expected in ((0.999, 1), (1.001, 2)):
        model = GDLogisticRegression(
            C=factor * largest, l1_ratio=1.0, penalty_weights=estimator.penalty_weights
        )
        assert np.count_nonzero(model.fit(X, y).coef_) == n_expected


def test_rows_that_tell_nothing():
    X, y = np.zeros((6, 2)), np.array([0, 1, 0, 1, 0, 1])
    assert C_max(X, y) == np.inf
    with pytest.raises(ValueError, match="X tells nothing about y"):
        regularization_path(X, y)
    with pytest.raises(ValueError, match="at least two classes"):
        regularization_path(X, y, sample_weight=y)
    with pytest.raises(ValueError, match="positive and finite"):
        regularization_path(*problem(), Cs=[1.0, -1.0])
    with pytest.raises(ValueError, match="l1_ratio"):
        C_max(X, y, 0.0)


def test_a_path_on_sparse_rows_in_any_order_of_the_strengths():
    X, y = problem(200, 20, density=0.2)
    Cs = [1.0, 0.05, 0.3]
    path = regularization_path(scipy.sparse.csr_array(X), y, Cs)
    dense = regularization_path(X, y, Cs)
    assert_array_equal(path.Cs, [0.05, 0.3, 1.0])
    assert_allclose(path.coefs, dense.coefs, rtol=1e-4, atol=1e-6)
    assert_array_equal(path.coefs != 0, dense.coefs != 0)


def test_each_strength_is_an_iteration_of_the_callbacks():
    needs_scikit_learn("1.9", "there are no callbacks")
    seen = []

    class Recorder:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **_):
            seen.append(context.task_name)

        def on_fit_task_end(self, estimator, context, **_):
            return False

        def teardown(self, estimator, context):
            pass

    X, y = problem()
    estimator = GDLogisticRegression()
    estimator.set_callbacks(Recorder())
    regularization_path(X, y, Cs=5, estimator=estimator)
    assert seen.count("iteration") == 4
