"""Sparse models of the default solver against a dual bound of their own and other solvers."""

from __future__ import annotations

import os

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax, xlogy

from bce_logistic import GDLogisticRegression
from bce_logistic.solvers import proximal
from bce_logistic.solvers.proximal import ProximalDescent

from ..common import losses, needs_scikit_learn, problem, weights

KINDS = (
    "plain",
    "duplicates",
    "collinear",
    "unscaled",
    "offset",
    "one-hot",
    "rare",
    "factors",
)
WAYS = {
    "model": {"FEW_COLUMNS": 10_000, "DEAR_STEP": np.inf},
    "columns": {"FEW_COLUMNS": 0, "FIRST_SET": 5, "DEAR_STEP": np.inf},
    "columns, orthant first": {"FEW_COLUMNS": 0, "FIRST_SET": 5, "DEAR_STEP": 0},
    "orthant": {"FEW_COLUMNS": 10_000, "MAX_MODEL": 0},
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


class Drawn:
    """A random problem with an L1 penalty, and what is known of its optimum."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.kind = KINDS[seed % len(KINDS)]
        self.n_classes = K = int(rng.choice([2, 2, 3]))
        n, p = int(rng.choice([20, 60, 200])), int(rng.choice([1, 4, 12, 40]))
        X = self.features(rng, n, p)
        spread = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
        true = rng.normal(size=(p, K)) * (rng.random((p, 1)) < 0.5)
        Z = (X - X.mean(axis=0)) / spread @ true
        y = (Z + rng.gumbel(size=Z.shape)).argmax(axis=1)
        y[:K] = np.arange(K)
        self.X, self.y = X, y
        self.s = np.append(np.ones(K), weights(n - K, seed)) if seed % 2 else np.ones(n)
        self.fit_intercept = bool(rng.random() < 0.8) or self.kind == "offset"
        self.l1_ratio = float(rng.choice([0.1, 0.5, 1.0]))
        self.m = rng.exponential(size=p) + 0.05 if seed % 3 else np.ones(p)
        self.C = 10.0 ** rng.uniform(-3, 3)
        self.tol = float(rng.choice([1e-4, 1e-6, 1e-10]))

    def features(self, rng, n, p):
        X = rng.normal(size=(n, p))
        match self.kind:
            case "duplicates":
                return X[:, rng.integers(0, p, p)]
            case "collinear":
                return np.column_stack([X[:, :-1], X[:, :-1].sum(axis=1)])
            case "unscaled":
                return X * 10.0 ** rng.uniform(-4, 4, p)
            case "offset":
                return X + 1e5 * rng.normal(size=p)
            case "one-hot":
                return np.eye(p)[rng.integers(0, p, n)]
            case "rare":
                return X * (rng.random(X.shape) < 0.05)
            case "factors":
                k = max(1, p // 6)
                return rng.normal(size=(n, k)) @ rng.normal(size=(k, p)) + 0.1 * X
        return X

    def fit(self, **params):
        model = GDLogisticRegression(
            C=self.C,
            l1_ratio=self.l1_ratio,
            penalty_weights=self.m,
            fit_intercept=self.fit_intercept,
            **params,
        )
        X = scipy.sparse.csr_array(self.X) if self.kind in ("one-hot", "rare") else self.X
        return model.fit(X, self.y, self.s)

    def scores(self, coef, b):
        Z = self.X @ coef.T + b
        return Z if Z.shape[1] > 1 else np.column_stack([np.zeros(len(Z)), Z])

    def value(self, coef, b):
        """The objective, as its formula says."""
        penalty = self.l1_ratio * np.abs(coef) + (1 - self.l1_ratio) * coef**2 / 2
        return self.s @ losses(self.y, self.scores(coef, b)) + (self.m / self.C * penalty).sum()

    def lower_bound(self, coef, b):
        """The dual objective at the residual, shrunk until it is feasible."""
        K, Y, b = self.n_classes, np.eye(self.n_classes)[self.y], b.copy()
        for _ in range(50 * self.fit_intercept):  # the intercept for which the residuals sum to 0
            P = softmax(self.scores(coef, b), axis=1)
            gradient = self.s @ (P - Y)
            H = np.diag(self.s @ P) - (P.T * self.s) @ P
            step = np.linalg.lstsq(H, gradient, rcond=1e-13)[0]
            b -= step if K > 2 else step[1:] - step[:1]
        residual = softmax(self.scores(coef, b), axis=1) - Y
        T = self.X.T @ (self.s[:, None] * residual)
        T = (T if K > 2 else T[:, 1:]).T
        l1, l2 = (r * self.m / self.C for r in (self.l1_ratio, 1 - self.l1_ratio))
        feasible = min(1.0, 1 / max((np.abs(T) / l1).max(), 1e-300))
        bounds = []
        for a in [feasible] if self.l1_ratio == 1 else np.linspace(feasible, 1, 9):
            q = np.clip(Y + a * residual, 0, 1)
            over = np.maximum(np.abs(a * T) - l1, 0)
            squares = np.divide(over**2, 2 * l2, out=np.zeros_like(over), where=l2 > 0)
            bounds.append(-self.s @ xlogy(q, q).sum(axis=1) - squares.sum())
        return max(bounds)


# With SPARSE_SEEDS=1000 in the environment: a sweep.
@pytest.mark.parametrize("seed", range(int(os.environ.get("SPARSE_SEEDS", "64"))))
def test_the_promise_is_kept_and_the_bound_is_one(seed):
    task = Drawn(seed)
    model, tight = task.fit(tol=task.tol), task.fit(tol=1e-15)
    assert model.converged_
    value, least = (
        task.value(model.coef_, model.intercept_),
        task.value(tight.coef_, tight.intercept_),
    )
    rounding = 1e-13 * value if task.kind != "offset" else 1e-10 * value
    assert value - least <= task.tol * value + rounding
    assert model.gap_ * task.s.sum() >= value - least - rounding
    # The tight fit is at the optimum, as an independent dual bound shows.
    bound = task.lower_bound(tight.coef_, tight.intercept_)
    assert least - bound <= (1e-6 if task.kind != "offset" else 1e-4) * least


@every_way
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_every_way_leads_to_the_optimum(monkeypatch, way, n_classes, l1_ratio):
    for name, number in way.items():
        monkeypatch.setattr(proximal, name, number)
    X, y = problem(150, 30, n_classes, seed=1)
    s = weights(len(y))
    for C in (0.02, 0.3, 5.0):
        params = {"C": C, "l1_ratio": l1_ratio}
        # No way needs features near zero.
        model = GDLogisticRegression(tol=1e-10, **params).fit(X + 100.0 * np.eye(30)[3], y, s)
        other = GDLogisticRegression(solver="gd", nesterov=True, max_iter=10**5, **params)
        other.set_params(tol=1e-8).fit(X, y, s)
        assert model.converged_
        assert_allclose(model.coef_, other.coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_objective_is_that_of_scikit_learn(n_classes, l1_ratio):
    needs_scikit_learn("1.8", "l1_ratio alone does not set the penalty")
    from sklearn.linear_model import LogisticRegression

    X, y = problem(120, 8, n_classes)
    s = weights(len(y))
    params = {"C": 0.3, "l1_ratio": l1_ratio}
    theirs = LogisticRegression(solver="saga", tol=1e-10, max_iter=100_000, **params).fit(X, y, s)
    ours = GDLogisticRegression(tol=1e-13, **params).fit(X, y, s)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-7)
    assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-5, atol=1e-7)


def test_equal_problems_have_the_same_zeros():
    X, y = problem(200, 40, seed=2)
    params = {"C": 0.2, "l1_ratio": 1.0}
    model = GDLogisticRegression(**params).fit(X, y)
    assert 5 < np.count_nonzero(model.coef_) < 35
    order = np.random.default_rng(0).permutation(len(y))
    others = [
        GDLogisticRegression(**params).fit(scipy.sparse.csr_array(X), y),
        GDLogisticRegression(**params).fit(X[order], y[order]),
        GDLogisticRegression(**params).fit(np.repeat(X, 2, axis=0), np.repeat(y, 2), 0.5),
        GDLogisticRegression(solver="gd", nesterov=True, tol=1e-9, max_iter=10**5, **params).fit(
            X, y
        ),
    ]
    for other in others:
        assert_array_equal(other.coef_ != 0, model.coef_ != 0)
        assert_allclose(other.coef_, model.coef_, rtol=1e-4, atol=1e-6)


def test_no_coefficient_is_left_where_the_penalty_is_strong():
    X, y = problem(100, 6)
    slope = np.abs(X.T @ (y - y.mean())).max()
    assert not GDLogisticRegression(C=0.999 / slope, l1_ratio=1.0).fit(X, y).coef_.any()
    assert np.count_nonzero(GDLogisticRegression(C=1.01 / slope, l1_ratio=1.0).fit(X, y).coef_) == 1


def test_result_does_not_depend_on_the_number_of_threads():
    X, y = problem(3000, 300, 3, seed=1)
    one, two = (
        GDLogisticRegression(C=0.01, l1_ratio=0.9, tol=1e-4, n_jobs=n).fit(X, y) for n in (1, 2)
    )
    assert_array_equal(one.coef_, two.coef_)
    assert_array_equal(one.loss_curve_, two.loss_curve_)


def test_single_precision():
    X, y = problem(300, 20, seed=3)
    params = {"C": 0.3, "l1_ratio": 1.0}
    single = GDLogisticRegression(**params).fit(X.astype(np.float32), y)
    double = GDLogisticRegression(**params).fit(X, y)
    assert single.coef_.dtype == np.float32
    assert_allclose(single.coef_, double.coef_, rtol=1e-2, atol=1e-4)


def test_warm_start_is_done_at_once():
    X, y = problem(300, 20, seed=3)
    model = GDLogisticRegression(C=0.3, l1_ratio=1.0, warm_start=True).fit(X, y)
    coef = model.coef_
    assert model.fit(X, y).n_iter_[0] <= 1
    assert_allclose(model.coef_, coef, rtol=1e-5, atol=1e-8)


def test_a_feature_without_penalty_is_kept():
    X, y = problem(200, 6, seed=1)
    m = np.array([0.0, 1, 1, 1, 1, 1])
    model = GDLogisticRegression(C=1e-4, l1_ratio=1.0, penalty_weights=m).fit(X, y)
    alone = GDLogisticRegression(C=np.inf, tol=1e-13).fit(X[:, :1], y)
    assert_allclose(model.coef_[0, 0], alone.coef_[0, 0], rtol=1e-4)
    assert_array_equal(model.coef_[0, 1:], 0)
    assert 0 <= model.gap_ <= 1e-8


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_shift_of_the_classes_that_no_penalty_bounds_does_not_mislead(seed, fit_intercept):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(1000, 8))
    X = factors @ rng.normal(size=(8, 48)) + 0.1 * rng.normal(size=(1000, 48))
    Z = factors @ rng.normal(size=(8, 5)) * 2
    y = (Z + rng.gumbel(size=Z.shape)).argmax(axis=1)
    m = np.append(0.0, np.ones(47))
    params = {"C": 20.0, "l1_ratio": 0.5, "penalty_weights": m, "fit_intercept": fit_intercept}
    model = GDLogisticRegression(tol=1e-12, **params).fit(X, y)
    assert model.converged_
    assert model.gap_ <= 1e-9 * model.loss_curve_[-1]


def test_which_solver():
    X, y = problem()
    model = GDLogisticRegression(l1_ratio=1.0).fit(X, y)
    assert model.solver_ == "preconditioned"
    assert isinstance(ProximalDescent(1, 1.0, 0), proximal.PreconditionedDescent)


GD = {
    "ISTA": {"solver": "gd", "max_iter": 50_000, "tol": 1e-8},
    "ISTA, own step": {"solver": "gd", "learning_rate": 0.5, "max_iter": 50_000, "tol": 1e-8},
    "FISTA": {"solver": "gd", "nesterov": True, "tol": 1e-8},
    "mini-batches": {"batch_size": 10, "power_t": 0.5, "max_iter": 300, "tol": 0, "average": 2000},
}


@pytest.mark.parametrize("params", GD.values(), ids=GD)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_textbook_descent_leads_to_the_same_optimum(params, n_classes):
    X, y = problem(100, 8, n_classes)
    model = GDLogisticRegression(C=0.2, l1_ratio=0.8, **params).fit(X, y)
    best = GDLogisticRegression(C=0.2, l1_ratio=0.8).fit(X, y)
    if "batch_size" in params:
        assert model.gap_ <= 0.05 * best.loss_curve_[-1]
        return
    assert model.stop_reason_ == "tol"
    assert_allclose(model.coef_, best.coef_, atol=1e-5)
    assert_array_equal(model.coef_ == 0, best.coef_ == 0)
    assert 0 <= model.gap_ <= 1e-4


def test_restarts_and_look_aheads_keep_exact_zeros_at_any_time():
    X, y = problem(100, 20)
    for max_iter in (1, 3, 10):
        model = GDLogisticRegression(
            C=0.05, l1_ratio=1.0, solver="gd", nesterov=True, max_iter=max_iter, tol=0
        ).fit(X, y)
        assert np.any(model.coef_ == 0)


def test_the_first_pass_over_mini_batches_is_a_stream():
    X, y = problem(60, 5)
    params = {"C": 1.0, "l1_ratio": 1.0, "learning_rate": 0.1, "shuffle": False}
    whole = GDLogisticRegression(batch_size=20, max_iter=1, tol=0, **params).fit(X, y)
    stream = GDLogisticRegression(solver="gd", **params)
    for start in range(0, 60, 20):
        stream.partial_fit(X[start : start + 20], y[start : start + 20], classes=[0, 1])
    assert_array_equal(stream.coef_, whole.coef_)


def test_momentum_with_an_l1_penalty_is_refused():
    X, y = problem()
    model = GDLogisticRegression(l1_ratio=0.5, momentum=0.9, solver="gd")
    with pytest.raises(ValueError, match=r"momentum with an L1 penalty .* FISTA"):
        model.fit(X, y)
    model.set_params(C=np.inf, max_iter=5, tol=0).fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_wherever_they_are_give_the_same(tmp_path, n_classes):
    X, y = problem(300, 12, n_classes, seed=3)
    params = {"C": 0.1, "l1_ratio": 0.9, "tol": 1e-12}
    model = GDLogisticRegression(**params).fit(X, y)
    mapped = np.memmap(tmp_path / "X", dtype=float, mode="w+", shape=X.shape)
    mapped[:] = X
    others = [GDLogisticRegression(**params).fit(mapped, y)]
    try:
        import dask.array
    except ImportError:
        pass
    else:
        chunks = dask.array.from_array(X, (100, 12)), dask.array.from_array(y, 100)
        others.append(GDLogisticRegression(**params).fit(*chunks))
    for other in others:
        assert_allclose(other.coef_, model.coef_, rtol=1e-5, atol=1e-8)
        assert_array_equal(other.coef_ == 0, model.coef_ == 0)
