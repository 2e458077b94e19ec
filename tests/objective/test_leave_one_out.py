"""Approximate leave-one-out is one Newton step without a row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

from bce_logistic.objective import leave_one_out as module
from bce_logistic.objective.leave_one_out import in_row_space, leave_one_out
from bce_logistic.rows.memory import row_blocks
from bce_logistic.solvers.path import minimize_along

from ..common import objective, problem, weights
from ..solvers.test_path import preconditioned


def optimum(whole):
    path = minimize_along(
        whole, np.ones(1), preconditioned(1e-15), lambda *_: False, lambda *_: None
    )
    return path.w[0].reshape(whole.shape)


def newton_step_without(whole, w, i):
    """Scores of row i after Newton's step from ``w`` on the other rows; an independent formula."""
    s = np.array(whole.rows.s)
    s[i] = 0
    rest = replace(whole, rows=whole.rows.reweighted(s))
    n_columns, n_scores = whole.shape[0], whole.n_scores
    H = rest.hessian(w).reshape(n_columns * n_scores, -1)
    g = rest.at(w).gradient.reshape(n_columns, n_scores).T.ravel()
    # The step is not unique along the sum of the classes' intercepts; the probabilities are.
    step = np.linalg.lstsq(H, g, rcond=1e-10)[0].reshape(n_scores, n_columns).T
    after = w.reshape(n_columns, n_scores) - step
    x = whole.rows.X[[i]]
    x = x.toarray()[0] if scipy.sparse.issparse(x) else x[0]
    return np.append(x, 1)[:n_columns] @ after


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_are_those_after_one_newton_step(n_classes, layout, fit_intercept, monkeypatch):
    monkeypatch.setattr(module, "BATCH_NUMBERS", 100)
    X, y = problem(40, 3, n_classes=n_classes)
    s = weights(40) + 0.1
    whole = objective(X, y, s, fit_intercept=fit_intercept)
    whole = replace(whole, rows=row_blocks(layout(X), whole.rows.y, s))
    w = optimum(whole)
    found = leave_one_out(whole, w)
    for i in range(0, 40, 7):
        expected = newton_step_without(whole, w, i)
        z = found.z[i]
        centred = [a - a.mean() * (n_classes > 2) for a in (z, expected)]
        assert_allclose(*centred, rtol=1e-5, atol=1e-7)
    assert ((found.leverage > 0) & (found.leverage < 1)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_space_of_the_rows_changes_nothing(n_classes):
    X, y = problem(30, 50, n_classes=n_classes)
    whole = objective(X, y)
    w = optimum(whole)
    few, Q = in_row_space(whole)
    v = np.concatenate([Q.T @ w[:50], w[50:]])
    assert few.shape[0] == 31
    assert_allclose(few.at(v).value, whole.at(w).value, rtol=1e-8)
    assert_allclose(leave_one_out(few, v).z, leave_one_out(whole, w).z, rtol=1e-6, atol=1e-8)


def test_the_leverages_add_up_to_the_degrees_of_freedom():
    X, y = problem(200, 3)
    whole = objective(X, y, C=1e8)
    leverage = leave_one_out(whole, optimum(whole)).leverage
    assert_allclose(leverage.sum(), 4, rtol=1e-4)
