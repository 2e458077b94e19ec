"""Log-likelihoods, criteria and the likelihood-ratio test against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import CollinearityWarning, FitStatistics, fit_statistics

from ..common import every_layout, probabilities, problem
from .test_inference import (
    anes96,
    every_data,
    fitted,
    maximised,
    three_classes,
    with_constant,
)

sm = pytest.importorskip("statsmodels.api")


def assert_same_as_statsmodels(found, result, n_classes=2):
    for name, of_statsmodels in {
        "log_likelihood": "llf",
        "null_log_likelihood": "llnull",
        "lr_statistic": "llr",
        "aic": "aic",
        "bic": "bic",
        "pseudo_r2": "prsquared",
        "n_samples": "nobs",
    }.items():
        assert_allclose(getattr(found, name), getattr(result, of_statsmodels), rtol=1e-6)
    assert_allclose(found.lr_p_value, result.llr_pvalue, rtol=1e-5, atol=1e-300)
    assert found.df == result.df_model


@every_data
def test_two_classes_as_logit(data):
    X, y = data()
    result = maximised(sm.Logit(np.asarray(y), with_constant(X)))
    assert_same_as_statsmodels(fit_statistics(fitted(X, y), X, y), result)


@pytest.mark.parametrize("data", [anes96, three_classes])
def test_more_classes_as_mnlogit(data):
    X, y = data()
    result = maximised(sm.MNLogit(np.asarray(y), with_constant(X)))
    assert_same_as_statsmodels(fit_statistics(fitted(X, y), X, y), result)


@every_layout
def test_weights_count_samples(layout):
    X, y = problem(n_samples=200)
    s = np.random.default_rng(0).integers(0, 4, size=len(y))
    found = fit_statistics(fitted(layout(X), y, s), layout(X), y, s)
    X, y = np.repeat(X, s, axis=0), np.repeat(y, s)
    assert_same_as_statsmodels(found, maximised(sm.Logit(y, with_constant(X))))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_an_intercept_all_classes_are_equally_probable(n_classes):
    X, y = problem(n_samples=200, n_classes=n_classes)
    found = fit_statistics(fitted(X, y, fit_intercept=False), X, y)
    assert_allclose(found.null_log_likelihood, -200 * np.log(n_classes), rtol=1e-14)
    assert found.df == 4 * (n_classes - 1)
    assert_allclose(found.aic, 2 * (found.df - found.log_likelihood), rtol=1e-14)
    expected = scipy.stats.chi2.sf(found.lr_statistic, found.df)
    assert_allclose(found.lr_p_value, expected, rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_columns_that_others_determine_do_not_count(n_classes):
    X, y = problem(n_samples=200, n_classes=n_classes)
    more = np.column_stack([X, X[:, 0] + X[:, 1], np.full(200, 7.0)])
    with pytest.warns(CollinearityWarning):
        model = fitted(more, y)
    found, expected = fit_statistics(model, more, y), fit_statistics(fitted(X, y), X, y)
    assert_allclose(
        [getattr(found, name) for name in vars(found)],
        [getattr(expected, name) for name in vars(found)],
        rtol=1e-9,
    )


def test_soft_labels_count_like_weighted_rows():
    X, _ = problem(n_samples=100)
    Y = probabilities(100, 3)
    rows, labels = np.nonzero(Y)
    s = Y[rows, labels]
    found = fit_statistics(fitted(X, Y), X, Y)
    expected = fit_statistics(fitted(X[rows], labels, s), X[rows], labels, s)
    assert_allclose(list(vars(found).values()), list(vars(expected).values()), rtol=1e-9)


def test_a_pipeline_transforms():
    X, y = problem(n_samples=200)
    model = fitted(X, y)
    pipeline = make_pipeline(StandardScaler(), model.__class__(C=np.inf, tol=1e-15)).fit(X, y)
    found, expected = fit_statistics(pipeline, X, y), fit_statistics(model, X, y)
    assert isinstance(found, FitStatistics)
    assert_allclose(list(vars(found).values()), list(vars(expected).values()), rtol=1e-10)


def test_refusals():
    X, y = problem(n_samples=200)
    model = fitted(X, y)
    with pytest.raises(ValueError, match=r"penalty of C=1\.0"):
        fit_statistics(fitted(X, y, C=1.0), X, y)
    with pytest.raises(ValueError, match="from the optimum of these data"):
        fit_statistics(model, X[:100], y[:100])
    with pytest.raises(TypeError, match="best_estimator_"):
        fit_statistics(GridSearchCV(model, {}), X, y)
