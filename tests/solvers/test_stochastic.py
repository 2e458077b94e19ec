"""Descent on mini-batches: against the recursion written out, full batches, and theory."""

from __future__ import annotations

import itertools
import pickle
import re
import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import ConvergenceWarning

from bce_logistic import GDLogisticRegression
from bce_logistic.estimators.solver_choice import stochastic_solver
from bce_logistic.objective.objective import Objective
from bce_logistic.solvers.stochastic import StochasticDescent

from ..common import every_layout, fitted_value, objective, problem, steps, weights

# One epoch, or a few, of steps fixed in advance: no test here asks whether they are enough.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

every_kind = pytest.mark.parametrize("n_classes", [2, 3])

RULES = {
    "plain": {},
    "momentum": {"momentum": 0.8},
    "Nesterov": {"momentum": 0.8, "nesterov": True},
    "decaying": {"power_t": 0.6},
    "mean": {"average": True},
    "late mean": {"average": 7, "momentum": 0.5},
    "sum": {"reduction": "sum", "learning_rate": 0.01},
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def descent(batch_size=8, **params):
    params = {"learning_rate": 0.3, "shuffle": False, "tol": 0.0, "max_iter": 1, **params}
    return GDLogisticRegression(batch_size=batch_size, **params)


def written_out(X, y, s, *, epochs, batch_size, learning_rate, C, rule):
    """Mini-batch descent for labels 0 and 1, as the formulas say; coefficients and intercept."""
    momentum, power_t = rule.get("momentum", 0.0), rule.get("power_t", 0.0)
    first = int(rule.get("average", 0))
    learning_rate = rule.get("learning_rate", learning_rate)
    A = np.column_stack([X, np.ones(len(X))])
    w, v, path = np.zeros(A.shape[1]), 0.0, []
    seen, weight = 0, 0.0
    for _ in range(epochs):
        for start in range(0, len(X), batch_size):
            rows = slice(start, start + batch_size)
            if len(path) * batch_size < len(X):
                seen, weight = seen + len(X[rows]), weight + s[rows].sum()
            share = len(X[rows]) / seen
            y_hat = 1 / (1 + np.exp(-A[rows] @ w))
            gradient = A[rows].T @ (s[rows] * (y_hat - y[rows]))
            gradient[:-1] += share * w[:-1] / C
            if rule.get("reduction") != "sum":
                gradient /= share * weight
            v = momentum * v + gradient
            p = gradient + momentum * v if rule.get("nesterov") else v
            w = w - learning_rate / (1 + len(path)) ** power_t * p
            path.append(w)
    return np.mean(path[first - 1 :], axis=0) if first else w


@every_rule
@pytest.mark.parametrize("C", [0.5, np.inf])
def test_the_recursion_written_out(rule, C):
    X, y = problem(50)
    s = weights(50) + 0.2
    model = descent(**rule, C=C, max_iter=3).fit(X, y, s)
    w = written_out(X, y, s, epochs=3, batch_size=8, learning_rate=0.3, C=C, rule=rule)
    assert_allclose(np.append(model.coef_, model.intercept_), w, rtol=1e-11)
    assert model.n_iter_[0] == 3
    assert len(model.loss_curve_) == 4


@every_rule
@every_kind
@pytest.mark.parametrize("batch_size", [50, 51, 1000])
def test_a_batch_of_all_rows_is_full_batch_descent(rule, n_classes, batch_size):
    X, y = problem(50, n_classes=n_classes)
    params = {"learning_rate": 0.3, "max_iter": 20, "tol": 0.0, **rule}
    full = GDLogisticRegression(**params, solver="gd").fit(X, y)
    batch = GDLogisticRegression(**params, batch_size=batch_size).fit(X, y)
    assert_array_equal(batch.coef_, full.coef_)
    assert_array_equal(batch.loss_curve_, full.loss_curve_)


@every_layout
@every_kind
@pytest.mark.parametrize("learning_rate", ["auto", 0.1])
def test_the_same_seed_gives_the_same_fit(layout, n_classes, learning_rate):
    X, y = problem(100, n_classes=n_classes)
    model = descent(7, learning_rate=learning_rate, shuffle=True, max_iter=3)
    fits = [
        clone(model).set_params(random_state=seed, n_jobs=n_jobs).fit(layout(X), y).coef_
        for seed, n_jobs in [(None, 1), (None, 2), (4, 1), (4, 2), (5, 1)]
    ]
    assert_array_equal(fits[0], fits[1])
    assert_array_equal(fits[2], fits[3])
    assert np.abs(fits[0] - fits[2]).max() > 0
    assert np.abs(fits[2] - fits[4]).max() > 0


def test_a_shuffled_pass_sees_every_row_once():
    X, y = problem(60)
    s = weights(60)
    rows = s > 0
    n = rows.sum()
    # Steps too small to change the gradients: their sum is that of the full gradient.
    model = descent(1, learning_rate=1e-9, C=np.inf, shuffle=True).fit(X, y, s)
    gradient = objective(X, y, s, np.inf).at(np.zeros(5)).gradient / s.sum()
    running = np.append(model.coef_, model.intercept_)
    # The first pass takes what was seen for all, so only its direction is the gradient's.
    second = descent(1, learning_rate=1e-9, C=np.inf, shuffle=True, max_iter=2).fit(X, y, s)
    step = np.append(second.coef_, second.intercept_) - running
    assert_allclose(step, -1e-9 * n * gradient, rtol=1e-6)


def test_each_pass_shuffles_the_rows():
    X, y = problem(60)
    shuffled = descent(10, shuffle=True, max_iter=2, tol=0.0).fit(X, y)
    same = descent(10, max_iter=2, tol=0.0).fit(X, y)
    assert np.abs(shuffled.coef_ - same.coef_).max() > 1e-6


@every_layout
@every_kind
@pytest.mark.parametrize("batch_size", [1, 4, 32])
@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_automatic_step_is_safe(layout, n_classes, batch_size, scale, momentum):
    X, y = problem(200, n_classes=n_classes, density=0.3)
    X = layout(X * np.geomspace(1, scale, 4))
    model = GDLogisticRegression(
        batch_size=batch_size, momentum=momentum, max_iter=5, tol=0.0, power_t=0.1
    ).fit(X, y)
    assert (model.loss_curve_[1:] < 1.05 * model.loss_curve_[0]).all()
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def solver(batch_size):
    return StochasticDescent(
        learning_rate="auto",
        power_t=0.0,
        momentum=0.0,
        nesterov=False,
        reduction="mean",
        average=0,
        max_iter=1,
        tol=0.0,
        batch_size=batch_size,
        shuffle=False,
        n_iter_no_change=5,
        seed=0,
    )


@every_kind
@pytest.mark.parametrize("batch_size", [1, 2, 5, 6])
def test_the_expected_curvature_bounds_the_gradients_of_batches(n_classes, batch_size):
    """E |grad f_B(w) - grad f_B(w*)|^2 <= 2 L (f(w) - f(w*)), over all batches of the rows.

    Without a penalty, and with w* where the gradient is zero: assumption 2.1 of Gower et al.
    """
    n = 6
    X, y = problem(n, n_features=2, n_classes=n_classes, seed=7)
    s = weights(n, seed=3) + 0.5
    all_rows = objective(X, y, s, C=1.0)
    loss = objective(X, y, s, C=np.inf)
    curvature = solver(batch_size)._expected_curvature(all_rows)
    model = GDLogisticRegression(tol=1e-14, C=1e6).fit(X, y, s)
    best = np.concatenate([model.coef_.T, model.intercept_[None]]).reshape(loss.shape)
    gap_at_best = np.abs(loss.at(best).gradient).max()
    rng = np.random.default_rng(0)
    batches = list(itertools.combinations(range(n), batch_size))
    for _ in range(5):
        w = best + rng.normal(size=best.shape)
        squares = []
        for rows in map(list, batches):
            part = objective(X, y, np.where(np.isin(np.arange(n), rows), s, 0.0), C=np.inf)
            factor = n / (batch_size * s.sum())
            change = factor * (part.at(w).gradient - part.at(best).gradient)
            squares.append((change**2).sum())
        gap = (loss.at(w).value - loss.at(best).value) / s.sum()
        slack = 10 * gap_at_best * np.abs(w - best).sum()
        assert np.mean(squares) <= 2 * curvature * gap + slack


def test_the_expected_curvature_is_that_of_a_row_or_of_all():
    X, y = problem(40)
    s = weights(40) + 0.1
    all_rows = objective(X, y, s, C=np.inf)
    A = np.column_stack([X, np.ones(40)])
    rows = 0.25 * 40 * s / s.sum() * (A**2).sum(axis=1)
    assert_allclose(solver(1)._expected_curvature(all_rows), rows.max(), rtol=1e-12)
    whole = 0.25 * np.linalg.eigvalsh(A.T @ (A * s[:, None]) / s.sum())[-1]
    assert_allclose(solver(40)._expected_curvature(all_rows), whole, rtol=1e-12)


@every_kind
def test_the_mean_of_the_iterates_is_better_than_the_last(n_classes):
    X, y = problem(2000, n_features=10, n_classes=n_classes)
    optimum = GDLogisticRegression(tol=1e-12).fit(X, y)
    errors = {average: [] for average in (False, 500)}
    for average, found in errors.items():
        for seed in range(10):
            model = descent(
                4, learning_rate=0.2, shuffle=True, max_iter=5, average=average, random_state=seed
            ).fit(X, y)
            found.append(np.linalg.norm(model.coef_ - optimum.coef_))
    assert np.mean(errors[500]) < 0.5 * np.mean(errors[False])
    assert np.max(errors[500]) < np.min(errors[False])


def test_passes_without_progress_end_the_fit():
    X, y = problem(200)
    model = descent(10, max_iter=1000, tol=1e-4, n_iter_no_change=4).fit(X, y)
    assert model.stop_reason_ == "tol"
    assert model.converged_
    losses = model.loss_curve_[1:]
    assert losses[-4:].min() > losses[:-4].min() - 1e-4
    assert (losses[-5:-1].min() <= losses[:-5].min() - 1e-4) or len(losses) == 5
    assert model.n_iter_[0] == len(losses)


def test_too_few_passes_are_warned_of():
    X, y = problem(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match="average=True"):
            descent(10, max_iter=2, tol=1e-6).fit(X, y)


def wine():
    return load_wine(return_X_y=True)


def breast_cancer():
    return load_breast_cancer(return_X_y=True)


def exams():
    """Two scores of 30 to 100, and whether their sum, give or take, passes."""
    rng = np.random.default_rng(0)
    X = rng.uniform(30, 100, (100, 2))
    return X, (X.sum(axis=1) + rng.normal(0, 15, 100) > 130).astype(int)


def coin_flips():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 5)), rng.integers(0, 2, 200)


def sparse():
    X, y = problem(200, 20, density=0.1)
    return scipy.sparse.csr_array(X * np.geomspace(0.1, 30, 20)), y


UNSCALED = [breast_cancer, wine, exams, coin_flips, sparse]


def above_zero(model, X, y):
    """The objective at the coefficients that were kept over that at zero coefficients."""
    return fitted_value(model, X, y) / (len(y) * np.log(len(model.classes_)))


def safe_step(X, y, batch_size):
    """Half of the reciprocal of the expected curvature, by its formula."""
    X = X.toarray() if scipy.sparse.issparse(X) else X
    A, n, b = np.column_stack([X, np.ones(len(y))]), len(y), batch_size
    share = 1 / 4 if y.max() == 1 else 1 / 2
    L, steepest = share * np.linalg.norm(A, 2) ** 2 / n, share * (A**2).sum(axis=1).max()
    expected = (n * (b - 1) * L + (n - b) * steepest) / (b * (n - 1))
    return 0.5 / expected


@pytest.mark.parametrize("load", UNSCALED)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_divergence_names_the_largest_safe_step(load, reduction, method):
    X, y = load()
    unit = 16 if reduction == "sum" else 1
    # The penalty of a stream is bounded by the step, and no part of the curvature.
    C = np.inf if method == "fit" else 1e-3
    model = descent(16, learning_rate=1e6, reduction=reduction, momentum=0.5, C=C)
    with pytest.raises(ValueError, match=r"learning_rate=1000000\.0") as error:
        model.fit(X, y) if method == "fit" else model.partial_fit(X, y, np.unique(y))
    assert not hasattr(model, "coef_")
    found = re.search(r"up to (\S+) is safe; \S+ is (\S+) times that", str(error.value))
    safe, times = (float(number.replace(",", "")) for number in found.groups())
    largest = 0.5 * safe_step(X, y, 16) / unit
    assert 0.99 * largest <= safe <= largest  # three digits, rounded down
    assert_allclose(times, 1e6 / largest, rtol=0.005)
    model.set_params(learning_rate=safe, C=np.inf, shuffle=True, max_iter=30).fit(X, y)
    # Coin flips are all noise: about the start is where the noise leaves them.
    assert above_zero(model, X, y) < (1.02 if load is coin_flips else 1)


ENDS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "mean": {"average": True},
    "decaying": {"power_t": 0.5},
    "early stopping": {"early_stopping": True},
    "momentum of one": {"momentum": 1.0},
}


@pytest.mark.parametrize("params", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("load", UNSCALED)
def test_no_fit_ends_above_its_start(load, params):
    X, y = load()
    errors = 0
    for reduction, rate in itertools.product(["mean", "sum"], np.logspace(-6, 3, 10)):
        model = descent(
            32, learning_rate=rate, reduction=reduction, tol=1e-6, max_iter=12, **params
        )
        model.set_params(shuffle=True, C=np.inf)
        try:
            model.fit(X, y)
        except ValueError as error:
            errors += "momentum below 1" in str(error) or "times that" in str(error)
        else:
            # The last batches may lead up a little, where no pass had a mean above the start.
            assert above_zero(model, X, y) <= (1 + 1e-7 if model.converged_ else 1.02)
    assert errors > 0


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 0.01, 0.03])
def test_passes_without_progress_at_a_high_loss_are_no_convergence(rate):
    # Swings of thousands of nats a sample, of which five passes in a row set no record.
    X, y = breast_cancer()
    model = descent(32, learning_rate=rate, shuffle=True, C=np.inf, tol=1e-6, max_iter=100)
    with pytest.raises(ValueError, match=r"rose from 0\.693"):
        model.fit(X, y)


@pytest.mark.parametrize("batch_size", [20, 50])
def test_when_it_has_converged_does_not_depend_on_the_reduction(batch_size):
    X, y = problem(200)
    mean, total = (
        descent(batch_size, learning_rate=rate, reduction=reduction, tol=1e-2, max_iter=500)
        for reduction, rate in [("mean", 0.3), ("sum", 0.3 / batch_size)]
    )
    assert mean.fit(X, y).converged_
    assert mean.n_iter_ == total.fit(X, y).n_iter_


def test_no_convergence_above_the_start():
    # With a momentum of one the noise adds up, whatever the step: an automatic one is no error.
    X, y = exams()
    model = descent(
        32, learning_rate="auto", momentum=1.0, shuffle=True, tol=1e-6, max_iter=60
    ).fit(X, y)
    assert above_zero(model, X, y) > 1
    assert (model.stop_reason_, model.converged_) == ("max_iter", False)


def test_steps_too_short_to_get_anywhere_are_no_convergence():
    X, y = problem(200)
    with pytest.warns(ConvergenceWarning):
        model = descent(10, learning_rate=1e-8, max_iter=12, tol=1e-6).fit(X, y)
    assert model.n_iter_ == 12
    assert (model.stop_reason_, model.converged_) == ("max_iter", False)


@every_kind
@pytest.mark.parametrize("params", [{}, {"reduction": "sum"}, {"momentum": 0.5}, {"average": 20}])
@pytest.mark.parametrize("batch_size", [2, 8, 32])
def test_convergence_is_to_within_the_noise_of_the_batches(n_classes, params, batch_size):
    # By the formulas: the variance of the mean of b of n numbers drawn without replacement.
    X, y = problem(200, n_classes=n_classes)
    rate = 0.1 / (batch_size if "reduction" in params else 1)
    model = descent(
        batch_size, learning_rate=rate, shuffle=True, tol=1e-4, max_iter=200, **params
    ).fit(X, y)
    assert model.converged_
    A = np.column_stack([X, np.ones(200)])
    p = model.predict_proba(X)
    residual = p - np.eye(n_classes)[y] if n_classes > 2 else p[:, 1:] - y[:, None]
    gradients = A[:, :, None] * residual[:, None]
    penalty = np.append(model.coef_.T, np.zeros((1, residual.shape[1])), axis=0) / 200
    mean = gradients.mean(axis=0)
    spread = ((gradients - mean) ** 2).sum() / 200
    variance = spread * (200 - batch_size) / (batch_size * 199)
    L = (np.linalg.norm(A, 2) ** 2 / (4 if n_classes == 2 else 2) + 1) / 200
    step = 0.1 / (1 - params.get("momentum", 0.0))
    assert ((mean + penalty) ** 2).sum() <= 1.5 * step * L * variance


def test_all_rows_are_evaluated_only_after_passes_without_progress(monkeypatch):
    X, y = problem(200)
    evaluations = []
    at = Objective.at

    def counted(self, w):
        if self.rows.n_samples == 200:
            evaluations.append(0)
        return at(self, w)

    monkeypatch.setattr(Objective, "at", counted)
    assert not descent(10, tol=1e-9, max_iter=10).fit(X, y).converged_
    assert len(evaluations) == 2  # the start, and the duality gap in the end
    evaluations.clear()
    assert descent(10, tol=1e-4, max_iter=100).fit(X, y).converged_
    assert len(evaluations) == 3
    # Without progress for long: once every n_iter_no_change passes.
    evaluations.clear()
    descent(10, learning_rate=1e-8, max_iter=20, n_iter_no_change=5, tol=1e-6).fit(X, y)
    assert len(evaluations) == 2 + 3  # after 6, 11 and 16 passes


@every_rule
@every_kind
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_two_warm_fits_are_one_long_one(rule, n_classes, dtype):
    X, y = problem(50, n_classes=n_classes)
    X = X.astype(dtype)
    long = descent(**rule, shuffle=True, max_iter=7).fit(X, y)
    parts = descent(**rule, shuffle=True, max_iter=3, warm_start=True).fit(X, y)
    parts.set_params(max_iter=4).fit(X, y)
    assert_array_equal(parts.coef_, long.coef_)
    assert_array_equal(parts.intercept_, long.intercept_)


def test_coefficients_that_were_changed_are_where_a_warm_fit_starts():
    X, y = problem(50)
    model = descent(average=True, momentum=0.5, warm_start=True).fit(X, y)
    model.coef_ = np.full((1, 4), 3.0)
    intercept = model.intercept_.copy()
    model.fit(X, y)
    w = np.append(np.full(4, 3.0), intercept)
    assert_allclose(model.loss_curve_[0], objective(X, y).at(w).value / 50, rtol=1e-12)


def test_coefficients_that_were_set_by_hand_are_where_a_warm_fit_starts():
    X, y = problem(50)
    model = descent(warm_start=True)
    model.classes_, model.coef_, model.intercept_ = np.array([0, 1]), np.ones((1, 4)), np.ones(1)
    model.fit(X, y)
    assert_allclose(model.loss_curve_[0], objective(X, y).at(np.ones(5)).value / 50, rtol=1e-12)


# Streams.


def in_batches(model, X, y, s, batch_size, classes):
    for start in range(0, len(y), batch_size):
        rows = slice(start, start + batch_size)
        model.partial_fit(X[rows], y[rows], classes, s[rows])
        model = pickle.loads(pickle.dumps(model))
    return model


@every_layout
@every_rule
@every_kind
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_a_stream_of_batches_is_the_first_pass_of_a_fit(layout, rule, n_classes, C):
    X, y = problem(50, n_classes=n_classes)
    s, X = weights(50) + 0.2, layout(X)
    model = in_batches(descent(**rule, C=C), X, y, s, 8, range(n_classes))
    whole = descent(**rule, C=C).fit(X, y, s)
    assert_allclose(model.coef_, whole.coef_, rtol=1e-9)
    assert_allclose(model.intercept_, whole.intercept_, rtol=1e-9)
    assert model.n_iter_[0] == len(model.loss_curve_) == 7
    assert model.stop_reason_ == "partial_fit"
    one_call = descent(**rule, C=C).partial_fit(X, y, range(n_classes), s)
    assert_allclose(one_call.coef_, whole.coef_, rtol=1e-9)
    assert_allclose(one_call.loss_curve_, whole.loss_curve_[1:], rtol=1e-9)


@every_rule
@every_kind
def test_a_stream_bounds_a_strong_penalty_as_the_first_pass_does(rule, n_classes):
    X, y = problem(50, n_classes=n_classes)
    s = weights(50) + 0.2
    model = in_batches(descent(**rule, C=1e-3), X, y, s, 8, range(n_classes))
    # Not by fit, which ends with an error: after the first pass these steps are too large.
    first_pass = stochastic_solver(model, 8, 0)
    all_rows = objective(X, y, s, C=1e-3)
    _, after = steps(first_pass.iterates(all_rows, first_pass.start(all_rows)), 2)
    w = after.result.reshape(5, -1)
    assert_allclose(model.coef_, w[:4].T, rtol=1e-9)
    assert_allclose(model.intercept_, w[4], rtol=1e-9)


def test_single_precision_keeps_the_state():
    X, y = problem(400)
    single = X.astype(np.float32)
    s = np.ones(400)
    model = in_batches(descent(learning_rate=1e-3), single, y, s, 1, [0, 1])
    whole = descent(1, learning_rate=1e-3).fit(single, y)
    assert model.coef_.dtype == np.float32
    assert_array_equal(model.coef_, whole.coef_)


def test_a_stream_is_learnt():
    X, y = problem(20_000, n_features=6)
    optimum = GDLogisticRegression(tol=1e-10).fit(X, y)
    model = GDLogisticRegression(solver="gd", average=20)
    for start in range(0, 20_000, 100):
        rows = slice(start, start + 100)
        model.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert model.score(X, y) > optimum.score(X, y) - 0.01


def test_a_class_that_has_not_come_yet():
    X, y = problem(60, n_classes=3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], np.array(["a", "b", "c"])[y[order]]
    model = descent()
    model.partial_fit(X[:10], y[:10], classes=["c", "b", "a"])
    assert_array_equal(model.classes_, ["a", "b", "c"])
    assert (model.predict(X[:10]) == "a").all()
    for start in range(10, 60, 10):
        model.partial_fit(X[start : start + 10], y[start : start + 10])
    assert np.isfinite(model.coef_).all()


def test_balanced_classes_are_counted_as_they_come():
    X, y = problem(60)
    s = weights(60) + 0.1
    balanced, counted = descent(class_weight="balanced"), descent()
    for start in range(0, 60, 20):
        rows = slice(start, start + 20)
        balanced.partial_fit(X[rows], y[rows], [0, 1], s[rows])
        totals = np.bincount(y[: start + 20], s[: start + 20])
        class_weights = totals.sum() / (2 * totals)
        counted.partial_fit(X[rows], y[rows], [0, 1], s[rows] * class_weights[y[rows]])
    assert_allclose(balanced.coef_, counted.coef_, rtol=1e-12)
    named = descent(class_weight={0: 2.0}).partial_fit(X, y, [0, 1])
    weighed = descent().partial_fit(X, y, [0, 1], np.where(y == 0, 2.0, 1.0))
    assert_allclose(named.coef_, weighed.coef_, rtol=1e-12)


@pytest.mark.parametrize("seen_before", [True, False])
def test_samples_without_weight_change_nothing(seen_before):
    X, y = problem(60)
    model = descent(momentum=0.5, average=True, shuffle=True)
    if seen_before:
        model.partial_fit(X, y, [0, 1])
    before = pickle.dumps(vars(model))
    model.partial_fit(X[:9], y[:9], [0, 1], np.zeros(9))
    if seen_before:
        assert pickle.dumps(vars(model)) == before
    else:
        assert_array_equal(model.coef_, np.zeros((1, 4)))
        assert model.n_iter_[0] == 0
        assert_array_equal(
            model.partial_fit(X, y).coef_, clone(model).partial_fit(X, y, [0, 1]).coef_
        )


@pytest.mark.parametrize("solver", ["auto", "gd"])
def test_a_stream_goes_on_from_a_fit(solver):
    X, y = problem(200)
    model = GDLogisticRegression(solver=solver, tol=1e-10, max_iter=10_000).fit(X, y)
    before = model.coef_.copy()
    model.set_params(learning_rate=1e-12).partial_fit(X, y)
    assert_allclose(model.coef_, before, rtol=1e-9)
    assert len(model.loss_curve_) == 1
    # All samples so far count for the penalty, so an optimum of them is hardly left.
    model.set_params(learning_rate=0.1).partial_fit(X, y)
    assert_allclose(model.coef_, before, rtol=0.05)


@every_rule
@every_kind
def test_a_stream_after_mini_batches_continues_with_their_state(rule, n_classes):
    # Without a penalty and with equal weights, the second pass of a fit does the same.
    X, y = problem(50, n_classes=n_classes)
    model = descent(**rule, C=np.inf).fit(X, y).partial_fit(X, y)
    two_passes = descent(**rule, C=np.inf, max_iter=2).fit(X, y)
    assert_allclose(model.coef_, two_passes.coef_, rtol=1e-9)
    assert_allclose(model.intercept_, two_passes.intercept_, rtol=1e-9)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_stream_after_full_batches_goes_on_with_counts(warm_start):
    X, y = problem(60)
    model = GDLogisticRegression(
        solver="gd", max_iter=5, learning_rate=0.1, power_t=0.5, momentum=0.9, C=0.5
    ).fit(X, y)
    w = np.append(model.coef_, model.intercept_)
    model.set_params(warm_start=warm_start).partial_fit(X, y)
    # The sixth update; 120 rows seen, of which these are a half; the momentum is another rule's.
    gradient = objective(X, y, C=0.5 * 2).at(w).gradient / 60
    expected = w - 0.1 / np.sqrt(1 + 5) * gradient
    assert_allclose(np.append(model.coef_, model.intercept_), expected, rtol=1e-12)


BAD_CALLS = {
    "no classes": ({"classes": None}, {}, "classes="),
    "one class": ({"classes": [0]}, {}, "at least two"),
    "unknown label": ({"classes": [1, 2]}, {}, "unseen"),
    "early stopping": ({}, {"early_stopping": True}, "early_stopping=False"),
    "fast solver": ({}, {"solver": "preconditioned", "batch_size": None}, "solver='gd'"),
    "acceleration": ({}, {"nesterov": True}, "momentum > 0"),
    "negative weights": ({"sample_weight": -np.ones(60)}, {}, "negative"),
    "too few weights": ({"sample_weight": np.ones(3)}, {}, "sample_weight.shape"),
    "NaN": ({"X": np.full((60, 4), np.nan)}, {}, "NaN"),
    "huge": ({"X": np.full((60, 4), 1e300)}, {"learning_rate": "auto"}, "StandardScaler"),
    "bad parameter": ({}, {"batch_size": 0}, "batch_size"),
}


@pytest.mark.parametrize(("call", "params", "match"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_calls_that_are_refused(call, params, match):
    X, y = problem(60)
    model = descent(learning_rate=0.1)
    if params.get("solver"):
        model.set_params(learning_rate="auto")
    model.set_params(**params)
    with pytest.raises(ValueError, match=match):
        model.partial_fit(**{"X": X, "y": y, "classes": [0, 1], **call})
    assert not hasattr(model, "coef_")


def test_other_classes_than_before_are_refused():
    X, y = problem(60)
    model = descent().partial_fit(X, y, [0, 1])
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match="not those"):
        model.partial_fit(X, y, [0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :3], y)
    assert pickle.dumps(vars(model)) == before


def test_incremental_learning_on_dask():
    wrappers = pytest.importorskip("dask_ml.wrappers")
    dask_array = pytest.importorskip("dask.array")
    X, y = problem(200)
    model = wrappers.Incremental(descent(50, learning_rate=0.1), shuffle_blocks=False)
    chunks = (50, 4)
    model.fit(dask_array.from_array(X, chunks), dask_array.from_array(y, 50), classes=[0, 1])
    whole = descent(50, learning_rate=0.1).fit(X, y)
    assert_allclose(model.estimator_.coef_, whole.coef_, rtol=1e-12)
