"""Helpers of the tests of the estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression
from bce_logistic.objective.objective import Objective

from ..common import problem

every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3])


def fit(solver, X, y, sample_weight=None, **params):
    return GDLogisticRegression(**{**solver, **params}).fit(X, y, sample_weight)


def same_model(model, other, rtol=1e-6):
    """Same coefficients; intercepts too, which for softmax count up to a common number."""
    scale = np.abs(other.coef_).max()
    assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=rtol * scale)
    centred = [m.intercept_ - m.intercept_.mean() * (len(m.classes_) > 2) for m in (model, other)]
    assert_allclose(*centred, rtol=rtol, atol=rtol * scale)


def logistic_regression(X, y, sample_weight=None, **params):
    """scikit-learn's optimum, to the last digits."""
    params = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000, **params}
    return LogisticRegression(**params).fit(X, y, sample_weight)


def multiples(n_classes=2):
    """Features that float16, float32 and small integers hold exactly; a third are zero."""
    X, y = problem(n_samples=90, n_classes=n_classes, density=0.7)
    return np.round(X * 4), y


def fitted_attributes(model):
    return {name: v for name, v in vars(model).items() if name not in model.get_params()}


def snapshot(model):
    """Everything the model holds, to compare bit by bit."""
    return {name: pickle.dumps(v) for name, v in vars(model).items()}


def refuses(model, X, y, sample_weight=None, *, error=ValueError, match=None):
    """Check that a fit fails without work, and leaves the model as it was."""
    before = snapshot(model)
    with pytest.MonkeyPatch.context() as patch:
        updates = []
        at = Objective.at
        patch.setattr(Objective, "at", lambda self, w: updates.append(0) or at(self, w))
        with pytest.raises(error, match=match):
            model.fit(X, y, sample_weight)
    assert len(updates) <= 1  # the first evaluation is what sees that X is not finite
    assert snapshot(model) == before


def fitted(solver, warm_start=False):
    """A model that has something to lose."""
    X, y = problem(n_features=4)
    return fit(solver, X, y, max_iter=20, tol=0.0, warm_start=warm_start)
