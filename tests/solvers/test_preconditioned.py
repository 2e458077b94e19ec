"""The fast solver keeps its promises: how close, how soon, and what without an optimum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bce_logistic import GDLogisticRegression, SeparationWarning
from bce_logistic.preconditioning.subsample import Subsample
from bce_logistic.rows.memory import DRAWN_NON_ZEROS, row_blocks

from ..common import every_layout, fitted_value, problem


def fast(**params):
    return GDLogisticRegression(solver="preconditioned", **params)


def breast_cancer(scale):
    X, y = load_breast_cancer(return_X_y=True)
    return (StandardScaler().fit_transform(X) if scale else X), y


def heavy_tails():
    """Features with outliers, one of them far from zero and on another scale."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, size=(3000, 20))
    y = (X @ rng.normal(size=20) / 3 + rng.logistic(size=3000) > 0).astype(int)
    X[:, 3] = 100 * X[:, 3] + 1e5
    return X, y


def rare_columns():
    """Many rows, and features that few of them have."""
    rng = np.random.default_rng(1)
    shares = np.geomspace(0.5, 2e-4, 20)
    X = (rng.random((30_000, 20)) < shares).astype(float)
    y = (X @ rng.normal(scale=2, size=20) + rng.logistic(size=30_000) > 0).astype(int)
    return X, y


def one_hot():
    rng = np.random.default_rng(2)
    codes = (rng.exponential(size=(5000, 3)) * [5, 20, 60]).astype(int)
    X = OneHotEncoder().fit_transform(codes)
    y = (X @ rng.normal(size=X.shape[1]) + rng.logistic(size=5000) > 0).astype(int)
    return X, y


def wide():
    return problem(n_samples=100, n_features=520, density=0.2)


def genes():
    """Very few rows, in units that differ by orders of magnitude; a plane separates them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 400))
    y = (X[:, :20].sum(axis=1) + rng.normal(size=60) > 0).astype(int)
    X[:, ::10] = 100 * X[:, ::10] + 1e5
    return X, y


def genes_of_three_kinds():
    X, _ = genes()
    return X, np.digitize(X[:, 1:10].sum(axis=1), [-1.5, 1.5])


def kinds_in_units():
    """Four classes, features whose units differ by six orders of magnitude."""
    X, y = problem(n_samples=190, n_features=60, n_classes=4)
    return X * np.random.default_rng(1).permutation(np.logspace(-3, 3, 60)), y


def correlated():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(4000, 30))
    for j in range(1, 30):
        X[:, j] = 0.99 * X[:, j - 1] + 0.14 * X[:, j]
    return X, (X @ rng.normal(size=30) + rng.logistic(size=4000) > 0).astype(int)


def digits():
    return load_digits(n_class=4, return_X_y=True)


DATA = {
    "breast cancer": (lambda: breast_cancer(True), 1.0),
    "breast cancer, raw": (lambda: breast_cancer(False), 1.0),
    "heavy tails": (heavy_tails, 1000.0),
    "rare columns": (rare_columns, 1.0),
    "rare columns, no penalty": (rare_columns, 1e6),
    "one-hot": (one_hot, 1.0),
    "wide": (wide, 1.0),
    "genes": (genes, 1.0),
    "genes, weak penalty": (genes, 1000.0),
    "genes of three kinds": (genes_of_three_kinds, 1.0),
    "kinds in units": (kinds_in_units, 100.0),
    "correlated": (correlated, 1000.0),
    "digits": (digits, 1e-3),
}


WIDE = ("wide", "genes", "genes, weak penalty", "genes of three kinds")


def gap(model, X, y):
    """How far the objective is above its minimum: half the squared Newton decrement.

    Close to the minimum that is exact. The Hessian is written out, all classes together.
    """
    X = np.column_stack([X.toarray() if scipy.sparse.issparse(X) else X, np.ones(len(y))])
    W = np.column_stack([model.coef_, model.intercept_])
    penalty = np.append(np.full(X.shape[1] - 1, 1 / model.C), 0)
    unit = np.sqrt((X**2).sum(axis=0) + penalty)  # the columns differ by orders of magnitude
    X, W, penalty = X / unit, W * unit, penalty / unit**2
    z = X @ W.T
    proba = scipy.special.expit(z) if len(W) == 1 else scipy.special.softmax(z, axis=1)
    label = y[:, None] if len(W) == 1 else np.eye(len(W))[y]
    gradient = (proba - label).T @ X + W * penalty
    blocks = [
        [X.T @ ((proba[:, [k]] * ((k == j) - proba[:, [j]])) * X) for j in range(len(W))]
        for k in range(len(W))
    ]
    hessian = np.block(blocks) + np.diag(np.tile(penalty, len(W)))
    step = np.linalg.lstsq(hessian, gradient.ravel(), rcond=1e-12)[0]
    return gradient.ravel() @ step / 2


@pytest.fixture(scope="module", params=DATA)
def task(request):
    """Features, labels, C and the optimum."""
    data, C = DATA[request.param]
    X, y = data()
    best = fast(C=C, tol=1e-14, max_iter=3000).fit(X, y)
    optimum = fitted_value(best, X, y)
    assert gap(best, X, y) < 1e-11 * optimum
    return X, y, C, optimum


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6, 1e-8])
def test_tol_is_the_relative_distance_to_the_optimum(task, tol):
    X, y, C, optimum = task
    model = fast(C=C, tol=tol).fit(X, y)
    assert model.converged_
    assert fitted_value(model, X, y) <= optimum * (1 + tol + 1e-11)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_few_rows_in_single_precision_with_a_weak_penalty(n_classes):
    X, y = problem(n_samples=61, n_features=130, n_classes=n_classes)
    X *= np.random.default_rng(1).permutation(np.logspace(-3, 3, 130))
    X = X.astype(np.float32)
    best = fast(C=200.0, tol=1e-8, max_iter=3000).fit(X.astype(np.float64), y)
    model = fast(C=200.0).fit(X, y)
    assert fitted_value(model, X, y) <= fitted_value(best, X, y) * (1 + 1e-5)


@pytest.mark.parametrize("tol", [1e-6, "auto"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_precision_takes_no_more_steps_than_double(n_classes, tol):
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(3000, 200)), rng.normal(size=(200, n_classes)) / 7
    y = (X @ W + rng.gumbel(size=(3000, n_classes))).argmax(axis=1)
    exact = GDLogisticRegression(C=10, tol=1e-6 if tol == 1e-6 else 1e-8).fit(X, y)
    model = GDLogisticRegression(C=10, tol=tol).fit(X.astype(np.float32), y)
    assert model.stop_reason_ == "tol"
    assert model.n_iter_[0] <= exact.n_iter_[0] + 2
    assert_allclose(model.coef_, exact.coef_, rtol=0, atol=1e-3)


def test_the_default_tolerance_gives_the_coefficients(task):
    X, y, C, _ = task
    best = fast(C=C, tol=1e-14, max_iter=3000).fit(X, y)
    model = fast(C=C).fit(X, y)
    assert model.converged_
    assert_allclose(model.coef_, best.coef_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("task", [name for name in DATA if name not in WIDE], indirect=True)
def test_fewer_passes_than_the_iterations_of_lbfgs(task):
    X, y, C, _ = task
    model = fast(C=C, tol=1e-6).fit(X, y)
    other = LogisticRegression(C=C, tol=1e-10, max_iter=model.n_iter_[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other.fit(X, y)
    assert fitted_value(model, X, y) < fitted_value(other, X, y)


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_separation_without_a_penalty_is_warned_of(layout, n_classes):
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = (X @ np.eye(3)[:, :n_classes]).argmax(axis=1)
    with pytest.warns(SeparationWarning, match="Set C to a finite value"):
        model = fast(C=np.inf).fit(layout(X), y)
    assert model.stop_reason_ == "separated"
    assert not model.converged_
    assert np.isfinite(model.coef_).all()
    assert_array_equal(model.predict(layout(X)), y)


def test_warning_of_separation_points_at_the_call_of_fit():
    with pytest.warns(SeparationWarning) as record:
        fast(C=np.inf).fit([[0.0], [1.0]], [0, 1])
    assert [warning.filename for warning in record] == [__file__]


def test_separation_with_a_penalty_is_no_trouble():
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = (X[:, 0] > 0).astype(int)
    model = fast(C=1e6).fit(X, y)
    assert model.stop_reason_ == "tol"
    assert_array_equal(model.predict(X), y)


def test_no_separation_no_warning():
    X, y = problem(n_samples=300)
    assert fast(C=np.inf).fit(X, y).stop_reason_ == "tol"


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e2, 1e6])
def test_the_scale_of_features_is_of_no_account(scale):
    X, y = problem(n_samples=500, n_features=6)
    model = fast(C=np.inf, tol=1e-12).fit(X, y)
    scaled = fast(C=np.inf, tol=1e-12).fit(X * scale, y)
    assert_allclose(scaled.coef_ * scale, model.coef_, rtol=1e-5)
    assert abs(scaled.n_iter_[0] - model.n_iter_[0]) <= 2


def test_the_draw_of_rows_is_that_of_the_seed():
    X, y = rare_columns()
    model, same, other = (fast(random_state=seed).fit(X, y) for seed in (0, 0, 1))
    assert_array_equal(model.coef_, same.coef_)
    assert_allclose(other.loss_curve_[-1], model.loss_curve_[-1], rtol=1e-6)
    assert_array_equal(fast().fit(X, y).coef_, fast().fit(X, y).coef_)


def test_a_large_subsample_is_approached_in_steps(monkeypatch):
    """Newton's method on a quarter of the rows first: fewer passes, and the same optimum."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80_000, 66))
    y = (X @ rng.normal(size=66) / 4 + rng.logistic(size=80_000) > 0).astype(int)
    sizes = []
    part = Subsample.objective

    def counted(self, n_rows):
        sizes.append(n_rows)
        return part(self, n_rows)

    monkeypatch.setattr(Subsample, "objective", counted)
    model = fast(tol=1e-13).fit(X, y)
    assert len(set(sizes)) > 1
    assert (np.diff(sizes) >= 0).all()
    other = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, y)
    assert_allclose(model.coef_, other.coef_, rtol=1e-5, atol=1e-6)


def test_sparse_columns_that_hold_most_are_found_among_many_non_zeros():
    """The heavy columns are told from a draw of the non-zeros."""
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(40_000, 6500, density=5e-4, format="csr", random_state=0)
    X = scipy.sparse.hstack([X, rng.normal(size=(40_000, 3))], format="csr")
    assert X.nnz > DRAWN_NON_ZEROS
    y = (X[:, -3:] @ [1.0, -2.0, 0.5] + rng.logistic(size=40_000) > 0).astype(int)
    shares = row_blocks(X, y, np.ones(40_000)).column_density()
    exact = np.bincount(X.indices, minlength=6503) / X.nnz
    assert_allclose(shares[-3:], exact[-3:], rtol=0.05)
    assert_allclose(shares.sum(), 1, rtol=1e-12)
    model, other = fast(tol=1e-9).fit(X, y), LogisticRegression(tol=1e-9, max_iter=1000).fit(X, y)
    assert_allclose(fitted_value(model, X, y), fitted_value(other, X, y), rtol=1e-8)


def test_dense_columns_hold_equal_shares():
    X, y = problem()
    assert_array_equal(row_blocks(X, y, np.ones(80)).column_density(), np.full(4, 0.25))


def test_verbose_tells_how_far_the_optimum_is(capsys):
    X, y = breast_cancer(scale=True)
    model = fast(verbose=1, tol=1e-8).fit(X, y)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    best = fitted_value(fast(tol=1e-14).fit(X, y), X, y) / len(y)
    assert len(lines) >= len(model.loss_curve_)
    certain = [line for line in lines if "gap" in line]
    for line in certain:
        value, gap = (float(line[line.index(name) + 1].strip(",")) for name in ("objective", "gap"))
        assert gap >= value - best - 1e-9
    assert certain[-1] == lines[-1]
    assert gap <= 1e-8 * model.loss_curve_[-1]
