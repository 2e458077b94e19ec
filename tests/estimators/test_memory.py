"""Memory: of a fit no more than LogisticRegression takes, of a prediction no copy."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression

from ..common import NumPyMemory, every_solver

METHODS = ["decision_function", "predict", "predict_proba", "predict_log_proba"]
every_method = pytest.mark.parametrize("method", METHODS)


def text(n_samples=600, n_features=15_000, n_classes=20, per_row=60):
    """Rows of words, some of them frequent, and labels that a model draws."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, n_features + 1) ** 0.8
    indices = rng.choice(n_features, n_samples * per_row, p=share / share.sum())
    indptr = np.arange(0, len(indices) + 1, per_row)
    X = scipy.sparse.csr_array((np.ones(len(indices)), indices, indptr), (n_samples, n_features))
    X.sum_duplicates()
    scores = X @ rng.normal(size=(n_features, n_classes)) / 4
    return X, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_of_many_coefficients(monkeypatch):
    # As if they were so many that the curvature pairs are as few as they can be.
    monkeypatch.setattr("bce_logistic.solvers.ladder.MAX_PAIR_NUMBERS", 0)
    X, y = text()
    with NumPyMemory() as theirs:
        LogisticRegression(C=30.0, max_iter=2).fit(X, y)  # all its memory is taken at once
    with NumPyMemory() as ours:
        model = GDLogisticRegression(C=30.0, tol=1e-6, n_jobs=1).fit(X, y)
    assert len(model.loss_curve_) > 20  # all pairs are kept, and the preconditioner changed
    assert ours.peak < 1.2 * theirs.peak
    assert ours.kept < 1.1 * (model.coef_.nbytes + y.nbytes)


@every_solver
@every_method
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_predicting_sparse_rows_copies_no_coefficients(solver, method):
    X, y = text(300, 5000)
    model = GDLogisticRegression(**{**solver, "max_iter": 2}).fit(X, y)
    for one in (model, pickle.loads(pickle.dumps(model))):
        with NumPyMemory() as memory:
            getattr(one, method)(X[:1])
        assert memory.peak < model.coef_.nbytes / 8


@every_method
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predicting_copies_no_frame_and_no_fortran_order(method, n_classes):
    pandas = pytest.importorskip("pandas")
    X = np.asfortranarray(np.random.default_rng(0).normal(size=(20_000, 60)))
    model = GDLogisticRegression().fit(X[:500], np.arange(500) % n_classes)
    for rows in (X, pandas.DataFrame(X)):
        with NumPyMemory() as memory:
            getattr(model, method)(rows)
        assert memory.peak < X.nbytes / 3
