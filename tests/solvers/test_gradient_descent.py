"""Textbook gradient descent: known results, the derivation written out, and theory."""

from __future__ import annotations

import math
import pickle
import re
import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression
from bce_logistic.descent.loop import Iterate
from bce_logistic.estimators.solver_choice import choose_solver
from bce_logistic.objective.objective import Objective
from bce_logistic.solvers.convergence import Progress

from ..common import fitted_value, objective, problem, weights

FIVE = [1, 2, 3, 4, 5], [0, 0, 0, 1, 1]


def gd(**params):
    """Gradient descent that makes all ``max_iter`` passes, unless it is told otherwise."""
    return GDLogisticRegression(**{"solver": "gd", "tol": 0.0, **params})


def written_out(x, y, step, iterations, *, momentum=0.0, mean=True, C=math.inf):
    """The derivation in plain Python, number by number; one feature."""
    a = b = a_velocity = b_velocity = 0.0
    for _ in range(iterations):
        a_gradient, b_gradient = [a / C], []
        for x_i, y_i in zip(x, y, strict=True):
            y_hat = 1 / (1 + math.exp(-(a * x_i + b)))
            a_gradient.append((y_hat - y_i) * x_i)
            b_gradient.append(y_hat - y_i)
        scale = 1 / len(x) if mean else 1
        a_velocity = momentum * a_velocity + scale * math.fsum(a_gradient)
        b_velocity = momentum * b_velocity + scale * math.fsum(b_gradient)
        a -= step * a_velocity
        b -= step * b_velocity
    return a, b


KNOWN = {
    "mean": ({}, 1.7690458649731053, -5.9563505391186355),
    "sum": ({"reduction": "sum"}, 3.4168985402990253, -11.791581826467832),
    "accumulated": ({"momentum": 1.0}, 103.84988263633421, -351.54572048917004),
}


@pytest.mark.parametrize(("params", "a", "b"), KNOWN.values(), ids=KNOWN)
def test_published_results(params, a, b):
    x, y = FIVE
    model = gd(C=np.inf, learning_rate=0.1, max_iter=1000, **params).fit(np.c_[x], y)
    assert_allclose(model.coef_, [[a]], rtol=1e-9)
    assert_allclose(model.intercept_, [b], rtol=1e-9)
    again = written_out(
        x, y, 0.1, 1000, momentum=params.get("momentum", 0.0), mean="reduction" not in params
    )
    assert_allclose(again, [a, b], rtol=1e-9)


@pytest.mark.parametrize("C", [math.inf, 0.5])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_derivation_written_out(C, reduction, momentum):
    X, y = problem(n_samples=30, n_features=1)
    model = gd(C=C, learning_rate=0.02, reduction=reduction, momentum=momentum, max_iter=50)
    model.fit(X, y)
    mean = reduction == "mean"
    a, b = written_out(X[:, 0], y, 0.02, 50, momentum=momentum, mean=mean, C=C)
    assert_allclose(model.coef_, [[a]], rtol=1e-11)
    assert_allclose(model.intercept_, [b], rtol=1e-11)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sum_is_the_mean_with_a_longer_step(n_classes, momentum):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    fits = [
        gd(learning_rate=rate, reduction=reduction, momentum=momentum, max_iter=40).fit(X, y, s)
        for rate, reduction in [(0.01, "sum"), (0.01 * s.sum(), "mean")]
    ]
    assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-11)
    assert_allclose(fits[0].intercept_, fits[1].intercept_, rtol=1e-11)


def test_automatic_step_does_not_depend_on_the_reduction():
    X, y = problem()
    mean, total = (gd(reduction=r, max_iter=20).fit(X, y) for r in ("mean", "sum"))
    assert_array_equal(mean.coef_, total.coef_)


def test_automatic_step_is_one_over_the_lipschitz_constant():
    X, y = problem()
    s = weights(len(y))
    A = np.column_stack([X, np.ones(len(X))])
    L = np.linalg.eigvalsh(A.T @ np.diag(s) @ A)[-1] / 4 + 1 / 0.3
    model = gd(C=0.3, max_iter=1).fit(X, y, s)
    expected = -A.T @ (s * (0.5 - y)) / L
    assert_allclose(np.append(model.coef_, model.intercept_), expected, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_no_momentum_is_plain_descent(nesterov):
    X, y = problem()
    # A momentum too small to change a number stands for none: zero is refused with Nesterov's
    # form and a fixed step.
    momentum = 1e-300 if nesterov else 0.0
    other = gd(learning_rate=0.1, momentum=momentum, nesterov=nesterov, max_iter=50).fit(X, y)
    assert_array_equal(gd(learning_rate=0.1, max_iter=50).fit(X, y).coef_, other.coef_)


def gradient(w, X, y, C):
    """Gradient of the mean loss, the intercept last."""
    A = np.column_stack([X, np.ones(len(X))])
    penalty = np.append(w[:-1] / C, 0)
    return (A.T @ (1 / (1 + np.exp(-(A @ w))) - y) + penalty) / len(y)


@pytest.mark.parametrize("power_t", [0.0, 0.5, 1.0])
def test_schedule_of_the_steps(power_t):
    X, y = problem()
    w = np.zeros(5)
    for t in range(30):
        w -= 0.5 / (1 + t) ** power_t * gradient(w, X, y, C=1.0)
    model = gd(learning_rate=0.5, power_t=power_t, max_iter=30).fit(X, y)
    assert_allclose(np.append(model.coef_, model.intercept_), w, rtol=1e-11)


def test_nesterovs_momentum_looks_ahead():
    X, y = problem()
    w, v = np.zeros(5), np.zeros(5)
    for _ in range(30):
        v = 0.9 * v - 0.2 * gradient(w + 0.9 * v, X, y, C=1.0)
        w = w + v
    model = gd(learning_rate=0.2, momentum=0.9, nesterov=True, max_iter=30).fit(X, y)
    assert_allclose(np.append(model.coef_, model.intercept_), w + 0.9 * v, rtol=1e-11)


DATA_SETS = {
    "breast cancer, raw": (load_breast_cancer, False),
    "breast cancer, scaled": (load_breast_cancer, True),
    "iris, raw": (load_iris, False),
    "iris, scaled": (load_iris, True),
}


def data_set(load, scale):
    X, y = load(return_X_y=True)
    return (StandardScaler().fit_transform(X) if scale else X), y


@pytest.mark.parametrize(("load", "scale"), DATA_SETS.values(), ids=DATA_SETS)
@pytest.mark.parametrize("C", [0.01, 1.0, np.inf])
@pytest.mark.parametrize("power_t", [0.0, 0.5])
def test_objective_never_rises_with_the_automatic_step(load, scale, C, power_t):
    X, y = data_set(load, scale)
    curve = gd(C=C, power_t=power_t, max_iter=300).fit(X, y).loss_curve_
    rounding = 1e-14 * curve[0]
    assert (np.diff(curve) <= rounding).all()
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("layout", ["few columns", "many columns"])
def test_automatic_step_keeps_its_rate(scale, layout):
    # F(w_t) - F* <= L ||w* - w_0||^2 / (2 t), and every step gains at least |g|^2 / (2 L).
    X, y = problem(n_samples=60, n_features=4 if layout == "few columns" else 510)
    X *= scale
    reference = gd(C=1.0, nesterov=True, max_iter=2000).fit(X, y)
    model = gd(C=1.0, max_iter=100).fit(X, y)
    A = np.column_stack([X, np.ones(len(X))])
    L = np.linalg.norm(A, 2) ** 2 / 4 + 1.0
    distance = (reference.coef_**2).sum() + (reference.intercept_**2).sum()
    gap = (model.loss_curve_ - reference.loss_curve_.min()) * len(y)
    t = np.arange(1, 101)
    assert (gap[1:] <= 1.1 * L * distance / (2 * t)).all()
    gains = -np.diff(model.loss_curve_) * len(y)
    steepness = (model.gradient_norm_curve_[:-1] * len(y)) ** 2
    assert (gains >= 0.9 * steepness / (2 * L) - 1e-12).all()


@pytest.mark.parametrize(("load", "scale"), [(load_breast_cancer, True), (load_iris, True)])
def test_acceleration_needs_fewer_iterations(load, scale):
    X, y = data_set(load, scale)
    plain, momentum, accelerated = (
        gd(tol=1e-5, max_iter=100_000, **params).fit(X, y).n_iter_[0]
        for params in ({}, {"momentum": 0.9}, {"nesterov": True})
    )
    assert momentum < plain / 3
    assert accelerated < plain / 4


def test_acceleration_reaches_a_given_objective_first():
    X, y = data_set(load_breast_cancer, True)
    plain = gd(C=np.inf, max_iter=2000).fit(X, y).loss_curve_
    accelerated = gd(C=np.inf, nesterov=True, max_iter=200).fit(X, y).loss_curve_
    assert accelerated[-1] < plain[-1]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("rate", [1e3, 1e300])
def test_divergence_names_the_learning_rate(n_classes, rate):
    X, y = problem(n_classes=n_classes)
    with pytest.raises(ValueError, match=re.escape(f"learning_rate={rate}")) as error:
        gd(C=1e-3, learning_rate=rate).fit(X * 1e3, y)
    assert "StandardScaler" in str(error.value)
    assert "'auto'" in str(error.value)


def test_divergence_is_noticed_early():
    X, y = problem()
    evaluations = []
    model = gd(C=0.1, learning_rate=100.0, max_iter=10**6)
    with pytest.MonkeyPatch.context() as patch:
        from bce_logistic.objective.objective import Objective

        at = Objective.at
        patch.setattr(Objective, "at", lambda self, w: evaluations.append(0) or at(self, w))
        with pytest.raises(ValueError, match="learning_rate"):
            model.fit(X, y)
    assert len(evaluations) < 20


def exams():
    """Two scores of 30 to 100, and whether their sum, give or take, passes."""
    rng = np.random.default_rng(0)
    X = rng.uniform(30, 100, (100, 2))
    return X, (X.sum(axis=1) + rng.normal(0, 15, 100) > 130).astype(int)


def unscaled():
    X, y = problem(n_samples=150, n_features=6)
    return X * np.geomspace(0.01, 100, 6) + np.arange(6), y


def sparse():
    X, y = problem(n_samples=200, n_features=20, density=0.1)
    return scipy.sparse.csr_array(X * np.geomspace(0.1, 30, 20)), y


def coin_flips():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 5)), rng.integers(0, 2, 200)


UNSCALED = {
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "exams": exams,
    "wine": lambda: load_wine(return_X_y=True),
    "unscaled": unscaled,
    "sparse": sparse,
    "coin flips": coin_flips,
}


def lipschitz_constant(X, y, C):
    """Of the gradient of the mean objective."""
    X = X.toarray() if scipy.sparse.issparse(X) else X
    A = np.column_stack([X, np.ones(len(y))])
    share = 1 / 4 if len(np.unique(y)) == 2 else 1 / 2
    return (share * np.linalg.norm(A, 2) ** 2 + 1 / C) / len(y)


def at_the_end(model, X, y):
    """The objective at the coefficients that were kept over that at zero coefficients."""
    return fitted_value(model, X, y) / (len(y) * np.log(len(model.classes_)))


def numbers(error):
    """The safe learning rate that an error names, and how many times that the given one is."""
    found = re.search(
        r"up to (\S+) is safe; \S+ is (\S+) times that. Set learning_rate=(\S+) ", error
    )
    safe, times, again = found.groups()
    assert safe == again
    return float(safe), float(times.replace(",", ""))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("load", UNSCALED.values(), ids=UNSCALED)
def test_a_descent_that_ends_above_its_start_names_the_largest_safe_step(load, momentum, reduction):
    X, y = load()
    L = lipschitz_constant(X, y, C=1.0) * (len(y) if reduction == "sum" else 1)
    rate = 300 / L
    model = gd(learning_rate=rate, momentum=momentum, reduction=reduction, max_iter=30)
    before = pickle.dumps(vars(model))
    with pytest.raises(ValueError, match="rose from") as error:
        model.fit(X, y)
    assert pickle.dumps(vars(model)) == before
    safe, times = numbers(str(error.value))
    largest = 2 * (1 - momentum) / L
    assert 0.99 * largest <= safe <= largest  # three digits, rounded down
    assert_allclose(times, rate / largest, rtol=0.005)
    # It is safe: nothing on the way is above the start, and the descent goes down.
    curve = model.set_params(learning_rate=safe).fit(X, y).loss_curve_
    assert (curve <= curve[0] * (1 + 1e-14)).all()
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("load", UNSCALED.values(), ids=UNSCALED)
def test_every_learning_rate_is_refused_or_ends_no_higher(load, reduction):
    X, y = load()
    ends, errors = [], 0
    for params in ({}, {"momentum": 0.5}, {"momentum": 0.9, "nesterov": True}, {"average": True}):
        for rate in np.logspace(-8, 3, 12):
            try:
                model = gd(learning_rate=rate, reduction=reduction, max_iter=25, **params)
                ends.append(at_the_end(model.fit(X, y), X, y))
            except ValueError as error:
                safe, times = numbers(str(error))
                assert safe < rate
                assert times > 1
                errors += 1
    assert max(ends) <= 1 + 1e-7
    assert errors > 0


# (params, times 1/L at which a quadratic is at the limit)
STABILITY = {
    "plain": ({}, 2.0),
    "decaying": ({"power_t": 1e-3}, 2.0),
    "heavy ball": ({"momentum": 0.5}, 3.0),
    "heavy ball, 0.9": ({"momentum": 0.9}, 3.8),
    "Nesterov": ({"momentum": 0.5, "nesterov": True}, 1.5),
    "Nesterov, 0.9": ({"momentum": 0.9, "nesterov": True}, 3.8 / 2.8),
}


@pytest.mark.parametrize(("params", "limit"), STABILITY.values(), ids=STABILITY)
def test_the_limit_is_that_of_a_quadratic(params, limit):
    # Every row has both labels, in hardly different weights: the optimum is close to zero, where
    # the curvature is a fourth, and does not change along the way.
    X, _ = problem(n_samples=60, n_features=3)
    y = np.repeat([0, 1], 60)
    s = np.append(np.ones(60), 1 + 1e-4 * np.sign(X[:, 0]))
    X = np.concatenate([X, X])
    A = np.column_stack([X, np.ones(120)])
    L = np.linalg.eigvalsh(A.T @ (A * s[:, None]))[-1] / 4
    params = {"C": np.inf, "reduction": "sum", "max_iter": 1000, **params}
    below = gd(learning_rate=0.97 * limit / L, **params).fit(X, y, s)
    assert below.gradient_norm_curve_[-1] < 1e-3 * below.gradient_norm_curve_[0]
    with pytest.raises(ValueError, match="rose from"):
        gd(learning_rate=1.05 * limit / L, **params).fit(X, y, s)


@pytest.mark.parametrize("times", [1.1, 1.5, 1.9])
def test_a_larger_step_that_converges_is_no_error(times):
    # The curvature at the optimum is smaller than L, so that steps of more than 2/L converge.
    X, y = problem()
    L = lipschitz_constant(X, y, C=1.0)
    model = gd(learning_rate=times * 2 / L, max_iter=400).fit(X, y)
    optimum = LogisticRegression(tol=1e-10).fit(X, y)
    assert_allclose(model.coef_, optimum.coef_, rtol=1e-4)


@pytest.mark.parametrize("times", [2.1, 2.5, 2.9])
@pytest.mark.parametrize("tol", [0.0, 1e-6])
def test_persistent_swings_are_an_error(times, tol):
    # They end below the start, between two values for ever.
    X, y = problem()
    L = lipschitz_constant(X, y, C=1.0)
    model = gd(learning_rate=times * 2 / L, tol=tol, max_iter=400)
    with pytest.raises(ValueError, match="swings between") as error:
        model.fit(X, y)
    assert_allclose(numbers(str(error.value))[1], times, rtol=0.005)
    # As long as nobody can tell, and with a mean of the iterates, they are none.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert not model.set_params(max_iter=20).fit(X, y).converged_
        mean = model.set_params(max_iter=400, average=200).fit(X, y)
    assert at_the_end(mean, X, y) < 0.7


SWINGS = {
    "stay": (lambda t: 0.1 * (-1) ** t, True),
    "grow": (lambda t: 1e-3 * t * (-1) ** t - 1e-3 * t, False),
    "die out": (lambda t: 0.9**t * (-1) ** t, False),
    "at rest": (lambda t: 0.0 * t, False),
}


@pytest.mark.parametrize(("swing", "stays"), SWINGS.values(), ids=SWINGS)
@pytest.mark.parametrize(
    ("params", "limit"), [({"momentum": 0.9}, 3.8), ({"momentum": 0.5, "nesterov": True}, 1.5)]
)
def test_only_persistent_swings_of_unstable_steps_are_an_error(swing, stays, params, limit):
    X, y = problem()
    all_rows = objective(X, y)
    start = all_rows.at(np.zeros(5))
    values = start.value * (0.8 + 0.2 * swing(np.arange(100)))
    history = [Progress(start.value, 1.0, 0.0), *(Progress(v, 1.0, 0.0) for v in values)]
    iterate = Iterate(100, start._replace(value=values[-1]), -start.gradient, None)
    L = lipschitz_constant(X, y, C=1.0)
    for times in (0.98, 1.02):
        model = gd(learning_rate=times * limit / L, **params)
        solver = choose_solver(model, all_rows.rows, 0)
        if stays and times > 1:
            with pytest.raises(ValueError, match="swings between"):
                solver.check_end(all_rows, iterate, history)
        else:
            solver.check_end(all_rows, iterate, history)


def test_swings_that_lead_down_are_no_error():
    # Separated classes: the objective swings, by turns, on its way to zero.
    X, y = problem()
    y = (X[:, 0] > 0).astype(int)
    L = lipschitz_constant(X, y, C=np.inf)
    model = gd(C=np.inf, learning_rate=40 / L, max_iter=300).fit(X, y)
    assert np.diff(model.loss_curve_).max() > 1e-3
    assert model.loss_curve_[-1] < 0.1


def test_a_momentum_of_one_may_swing_above_its_start():
    X, y = exams()
    L = lipschitz_constant(X, y, C=1.0)
    model = gd(learning_rate=3 / L, momentum=1.0, max_iter=44).fit(X, y)
    assert at_the_end(model, X, y) > 1.05


def test_a_mean_of_iterates_is_judged_itself():
    X, y = coin_flips()
    L = lipschitz_constant(X, y, C=1.0)
    last, mean = (
        {"learning_rate": 3 / L, "max_iter": 100, "average": average} for average in (False, True)
    )
    with pytest.raises(ValueError, match="rose from"):
        gd(**last).fit(X, y)
    model = gd(**mean).fit(X, y)
    assert model.loss_curve_[-1] > model.loss_curve_[0]
    assert at_the_end(model, X, y) < 1
    with pytest.raises(ValueError, match="rose from"):
        gd(**{**mean, "learning_rate": 6 / L}).fit(X, y)


def test_one_step_at_a_time_may_swing_as_the_whole_descent_does():
    X, y = problem()
    L = lipschitz_constant(X, y, C=1.0)
    params = {"learning_rate": 2 / L, "momentum": 0.9}
    whole = gd(max_iter=60, **params).fit(X, y)
    assert np.diff(whole.loss_curve_).max() > 1e-3
    steps = gd(max_iter=1, warm_start=True, **params)
    for _ in range(60):
        steps.fit(X, y)
    assert_array_equal(steps.coef_, whole.coef_)


@pytest.mark.parametrize("given", [False, True])
def test_early_stopping_does_not_hide_a_step_that_is_too_large(given):
    X, y = exams()
    held_out = {"X_val": X[::5], "y_val": y[::5]} if given else {}
    model = gd(learning_rate=1.0, early_stopping=True)
    with pytest.raises(ValueError, match="rose from") as error:
        model.fit(X, y, **held_out)
    assert numbers(str(error.value))[1] > 100


def test_no_convergence_above_the_start():
    X, y = problem()
    all_rows = objective(X, y)
    model = GDLogisticRegression(solver="gd", learning_rate=0.1)
    solver = choose_solver(model, all_rows.rows, 0)
    at_zero = all_rows.at(np.zeros(5))
    for value, reason in [(1.1 * at_zero.value, None), (0.9 * at_zero.value, "tol")]:
        point = at_zero._replace(value=value)
        history = [Progress(at_zero.value, 1.0, 0.0), Progress(value, 0.0, 0.0)]
        iterate = Iterate(1, point, -point.gradient, None)
        assert solver.reason_to_stop(all_rows, iterate, history) == reason


def test_smoothness_is_computed_only_if_a_descent_looks_divergent(monkeypatch):
    X, y = problem()
    asked = []
    largest = Objective.smoothness
    monkeypatch.setattr(Objective, "smoothness", lambda self: asked.append(0) or largest(self))
    gd(learning_rate=0.5, max_iter=100).fit(X, y)
    gd(learning_rate=0.5, momentum=0.9, average=True, max_iter=100).fit(X, y)
    assert not asked
    with pytest.raises(ValueError, match="times that"):
        gd(learning_rate=50.0, max_iter=100).fit(X, y)
    assert asked == [0]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_tol_bounds_the_mean_gradient(n_classes):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    model = gd(tol=1e-4, max_iter=10_000).fit(X, y, s)
    assert model.stop_reason_ == "tol"
    curve = model.gradient_norm_curve_
    assert curve[-1] <= 1e-4
    assert (curve[:-1] > 1e-4).all()
    # The curve is that of the gradient: recomputed at the end.
    scores = X @ model.coef_.T + model.intercept_
    if n_classes == 2:
        scores = np.column_stack([np.zeros(len(y)), scores])
    e = np.exp(scores)
    residual = s[:, None] * (e / e.sum(axis=1, keepdims=True) - np.eye(n_classes)[y])
    residual = residual[:, -len(model.coef_) :]
    largest = max(np.abs(residual.T @ X + model.coef_).max(), np.abs(residual.sum(axis=0)).max())
    assert_allclose(curve[-1], largest / s.sum(), rtol=1e-9)
    assert_allclose(model.loss_curve_[-1], fitted_value(model, X, y, s) / s.sum(), rtol=1e-12)


def test_no_convergence_is_warned_of():
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match=r"max_iter=3 .* tol=1e-09") as record:
        model = gd(max_iter=3, tol=1e-9).fit(X, y)
    (warning,) = record
    for remedy in ("StandardScaler", "nesterov=True", "increase max_iter"):
        assert remedy in str(warning.message)
    assert f"{model.gradient_norm_curve_[-1]:.3g}" in str(warning.message)
    assert not model.converged_


def test_warning_points_at_the_call_of_fit():
    X, y = problem()
    with pytest.warns(ConvergenceWarning) as record:
        gd(max_iter=3, tol=1e-9).fit(X, y)
    assert [warning.filename for warning in record] == [__file__]


def test_without_tol_all_passes_are_made():
    X, y = problem()
    model = gd(max_iter=700, tol=0.0).fit(X, y)  # and no warning
    assert model.n_iter_[0] == 700
    assert model.stop_reason_ == "max_iter"
    assert not model.converged_


@pytest.mark.parametrize("params", [{}, {"learning_rate": 0.1}, {"nesterov": True}])
def test_no_iterations_leave_zero_coefficients(params):
    X, y = problem(n_classes=3)
    model = gd(max_iter=0, **params).fit(X, y)
    assert_array_equal(model.coef_, np.zeros((3, 4)))
    assert_array_equal(model.intercept_, np.zeros(3))
    assert model.n_iter_[0] == 0
    assert_allclose(model.loss_curve_, [np.log(3)], rtol=1e-14)
    assert_allclose(model.predict_proba(X), np.full((80, 3), 1 / 3), rtol=1e-15)


def test_curves_have_a_point_before_every_pass_and_one_after():
    X, y = problem()
    whole = gd(max_iter=10).fit(X, y)
    assert whole.loss_curve_.shape == whole.gradient_norm_curve_.shape == (11,)
    for n in (0, 4, 10):
        part = gd(max_iter=n).fit(X, y)
        assert_array_equal(part.loss_curve_, whole.loss_curve_[: n + 1])
        assert_array_equal(part.gradient_norm_curve_, whole.gradient_norm_curve_[: n + 1])
    assert_allclose(whole.loss_curve_[0], np.log(2), rtol=1e-14)
    assert_allclose(whole.loss_curve_[-1], fitted_value(whole, X, y) / len(y), rtol=1e-13)


RULES = {
    "plain": {},
    "fixed": {"learning_rate": 0.1},
    "heavy-ball": {"momentum": 0.9, "learning_rate": 0.1},
    "nesterov": {"momentum": 0.9, "nesterov": True, "learning_rate": 0.1},
    "accelerated": {"nesterov": True},
    "decaying": {"learning_rate": 0.5, "power_t": 0.5},
    "no intercept": {"momentum": 0.9, "fit_intercept": False},
}


@pytest.mark.parametrize("params", RULES.values(), ids=RULES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_two_warm_halves_are_one_whole(params, n_classes):
    X, y = problem(n_classes=n_classes)
    whole = gd(max_iter=100, **params).fit(X, y)
    halves = gd(max_iter=50, warm_start=True, **params).fit(X, y)
    first_curve = halves.loss_curve_
    halves.fit(X, y)
    assert_array_equal(halves.coef_, whole.coef_)
    assert_array_equal(halves.intercept_, whole.intercept_)
    # Fifty passes each, and curves of this fit.
    assert halves.n_iter_[0] == 50
    assert_array_equal(np.append(first_curve[:-1], halves.loss_curve_), whole.loss_curve_)


OTHER_RULES = {
    "another momentum": ({"momentum": 0.9}, {"momentum": 0.5}),
    "from accelerated to heavy ball": ({"nesterov": True}, {"momentum": 0.9}),
    "from heavy ball to accelerated": ({"momentum": 0.9}, {"nesterov": True}),
    "from heavy ball to plain": ({"momentum": 0.9}, {}),
    "with an intercept from now on": ({"momentum": 0.9, "fit_intercept": False}, {"momentum": 0.9}),
    "without it from now on": ({"momentum": 0.9}, {"momentum": 0.9, "fit_intercept": False}),
}


@pytest.mark.parametrize(("before", "after"), OTHER_RULES.values(), ids=OTHER_RULES)
def test_warm_start_with_another_rule(before, after):
    # What one rule remembers may be nothing to another: the coefficients always are.
    X, y = problem()
    changed = {"momentum": 0.0, "nesterov": False, "fit_intercept": True, **after}
    model = gd(max_iter=30, warm_start=True, **before).fit(X, y)
    model.set_params(**changed, tol=1e-9, max_iter=10_000).fit(X, y)
    fresh = gd(tol=1e-9, max_iter=10_000, **after).fit(X, y)
    assert_allclose(model.coef_, fresh.coef_, rtol=1e-6)
    assert_allclose(model.intercept_, fresh.intercept_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::bce_logistic.CollinearityWarning")
@pytest.mark.parametrize("n_features", [4, 510])
@pytest.mark.parametrize("C", [0.5, np.inf])
def test_features_without_information_get_no_coefficient(n_features, C):
    _, y = problem()
    X = np.zeros((len(y), n_features))
    model = gd(C=C, fit_intercept=False, max_iter=5).fit(X, y)
    assert_array_equal(model.coef_, np.zeros((1, n_features)))
    # Even a gradient that is zero does not end what is to make all passes.
    assert (model.n_iter_[0], model.stop_reason_) == (5, "max_iter")


def test_verbose_prints_every_pass(capsys):
    X, y = problem()
    model = gd(max_iter=4, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    for n, (line, loss) in enumerate(zip(lines, model.loss_curve_, strict=True)):
        assert f"pass {n}" in line
        assert f"{loss:.9g}" in line
