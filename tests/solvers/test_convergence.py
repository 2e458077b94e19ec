"""Estimates of the distance to the optimum, on convergence whose law is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.descent.loop import Iterate
from bce_logistic.objective.objective import Point
from bce_logistic.objective.penalties import L2
from bce_logistic.solvers.convergence import (
    Progress,
    estimated_gap,
    model_is_accurate,
    steps_left,
)

OPTIMUM = 100.0


def history(gaps, predicted=0.0):
    """Iterates so far above the optimum; a metric that predicts its share of the gap."""
    return [Progress(OPTIMUM + gap, 1.0, predicted * gap) for gap in gaps]


def test_progress_of_an_iterate():
    # Half the squared Newton decrement: for a quadratic and its Hessian the whole gap.
    A = np.array([[2.0, 0.3], [0.3, 1.0]])
    w = np.array([1.0, -2.0])
    gradient = A @ w
    iterate = Iterate(3, Point(w, w @ A @ w / 2, gradient), -np.linalg.solve(A, gradient), None)
    progress = Progress.of(iterate, L2(np.zeros(2)))
    assert_allclose(progress.value, w @ A @ w / 2, rtol=1e-15)
    assert_allclose(progress.gradient_norm, np.abs(gradient).max(), rtol=1e-15)
    assert_allclose(progress.half_squared_decrement, w @ A @ w / 2, rtol=1e-13)


@pytest.mark.parametrize("rho", [0.01, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("predicted", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("n", [3, 5, 10, 40, 200])
def test_the_gap_of_linear_convergence_is_not_underestimated(rho, predicted, n):
    gaps = rho ** np.arange(min(n, int(np.log(1e-10) / np.log(rho)) + 3))
    gap = estimated_gap(history(gaps, predicted))
    assert gap >= gaps[-1] * (1 - 1e-3)
    assert gap <= 20 * gaps[-1] + 1e-10


@pytest.mark.parametrize("power", [1, 2, 4])
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_the_gap_of_slow_convergence_is_not_underestimated(power, n):
    # Like a power of the number of steps: single steps alone would see next to nothing of it.
    gaps = 1 / np.arange(1.0, n + 1) ** power
    gap = estimated_gap(history(gaps))
    assert gap >= gaps[-1]
    assert gap <= 50 * gaps[-1]


def test_steps_of_unequal_size_do_not_deceive():
    # Every other step gains next to nothing.
    gaps = np.repeat(0.5 ** np.arange(12), 2) * np.tile([1, 0.999], 12)
    for end in (21, 22, 23, 24):
        assert estimated_gap(history(gaps[:end])) >= 0.9 * gaps[end - 1]


@pytest.mark.parametrize("predicted", [0.2, 1.0, 3.0])
def test_the_first_iterate_is_judged_by_the_metric(predicted):
    assert estimated_gap(history([1.0], predicted)) >= predicted


def test_a_metric_that_kept_its_promise_is_believed():
    # Newton's steps: the gap is squared each time, and the prediction is right.
    newton = history([1.0, 1e-2, 1e-4, 1e-8], predicted=1.0)
    for n in (2, 3, 4):
        assert model_is_accurate(newton[:n])
        predicted = newton[n - 1].half_squared_decrement
        assert predicted <= estimated_gap(newton[:n]) <= 4 * predicted


@pytest.mark.parametrize("share", [0.1, 0.5, 5.0])
def test_a_metric_that_did_not_is_not(share):
    # It predicts a tenth, a half or five times what there is to gain.
    assert not model_is_accurate(history([1.0, 1e-2, 1e-4], predicted=share))


def test_a_metric_cannot_be_judged_at_once():
    assert not model_is_accurate(history([1.0], predicted=1.0))


def test_standing_still_is_no_progress_to_go_by():
    gaps = [1.0] * 40
    for n in range(1, 41):
        assert np.isfinite(estimated_gap(history(gaps[:n])))


def test_the_estimate_is_in_units_of_the_objective():
    gaps = 0.6 ** np.arange(20)
    scaled = [
        Progress(1e3 * p.value, 1.0, 1e3 * p.half_squared_decrement) for p in history(gaps, 0.5)
    ]
    assert_allclose(estimated_gap(scaled), 1e3 * estimated_gap(history(gaps, 0.5)), rtol=1e-9)


def test_values_that_rise_by_rounding_are_no_decrease():
    values = itertools.cycle([OPTIMUM, np.nextafter(OPTIMUM, 200)])
    still = [Progress(next(values), 1e-9, 1e-20) for _ in range(50)]
    assert 0 <= estimated_gap(still) < 1e-9


def test_steps_left_of_a_geometric_decrease():
    measures = [np.inf, 5.0, *(0.3 ** np.arange(8))]
    assert_allclose(steps_left(measures, 0.3**20), 13, rtol=1e-9)
    assert steps_left(measures, 0.3**7) == 0
    assert steps_left(measures[:3], 1e-3) == np.inf  # too few to tell
    assert steps_left([np.inf] * 5, 1.0) == np.inf
    assert steps_left([1.0, 2.0, 3.0, 4.0], 0.5) == np.inf
