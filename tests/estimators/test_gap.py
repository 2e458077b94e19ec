"""``gap_``: never below the distance to an optimum that another solver finds, and close to it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression
from bce_logistic.validation.validation_set import draw_held_out

from ..common import problem, value, weights
from .common import every_number_of_classes

# Fits that stop at very different distances from the optimum.
FITS = {
    "default": {},
    "loose": {"tol": 0.1},
    "one step": {"max_iter": 1, "tol": 0.0},
    "no step": {"max_iter": 0, "tol": 0.0},
    "gd": {"solver": "gd"},
    "accelerated": {"nesterov": True, "max_iter": 5, "tol": 0.0},
    "mean of iterates": {"average": True, "max_iter": 50, "tol": 0.0},
    "mini-batches": {"batch_size": 16, "max_iter": 5, "tol": 0.0},
    "mean over mini-batches": {"batch_size": 16, "average": True, "max_iter": 5, "tol": 0.0},
}
LAYOUTS = [np.asarray, scipy.sparse.csr_array]
every_fit = pytest.mark.parametrize("params", FITS.values(), ids=FITS)
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=["dense", "csr"])


def mean_objective(model, X, y, s):
    """Objective over the total weight, in double precision; ``y`` in 0..K-1."""
    w = np.vstack([model.coef_.T, model.intercept_]).astype(np.float64)
    w = w[:, 0] if w.shape[1] == 1 else w
    return value(w, X.astype(np.float64), y, s, model.C, fit_intercept=True) / s.sum()


def assert_bounds_the_gap(model, X, y, s):
    """No minimum is above the objective of another model, so that the true gap is no smaller."""
    X, y, s = X[s > 0].astype(np.float64), y[s > 0], s[s > 0]
    other = LogisticRegression(
        C=model.C,
        fit_intercept=model.fit_intercept,
        solver="newton-cholesky",
        tol=1e-12,
        max_iter=1000,
    ).fit(X, y, s)
    objective = mean_objective(model, X, y, s)
    rounding = 1e-14 * objective
    assert np.isfinite(model.gap_)
    assert model.gap_ >= objective - mean_objective(other, X, y, s) - rounding
    assert model.gap_ <= objective * (1 + 1e-6)  # no minimum is below zero


@every_fit
@every_layout
@every_number_of_classes
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
def test_the_true_gap_is_no_larger(params, layout, n_classes, C):
    X, y = problem(n_samples=100, n_classes=n_classes, density=0.7)
    s, class_weight = weights(len(y)), {0: 0.5, 1: 2.0}
    for fit_intercept in (True, False):
        model = GDLogisticRegression(
            C=C, fit_intercept=fit_intercept, class_weight=class_weight, **params
        ).fit(layout(X), y, s)
        assert_bounds_the_gap(model, X, y, s * np.array([0.5, 2.0, 1.0])[y])


@every_number_of_classes
@pytest.mark.parametrize("params", [{}, {"tol": 1e-3}, FITS["accelerated"]], ids=str)
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_in_single_precision(n_classes, params, offset):
    X, y = problem(n_samples=300, n_classes=n_classes)
    X, s = (X + offset).astype(np.float32), weights(len(y))
    model = GDLogisticRegression(**params).fit(X, y, s)
    assert_bounds_the_gap(model, X, y, s)


@every_number_of_classes
@pytest.mark.parametrize("params", [{}, {"batch_size": 16}], ids=str)
def test_of_early_stopping_it_is_that_of_the_rows_that_were_learnt_from(n_classes, params):
    X, y = problem(n_samples=200, n_classes=n_classes)
    s = weights(len(y))
    model = GDLogisticRegression(early_stopping=True, **params)
    X_val, y_val = problem(n_samples=50, n_classes=n_classes, seed=1)
    assert_bounds_the_gap(model.fit(X, y, s, X_val=X_val, y_val=y_val), X, y, s)
    learnt = s.copy()
    learnt[draw_held_out(y, s, model.validation_fraction, seed=0)] = 0
    assert_bounds_the_gap(model.fit(X, y, s), X, y, learnt)


@every_number_of_classes
def test_of_rows_in_a_file_and_of_dask(n_classes, tmp_path):
    array = pytest.importorskip("dask.array")
    X, y = problem(n_samples=200, n_classes=n_classes)
    np.save(tmp_path / "X.npy", X)
    model = GDLogisticRegression(tol=1e-3)
    for data in (
        (np.load(tmp_path / "X.npy", mmap_mode="r"), y),
        (array.from_array(X, chunks=(60, 4)), array.from_array(y, chunks=60)),
    ):
        assert_bounds_the_gap(model.fit(*data), X, y, np.ones(len(y)))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("C", [1.0, 1e3])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6, 1e-10])
def test_it_is_within_tol_where_it_ends_the_fit(n_classes, C, tol):
    # So many sparse columns that no Hessian is factored.
    X, y = problem(n_samples=400, n_features=2500, n_classes=n_classes, density=0.02)
    X = scipy.sparse.csr_array(X)
    model = GDLogisticRegression(C=C, tol=tol).fit(X, y)
    assert (model.stop_reason_, model.converged_) == ("tol", True)
    assert 0 <= model.gap_ <= tol * model.loss_curve_[-1]


@pytest.mark.parametrize("params", [{}, {"solver": "gd", "tol": 0.1}, {"batch_size": 16}], ids=str)
def test_it_is_infinite_without_a_penalty(params):
    model = GDLogisticRegression(C=np.inf, **params).fit(*problem())
    assert model.gap_ == np.inf


def test_it_is_infinite_after_partial_fit():
    X, y = problem()
    model = GDLogisticRegression(solver="gd").fit(X, y)
    assert model.gap_ < np.inf
    assert model.partial_fit(X, y).gap_ == np.inf
    model = GDLogisticRegression().partial_fit(X, y, classes=[0, 1], sample_weight=0 * y)
    assert model.gap_ == np.inf


@pytest.mark.filterwarnings("ignore:The classes .* have no weight:UserWarning")
@pytest.mark.parametrize("params", [{}, {"solver": "gd"}], ids=str)
@every_number_of_classes
def test_of_one_class_with_weight_it_is_the_objective(n_classes, params):
    X, y = problem(n_classes=n_classes)
    model = GDLogisticRegression(**params).fit(X, y, y == 1)
    assert (model.stop_reason_, model.converged_) == ("precision", True)
    assert model.gap_ == model.loss_curve_[-1]
    assert_allclose(model.gap_, 0, atol=1e-15)


@pytest.mark.filterwarnings("ignore:The classes .* have no weight:UserWarning")
@pytest.mark.parametrize("params", [{}, {"tol": 1e-2}, {"solver": "gd"}], ids=str)
def test_a_class_without_weight_does_not_count(params):
    X, y = problem(n_samples=200, n_classes=4)
    present = y < 3
    model = GDLogisticRegression(**params).fit(X, y, present)
    alone = GDLogisticRegression(**params).fit(X[present], y[present])
    assert_bounds_the_gap(alone, X[present], y[present], np.ones(present.sum()))
    assert_allclose(model.gap_, alone.gap_, rtol=0.1)
