"""Predictions: against scikit-learn and SciPy, of extreme scores, and conversions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression

from ..common import every_solver, problem
from .common import every_number_of_classes, fit, fitted


@pytest.mark.parametrize("size", [0.0, 37.0, 1e3, 1e20, 1e300])
@every_number_of_classes
def test_predictions_of_extreme_scores(size, n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    with np.errstate(all="raise"):
        proba, log_proba = model.predict_proba(X * size), model.predict_log_proba(X * size)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-15)
    assert (proba >= 0).all()
    assert np.isfinite(log_proba).all()
    scores = model.decision_function(X * size)
    scores = np.column_stack([np.zeros(len(y)), scores]) if n_classes == 2 else scores
    assert_allclose(log_proba, scipy.special.log_softmax(scores, 1), rtol=1e-12, atol=1e-15)
    assert_allclose(proba, scipy.special.softmax(scores, 1), rtol=1e-12, atol=1e-300)
    assert_array_equal(model.predict(X * size), scores.argmax(axis=1))


@every_number_of_classes
def test_predictions_are_those_of_scikit_learn(n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    twin = LogisticRegression().fit(X, y)
    twin.coef_, twin.intercept_ = model.coef_, model.intercept_
    assert_allclose(model.decision_function(X), twin.decision_function(X), rtol=1e-12)
    assert_allclose(model.predict_proba(X), twin.predict_proba(X), rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), twin.predict_log_proba(X), rtol=1e-11)
    assert_array_equal(model.predict(X), twin.predict(X))


def test_a_score_of_zero_is_the_first_class():
    X, y = problem()
    model = fit({"solver": "gd"}, X, y, max_iter=0, tol=0.0)
    assert_array_equal(model.predict(X), 0)


@pytest.mark.parametrize(
    "layout",
    [np.asarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix],
)
@every_number_of_classes
def test_sparse_coefficients_predict_the_same(layout, n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    scores, coef = model.decision_function(X), model.coef_
    assert model.sparsify() is model
    assert scipy.sparse.issparse(model.coef_)
    assert type(model.decision_function(layout(X))) is np.ndarray
    assert_allclose(model.decision_function(layout(X)), scores, rtol=1e-12)
    assert_allclose(model.predict_proba(layout(X)).sum(axis=1), 1, rtol=1e-14)
    assert model.sparsify().densify() is model
    assert_array_equal(model.densify().coef_, coef)


@pytest.mark.parametrize(
    "method",
    ["decision_function", "predict", "predict_proba", "predict_log_proba", "sparsify", "densify"],
)
def test_before_the_fit(method):
    X, _ = problem()
    arguments = () if method.endswith("sify") else (X,)
    with pytest.raises(NotFittedError):
        getattr(GDLogisticRegression(), method)(*arguments)


@every_solver
def test_predicting_checks_the_features(solver, data):
    X, _ = data
    model = fitted(solver)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(ValueError, match="3 features"):
            getattr(model, method)(X[:, :3])
        with pytest.raises(ValueError, match="NaN"):
            getattr(model, method)(np.full_like(X, np.nan))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_same_model_as_scikit_learns(n_classes, names, intercept):
    pandas = pytest.importorskip("pandas")
    X, y = problem(n_classes=n_classes)
    y = np.array(["a", "b", "c"])[y]
    X = pandas.DataFrame(X, columns=list("abcd")) if names else X
    model = GDLogisticRegression(C=3.0, fit_intercept=intercept, class_weight="balanced").fit(X, y)
    theirs = model.to_sklearn()
    assert type(theirs) is LogisticRegression
    assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-13)
    assert_array_equal(theirs.predict(X), model.predict(X))
    assert theirs.C == 3.0
    assert theirs.class_weight == "balanced"
    assert_array_equal(theirs.n_iter_, model.n_iter_)
    assert theirs.n_iter_ is not model.n_iter_
    assert hasattr(theirs, "feature_names_in_") == names
    theirs.coef_[:] = 0
    assert model.coef_.any()
    theirs.fit(X, y)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of the name of the penalty
def test_the_same_model_as_scikit_learns_is_sparse_too():
    X, y = problem()
    model = GDLogisticRegression(C=0.1, l1_ratio=0.7).fit(X, y)
    theirs = model.to_sklearn()
    assert_array_equal(theirs.coef_, model.coef_)
    refitted = theirs.set_params(tol=1e-10, max_iter=10_000).fit(X, y)
    assert_allclose(refitted.coef_, model.coef_, rtol=1e-4, atol=1e-6)
    assert_array_equal(refitted.coef_ == 0, model.coef_ == 0)
