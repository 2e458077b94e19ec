"""What the default solver calls converged is converged, on data that misled it before.

Two oracles. Few columns: Newton's method of scikit-learn, to rounding. Many: the dual problem,
evaluated explicitly: for the best intercept, with the residual ``q - y`` of the prediction ``q``,
the objective is at least

    -sum(sum(q log q)) - C / 2 * ||X.T (q - y)||^2.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose
from scipy.special import logsumexp, softmax, xlogy
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bce_logistic import GDLogisticRegression
from bce_logistic.solvers import convergence

from ..common import fitted_value

TOLS = [1e-4, 1e-6, "auto"]
every_tol = pytest.mark.parametrize("tol", TOLS)


def relative_gap(model, X, y):
    """Objective at the coefficients of a model above the dual value, relative to the objective."""
    n_classes = len(model.classes_)
    Y = np.eye(n_classes)[np.searchsorted(model.classes_, y)]
    W, b = model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64)
    half = 1.0
    if n_classes == 2:  # as two scores that differ by z, whose penalty is half that of w
        W, b, half = np.hstack([-W / 2, W / 2]), np.array([-b[0] / 2, b[0] / 2]), 2.0
    Z = np.asarray(X @ W)
    primal = _value(Z + b, Y) + half * (W**2).sum() / (2 * model.C)
    for _ in range(50):
        P = softmax(Z + b, axis=1)
        hessian = np.diag(P.sum(axis=0)) - P.T @ P
        b = b - np.linalg.lstsq(hessian, (P - Y).sum(axis=0), rcond=1e-14)[0]
    P = softmax(Z + b, axis=1)
    slope = np.asarray(X.T @ (P - Y))
    dual = -xlogy(P, P).sum() - model.C / half / 2 * (slope**2).sum()
    return (primal - dual) / primal


def _value(Z, Y):
    return (logsumexp(Z, axis=1) - (Y * Z).sum(axis=1)).sum()


def one_hot(seed=0, n_samples=30_000, levels=(10, 40, 20)):
    """One-hot columns with all dummies kept: each block sums to one."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, k, n_samples) for k in levels])
    X = OneHotEncoder().fit_transform(codes)
    z = X @ rng.normal(size=X.shape[1]) + rng.logistic(size=n_samples)
    return X, (z > np.quantile(z, 0.75)).astype(int)


def factors(seed=0, n_samples=2000, n_features=300, noise=0.1):
    """Features that a sixth as many factors explain, but for a little noise."""
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n_samples, n_features // 6))
    X = F @ rng.normal(size=(n_features // 6, n_features))
    X += noise * rng.normal(size=X.shape)
    return X, (F @ rng.normal(size=F.shape[1]) + rng.logistic(size=n_samples) > 0).astype(int)


def collinear(seed=0, dtype=np.float64):
    """A quarter of the columns twice."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 20))
    X = np.hstack([X, X[:, :5]])
    y = X @ rng.normal(size=25) + rng.logistic(size=3000) > 0
    return X.astype(dtype), y.astype(int)


def mixed(seed=0):
    """One-hot columns, some of rare levels, beside standardised numbers, in one CSR matrix."""
    rng = np.random.default_rng(seed)
    X, _ = one_hot(seed, 20_000, (3, 12, 500))
    N = rng.normal(size=(20_000, 3))
    X = scipy.sparse.hstack([X, N], format="csr")
    z = X @ rng.normal(size=X.shape[1]) + rng.logistic(size=20_000)
    return X, (z > np.quantile(z, 0.75)).astype(int)


def text(seed=0, n_classes=2):
    """Bags of words with Zipf's frequencies, rows of length one."""
    rng = np.random.default_rng(seed)
    words = (np.exp(rng.random(120_000) * np.log(4000)) - 1).astype(int)
    X = scipy.sparse.csr_array((np.ones(120_000), (np.arange(120_000) // 30, words)), (4000, 4000))
    X = scipy.sparse.csr_array(X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))[:, None]))
    Z = X @ rng.normal(size=(4000, n_classes)) * 6
    return X, (Z + rng.gumbel(size=Z.shape)).argmax(axis=1)


CASES = {
    "one-hot, weak penalty": (one_hot, 1e4),
    "one-hot": (one_hot, 10.0),
    "factors": (factors, 3.6),
    "factors, weak penalty": (factors, 100.0),
    "collinear, weak penalty": (collinear, 1e5),
    "one-hot and numbers": (mixed, 1.0),
    "one-hot and numbers, weak penalty": (mixed, 100.0),
    "text": (text, 1.0),
    "text, weak penalty": (text, 100.0),
    "text, 4 classes": (lambda: text(n_classes=4), 10.0),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    """Data, C, and the least objective that Newton's method finds if the columns are few."""
    make, C = request.param
    X, y = make()
    least = None
    if X.shape[1] <= 600:
        newton = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-14, max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it cannot know that it is there
            least = fitted_value(newton.fit(X, y), X, y)
    return X, y, C, least


@every_tol
def test_tol_is_kept(case, tol):
    X, y, C, least = case
    model = GDLogisticRegression(C=C, tol=tol).fit(X, y)
    assert model.converged_
    # Sums of thousands of terms leave some digits open.
    bound = (1e-10 if tol == "auto" else tol) + 1e-11
    value = fitted_value(model, X, y)
    if least is None:
        assert relative_gap(model, X, y) <= bound
    else:
        assert value - least <= bound * value
        assert model.gap_ * len(y) >= value - least - 1e-12 * value


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_dual_bounds_the_gap_and_is_tight_at_the_optimum():
    X, y = collinear()
    near = LogisticRegression(C=1.0, tol=1e-12, solver="newton-cholesky").fit(X, y)
    far = LogisticRegression(C=1.0, max_iter=1).fit(X, y)
    assert -1e-12 < relative_gap(near, X, y) < 1e-9
    gap = 1 - fitted_value(near, X, y) / fitted_value(far, X, y)
    assert relative_gap(far, X, y) > gap > 1e-4


def test_coefficients_of_dummies_that_sum_to_one():
    """Only a weak penalty bends along the sums of the blocks of dummies."""
    X, y = one_hot()
    model = GDLogisticRegression(C=1e4).fit(X, y)
    expected = LogisticRegression(C=1e4, solver="newton-cholesky", tol=1e-12).fit(X, y)
    assert_allclose(model.coef_, expected.coef_, atol=1e-3)


@every_tol
def test_classes_far_apart(tol):
    """The first step classifies all samples for certain: only the penalty bends there."""
    X, y = make_blobs(1000, 500, centers=20, cluster_std=8, random_state=0)
    model = GDLogisticRegression(tol=tol).fit(X, y)
    assert model.converged_
    assert model.score(X, y) == 1
    assert relative_gap(model, X, y) <= (1e-10 if tol == "auto" else tol) + 1e-11
    assert_allclose(model.loss_curve_[-1], 0.1323e-3, rtol=1e-3)
    assert np.abs(model.intercept_).max() < 1


@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-6), (np.float32, 1e-5)])
def test_fewer_rows_than_columns_far_from_zero(dtype, tol):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(100, 600)) + 100).astype(dtype)
    y = rng.integers(0, 2, 100)
    # In single precision the rounding errors of 100 + x end a descent at 1e-6 to 5e-6.
    model = GDLogisticRegression(tol=tol).fit(X, y)
    assert relative_gap(model, X.astype(np.float64), y) <= tol * (1 + 1e-3)


def test_a_thousand_classes_take_few_iterations():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 10))
    y = np.concatenate([np.arange(1000), rng.integers(0, 1000, 1000)])
    model = GDLogisticRegression(tol=1e-6).fit(X, y)
    assert model.converged_
    assert model.n_iter_[0] < 50


def test_every_row_is_a_class_of_its_own():
    model = GDLogisticRegression().fit(np.zeros((200, 1)), np.arange(200))
    assert_allclose(model.predict_proba(np.zeros((1, 1))), np.full((1, 200), 1 / 200), rtol=1e-6)


def test_the_coefficients_that_are_kept_were_evaluated(case):
    """The last entry of the curve is the objective at the coefficients."""
    X, y, C, _ = case
    model = GDLogisticRegression(C=C, tol=1e-3).fit(X, y)
    assert_allclose(model.loss_curve_[-1], fitted_value(model, X, y) / len(y), rtol=1e-12)


@pytest.mark.parametrize("tol", [1e-6, "auto"])
@pytest.mark.parametrize("seed", range(6))
def test_several_classes_in_fewer_rows_than_columns(seed, tol):
    """Some classes become certain on the way: their intercepts have next to no curvature left."""
    rng = np.random.default_rng(seed)
    n_classes = 8
    y = np.arange(60) % n_classes
    centers = rng.normal(size=(n_classes, 3000)) * rng.uniform(0.2, 2, size=(n_classes, 1))
    X = StandardScaler().fit_transform(centers[y] + rng.normal(size=(60, 3000)))
    model = GDLogisticRegression(tol=tol).fit(X, y)
    assert model.converged_
    assert model.gap_ <= (1e-10 if tol == "auto" else tol) * model.loss_curve_[-1]
    assert model.n_iter_[0] < 100


@pytest.mark.parametrize("n_steps", [1, 3, 5])  # after five, within 1e-6
def test_a_descent_that_cannot_go_on_has_not_converged_above_the_minimum(monkeypatch, n_steps):
    monkeypatch.setattr(
        convergence, "stalled_at_precision", lambda history: len(history) >= n_steps
    )
    X, y = make_blobs(200, 5, centers=2, cluster_std=8.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="it may be gap_=.* above its minimum"):
        model = GDLogisticRegression(tol=1e-12).fit(X, y)
    assert (model.stop_reason_, model.converged_) == ("precision", False)
