"""What is said of the gap: believed of a Hessian that did as predicted, else certified."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.descent.loop import Iterate
from bce_logistic.objective.certificate import duality_gap
from bce_logistic.objective.objective import Point
from bce_logistic.preconditioning.choice import full_factor
from bce_logistic.solvers.convergence import Progress
from bce_logistic.solvers.gap import SAFETY_OF_REUSED, Gap

from ..common import objective, problem


def task(C=1.0):
    X, y = problem(n_samples=200, n_features=5)
    F = objective(X, y, C=C)
    return F, minimum_by_newton(F)


def minimum_by_newton(F):
    w = np.zeros(F.shape)
    for _ in range(25):
        w -= np.linalg.solve(F.hessian(w)[0, :, 0], F.at(w).gradient)
    return w


def iterate_at(F, w, hessian=None, t=0):
    point = F.at(w)
    direction = -point.gradient if hessian is None else -hessian.solve(point.gradient)
    return Iterate(t, point, direction, None)


def test_a_gap_is_certified_where_the_bound_is_below_the_target():
    F, optimum = task()
    gap = Gap(F, tol=1e-6)
    near = gap.judged(iterate_at(F, optimum + 1e-7))
    assert near.gap == near.certificate == duality_gap(F, near.point)
    assert F.at(optimum + 1e-7).value - F.at(optimum).value <= near.gap
    far = Gap(F, tol=1e-6).judged(iterate_at(F, optimum + 0.1))
    assert far.gap == far.certificate == inf


def test_the_certificate_is_computed_again_only_where_the_bound_has_halved():
    F, optimum = task()
    gap = Gap(F, tol=1.0)
    first = gap.judged(iterate_at(F, optimum + 0.01))
    again = gap.judged(iterate_at(F, optimum + 0.009))
    nearer = gap.judged(iterate_at(F, optimum + 0.001))
    assert first.certificate < inf
    assert again.gap == inf
    assert nearer.certificate < first.certificate


def test_a_reused_hessian_is_believed_after_two_steps_with_a_margin():
    F, optimum = task()
    start = optimum + 0.05
    hessian = full_factor(F, start)
    gap = Gap(F, 1e-12, hessian)
    w, gaps = start, []
    for t in range(4):
        iterate = iterate_at(F, w, hessian, t)
        gaps.append((gap(iterate), F.at(w).value - F.at(optimum).value))
        w = w + iterate.direction
    assert gaps[0][0] == gaps[1][0] == inf
    for believed, true in gaps[2:]:
        assert true <= believed <= 3 * SAFETY_OF_REUSED * true


def test_a_hessian_that_has_become_too_stiff_is_scaled_by_what_the_steps_showed():
    F, optimum = task()
    hessian = full_factor(F, optimum)
    too_stiff = replace(hessian, stiffness=1e-3)
    gap = Gap(F, 1e-12, too_stiff)
    for t, distance in enumerate((0.1, 0.05, 0.02)):
        w = optimum + distance
        found = gap(iterate_at(F, w, t=t))
    assert found >= F.at(w).value - F.at(optimum).value


def test_a_hessian_that_no_step_showed_to_be_too_stiff_is_not_believed():
    # Two rows alone have the last feature, which separates them: the curvature along it fades.
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(400, 3)), np.arange(400) < 2])
    y = ((X[:, 0] + rng.normal(size=400) > 0) | (X[:, 3] > 0)).astype(int)
    F = objective(X, y, C=1e4)
    optimum = minimum_by_newton(F)
    w = np.append(optimum[:3], [optimum[3] / 2, optimum[4]])
    true_gap = F.at(w).value - F.at(optimum).value
    gap = Gap(F, 0.6 * true_gap / F.at(w).value, full_factor(F, np.zeros(5)))
    for t, distance in enumerate((1e-2, 1e-3, 1e-4)):
        found = gap(iterate_at(F, w + distance * np.array([1, -1, 1, 0, 0]), t=t))
    assert found >= true_gap


def test_newtons_prediction_is_not_believed_where_its_step_changes_the_hessian(monkeypatch):
    monkeypatch.setattr("bce_logistic.solvers.gap.model_is_accurate", lambda history: True)
    F, optimum = task(C=1e4)
    for distance in (1e-3, 3.0):
        iterate = iterate_at(F, optimum + distance, full_factor(F, optimum + distance))
        believed = 4 * Progress.of(iterate, F.penalty).half_squared_decrement
        found = Gap(F, 2 * believed / iterate.point.value, is_newton=True)(iterate)
        assert found == (believed if distance < 1 else inf)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_said_of_a_point_that_is_not_finite(bad):
    F, optimum = task()
    point = Point(optimum, bad, np.full_like(optimum, bad))
    found = Gap(F, 1e-6).judged(Iterate(0, point, optimum, None))
    assert found.gap == found.certificate == inf


def test_the_steps_left_are_those_of_a_geometric_series():
    F, optimum = task()
    gap = Gap(F, 1e-6)
    for t, distance in enumerate(0.1 * 0.5 ** np.arange(6)):
        gap(iterate_at(F, optimum + distance, t=t))
    # The bound is a square: it falls by a factor of 4 a step, about.
    target = 1e-6 * gap.history[-1].value
    assert_allclose(gap.steps_left(), np.log(gap.measures[-1] / target) / np.log(4), rtol=0.1)
    assert not gap.is_stuck()
    gap(iterate_at(F, optimum + distance, t=6))
    assert gap.is_stuck()
