"""The update rules against their recurrences, written the other way, and against theory."""

from __future__ import annotations

import dataclasses
from math import sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.directions import (
    LBFGS,
    AcceleratedDescent,
    AcceleratedState,
    HeavyBall,
    Nesterov,
    Newton,
    SteepestDescent,
)
from bce_logistic.preconditioning.factors import Diagonal, Factor

RULES = [
    SteepestDescent(),
    HeavyBall(0.9),
    HeavyBall(1.0),
    Nesterov(0.9),
    AcceleratedDescent(),
    LBFGS(Diagonal(np.ones((3, 2)))),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=str)


class Quadratic:
    """w' A w / 2: its minimum is 0, at 0."""

    def __init__(self, eigenvalues, seed=0):
        rng = np.random.default_rng(seed)
        Q, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))
        self.A = Q @ np.diag(eigenvalues) @ Q.T
        self.L = max(eigenvalues)
        self.start = rng.normal(size=len(eigenvalues))

    def value(self, w):
        return w @ self.A @ w / 2

    def gradient(self, w):
        return self.A @ w


def path(rule, f, n, eta=None):
    """The points at which a rule asks for the gradient."""
    eta = 1 / f.L if eta is None else eta
    w, state, points = f.start, None, []
    for _ in range(n):
        points.append(w)
        p, state = rule(w, f.gradient(w), state)
        w = w + eta * p
    return np.array(points)


def well(n=5):
    return Quadratic(np.linspace(0.5, 2, n))


def test_steepest_descent_is_minus_the_gradient():
    p, state = SteepestDescent()(np.ones(2), np.array([3.0, -4.0]), None)
    assert_array_equal(p, [-3, 4])
    assert state is None


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 1.0])
def test_heavy_ball_is_polyaks_recurrence(momentum):
    # w_{t+1} = w_t - eta g_t + mu (w_t - w_{t-1}): no velocity in it.
    f, eta = well(), 0.1
    w = [f.start, f.start - eta * f.gradient(f.start)]
    for _ in range(28):
        w.append(w[-1] - eta * f.gradient(w[-1]) + momentum * (w[-1] - w[-2]))
    assert_allclose(path(HeavyBall(momentum), f, 30, eta), w, rtol=1e-11, atol=1e-12)


def test_momentum_one_sums_the_gradients_up():
    # The recurrence as code that forgets to reset its gradient computes it.
    f, eta = well(), 0.1
    total, w, points = np.zeros_like(f.start), f.start, []
    for _ in range(30):
        points.append(w)
        total = total + f.gradient(w)
        w = w - eta * total
    assert_array_equal(path(HeavyBall(1.0), f, 30, eta), points)


@pytest.mark.parametrize("rule", [HeavyBall(0.0), Nesterov(0.0)], ids=str)
def test_no_momentum_is_steepest_descent(rule):
    f = well()
    assert_array_equal(path(rule, f, 30), path(SteepestDescent(), f, 30))


@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.99])
def test_nesterov_looks_ahead(momentum):
    # The two sequences of the reference: the gradient is taken at w + mu v.
    f, eta = well(), 0.1
    w, v, ahead = f.start, np.zeros_like(f.start), []
    for _ in range(30):
        ahead.append(w + momentum * v)
        v = momentum * v - eta * f.gradient(ahead[-1])
        w = w + v
    assert_allclose(path(Nesterov(momentum), f, 30, eta), ahead, rtol=1e-11, atol=1e-12)


def accelerated(f, n, restart):
    """Gradient points and their images, by two sequences: x_{k+1} = y_k - g(y_k) / L."""
    x, y, theta, ys, xs = f.start, f.start, 1.0, [], []
    for _ in range(n):
        g = f.gradient(y)
        x_next = y - g / f.L
        if restart and g @ (x_next - x) > 0:
            theta = 1.0
        next_theta = (1 + sqrt(1 + 4 * theta**2)) / 2
        ys.append(y)
        xs.append(x_next)
        y = x_next + (theta - 1) / next_theta * (x_next - x)
        x, theta = x_next, next_theta
    return np.array(ys), np.array(xs)


def ill_conditioned():
    return Quadratic(np.geomspace(1e-4, 1, 20))


def test_accelerated_descent_is_nesterovs_two_sequences():
    f = ill_conditioned()
    expected, _ = accelerated(f, 300, restart=True)
    without, _ = accelerated(f, 300, restart=False)
    assert_allclose(path(AcceleratedDescent(), f, 300), expected, rtol=1e-7, atol=1e-10)
    assert np.abs(expected - without).max() > 0.01  # a restart was among them


def test_accelerated_descent_keeps_its_bound():
    # f(x_k) - f* <= 2 L ||x_0 - x*||^2 / (k + 1)^2, on functions flat enough to take it to task.
    n = 200
    k = np.arange(1, n + 1)
    for smallest in (1e-2, 1e-4, 1e-6):
        f = Quadratic(np.geomspace(smallest, 1, 30))
        points = path(AcceleratedDescent(), f, n)
        values = [f.value(y - f.gradient(y) / f.L) for y in points]
        bound = 2 * f.L * (f.start @ f.start) / (k + 1) ** 2
        assert (np.array(values) <= bound).all()
    plain = [f.value(w) for w in path(SteepestDescent(), f, n)]
    assert plain[-1] > 5 * values[-1]


def test_restarts_make_convergence_linear():
    # With a condition number of 1e4 a hundred iterations or so gain a digit, again and again;
    # without restarts the rate is that of the bound.
    f = ill_conditioned()
    values = [f.value(w) for w in path(AcceleratedDescent(), f, 3001)]
    _, without = accelerated(f, 3001, restart=False)
    assert values[1500] < 1e-6 * values[0]
    assert values[3000] < 1e-6 * values[1500]
    assert values[3000] < 1e-3 * f.value(without[-1])


def test_momentum_that_leads_uphill_is_restarted():
    rule, w, gradient = AcceleratedDescent(), np.zeros(2), np.array([1.0, -2.0])
    state = None
    for _ in range(50):
        _, state = rule(w, gradient, state)
    # The gradient turns, by less than what the velocity has gathered.
    assert gradient @ (state.momentum * state.v - 3 * gradient) > 0
    uphill, uphill_state = rule(w, -3 * gradient, state)
    fresh, fresh_state = rule(w, -3 * gradient, None)
    assert_array_equal(uphill, fresh)
    assert_array_equal(uphill_state.v, fresh_state.v)
    assert uphill_state[1:] == fresh_state[1:]


def test_momentum_across_the_slope_is_kept():
    gradient, across = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    state = AcceleratedState(v=2 * (across - gradient), momentum=0.5, theta=3.0)
    _, next_state = AcceleratedDescent()(np.zeros(2), gradient, state)
    assert_array_equal(next_state.v, across)
    assert next_state.theta > state.theta


def test_the_momentum_of_acceleration_grows():
    # theta_t > (t + 2) / 2 is the lemma behind the bound.
    rule, state = AcceleratedDescent(), None
    w = np.ones(1)
    for t in range(1, 100):
        _, state = rule(w, w, state)
        assert state.theta >= (t + 2) / 2
        assert 0 <= state.momentum < 1


@every_rule
def test_rules_are_pure_and_frozen(rule):
    rng = np.random.default_rng(0)
    state = None
    for shape in [(3, 2)] * 4:
        w, gradient = rng.normal(size=shape), rng.normal(size=shape)
        before = w.copy(), gradient.copy()
        first, next_state = rule(w, gradient, state)
        again, _ = rule(w, gradient, state)
        assert first.shape == shape
        assert_array_equal(first, again)
        assert_array_equal(w, before[0])
        assert_array_equal(gradient, before[1])
        state = next_state
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.memory = 0


def test_newton_finds_the_minimum_of_a_quadratic_in_one_step():
    f = ill_conditioned()
    rule = Newton(lambda w: Factor.of(f.A))
    p, state = rule(f.start, f.gradient(f.start), None)
    assert_allclose(f.start + p, 0, atol=1e-9)
    assert state is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.preconditioner = None


def test_newton_takes_the_hessian_at_the_coefficients():
    asked = []

    def preconditioner(w):
        asked.append(w.copy())
        return Diagonal(1 + w**2)

    p, _ = Newton(preconditioner)(np.array([2.0]), np.array([10.0]), None)
    assert_array_equal(asked, [[2.0]])
    assert_array_equal(p, [-2.0])


def bfgs_path(f, H, n, memory, rescale=0.0):
    """Points of BFGS with full matrices: the inverse Hessian is updated from H, pair by pair.

    Scaled fully, H is right along the last change of the gradient.
    """
    points, pairs, w = [f.start], [], f.start
    for _ in range(n):
        inverse = H
        if pairs:
            s, y = pairs[-1]
            inverse = H * ((y @ s) / (y @ H @ y)) ** rescale
        for s, y in pairs[-memory:]:
            V = np.eye(len(w)) - np.outer(y, s) / (y @ s)
            inverse = V.T @ inverse @ V + np.outer(s, s) / (y @ s)
        step = -inverse @ f.gradient(w)
        pairs.append((step, f.gradient(w + step) - f.gradient(w)))
        w = w + step
        points.append(w)
    return np.array(points)


@pytest.mark.parametrize("memory", [1, 3, 10])
@pytest.mark.parametrize("rescale", [0.0, 0.5, 1.0])
def test_lbfgs_is_bfgs_with_full_matrices(memory, rescale):
    f = Quadratic(np.linspace(0.5, 2, 8))
    d = np.linspace(1.0, 3.0, 8)
    rule = LBFGS(Diagonal(d), memory, rescale)
    expected = bfgs_path(f, np.diag(1 / d), 8, memory, rescale)
    assert_allclose(path(rule, f, 9, eta=1.0), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("memory", [3, 30])
def test_lbfgs_keeps_the_last_pairs(memory):
    rule, rng = LBFGS(Diagonal(np.ones(8)), memory), np.random.default_rng(0)
    w, state, steps = np.zeros(8), None, []
    for _ in range(40):
        # Of the quadratic w'w / 2 the gradient is w.
        _, state = rule(w, w, state)
        moved = rng.normal(size=8)
        steps.append(moved - w)
        w = moved
    assert_array_equal([pair.s for pair in state.pairs], steps[-memory - 1 : -1])


def test_lbfgs_gives_the_same_for_a_matrix_and_a_flat_array():
    f = Quadratic(np.linspace(0.5, 2, 8))
    d = np.linspace(1.0, 3.0, 8)
    flat, shaped = LBFGS(Diagonal(d)), LBFGS(Diagonal(d.reshape(4, 2)))
    w, state, points = f.start.reshape(4, 2), None, []
    for _ in range(9):
        points.append(w.ravel())
        p, state = shaped(w, f.gradient(w.ravel()).reshape(4, 2), state)
        w = w + p
    assert len(state.pairs) == 8
    assert_allclose(points, path(flat, f, 9, eta=1.0), rtol=1e-12, atol=1e-14)


def test_lbfgs_starts_with_the_preconditioner():
    f = well()
    p, state = LBFGS(Factor.of(f.A))(f.start, f.gradient(f.start), None)
    assert_allclose(f.start + p, 0, atol=1e-12)
    assert state.pairs == ()


def test_lbfgs_always_leads_downhill():
    # Also where a step has met a curvature that is not positive.
    rng = np.random.default_rng(0)
    rule, state = LBFGS(Diagonal(np.ones(5)), memory=3), None
    for _ in range(50):
        gradient = rng.normal(size=5)
        p, state = rule(rng.normal(size=5), gradient, state)
        assert gradient @ p < 0
        assert len(state.pairs) <= 3
        assert all(step @ change > 0 for step, change, _ in state.pairs)


def test_lbfgs_ignores_a_step_that_was_not_made():
    rule, w, gradient = LBFGS(Diagonal(np.ones(2))), np.ones(2), np.array([1.0, 2.0])
    p, state = rule(w, gradient, None)
    again, state = rule(w, gradient, state)
    assert_array_equal(p, again)
    assert state.pairs == ()


@pytest.mark.parametrize("step_scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("change_scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("cosine", "remembered"), [(1 / 4, 0), (4, 1)])
def test_lbfgs_leaves_out_pairs_whose_curvature_may_be_rounding(
    step_scale, change_scale, cosine, remembered
):
    # What counts is the angle between step and change, in whatever units the two are.
    step = step_scale * np.array([1.0, 0.0])
    change = change_scale * np.array([cosine * np.finfo(np.float64).eps, 1.0])
    rule = LBFGS(Diagonal(np.ones(2)))
    _, state = rule(np.zeros(2), np.zeros(2), None)
    _, state = rule(step, change, state)
    assert len(state.pairs) == remembered
