"""The step sizes against their formula and against the conditions that they promise."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.step_sizes import (
    BacktrackingArmijo,
    HalvedFromSaturation,
    InverseScalingStep,
)
from bce_logistic.objective.objective import Point

from ..common import Unpenalised, objective


def point(w):
    return Point(w, np.nan, np.full_like(w, np.nan))


@pytest.mark.parametrize(("power", "step"), [(0.0, 0.5), (0.5, 0.5 / 2), (1.0, 0.5 / 4)])
def test_decaying_step(power, step):
    w, p = np.array([1.0, 2.0]), np.array([-1.0, 4.0])
    moved, known = InverseScalingStep(0.5, power)(Unpenalised, point(w), p, t=3)
    assert_allclose(moved, w + step * p, rtol=1e-15)
    assert known is None
    assert_array_equal(w, [1, 2])


def test_steps_are_constant_by_default_and_rules_frozen():
    moved, _ = InverseScalingStep(0.5)(Unpenalised, point(np.zeros(1)), np.ones(1), t=100)
    assert_array_equal(moved, [0.5])
    for rule in (InverseScalingStep(0.5), BacktrackingArmijo()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            rule.eta = 1.0


def test_first_step_is_not_decayed():
    moved, _ = InverseScalingStep(0.5, 1.0)(Unpenalised, point(np.zeros(1)), np.ones(1), t=0)
    assert_array_equal(moved, [0.5])


@pytest.mark.parametrize(("power", "reaches"), [(0.5, True), (1.0, True), (1.5, False)])
def test_steps_that_decay_slowly_reach_everywhere(power, reaches):
    # The sum of the steps is infinite up to power 1, so that no start is too far away.
    rule, w = InverseScalingStep(1.0, power), point(np.zeros(1))
    for t in range(20_000):
        w = point(rule(Unpenalised, w, np.ones(1), t)[0])
    assert (w.w[0] > 10) == reaches


class Curve(Unpenalised):
    """A function of one coefficient, with its derivative."""

    def __init__(self, function, slope, dtype=np.float64):
        self.function, self.slope, self.tried = function, slope, []
        self.rows = SimpleNamespace(dtype=np.dtype(dtype))

    def at(self, w):
        self.tried.append(float(w[0]))
        return Point(w, float(self.function(w[0])), self.slope(w))


def parabola():
    return Curve(lambda w: w**2 / 2, lambda w: w)


def search(curve, p, w=1.0, **params):
    start = curve.at(np.array([w]))
    curve.tried.clear()
    moved, known = BacktrackingArmijo(**params)(curve, start, np.array([p]), t=0)
    return start, moved, known


@pytest.mark.parametrize(("p", "is_whole"), [(-1.0, True), (-1.9, True), (-2.1, False)])
def test_slopes_decide_where_values_are_lost_in_rounding(p, is_whole):
    # Of 1000 + w^2 / 2 near zero, single precision sees no more than rounding, here an increase.
    curve = Curve(lambda w: 1000 + 1e-5 * (w != 1e-3), lambda w: w, np.float32)
    start, moved, _ = search(curve, p * 1e-3, w=1e-3)
    assert (moved[0] == start.w[0] + p * 1e-3) == is_whole
    exact = Curve(curve.function, curve.slope, np.float64)
    start, moved, _ = search(exact, p * 1e-3, w=1e-3)
    assert moved[0] == start.w[0]


@pytest.mark.parametrize("p", [-1.0, -0.1, -1.9])
def test_the_whole_step_is_taken_if_it_is_good(p):
    curve = parabola()
    _, moved, known = search(curve, p)
    assert_allclose(moved, [1 + p], rtol=1e-15)
    assert len(curve.tried) == 1
    assert known.value == curve.function(known.w[0])
    assert_array_equal(known.w, moved)


def quartic():
    return Curve(lambda w: w**4 / 4, lambda w: w**3)


@pytest.mark.parametrize("curve", [parabola, quartic])
@pytest.mark.parametrize("p", [-2.5, -7.0, -1000.0])
@pytest.mark.parametrize("sufficient", [1e-4, 0.4])
def test_armijos_condition_holds_and_no_longer_step_keeps_it(curve, p, sufficient):
    curve = curve()
    start, moved, known = search(curve, p, sufficient_decrease=sufficient)
    etas = (np.array(curve.tried) - 1) / p
    values = np.array([curve.function(w) for w in curve.tried])
    enough = values <= start.value + sufficient * etas * start.gradient[0] * p
    assert enough[-1]
    assert not enough[:-1].any()
    assert_allclose(etas[0], 1, rtol=1e-12)
    # Every cut leaves something, and is worth a try.
    cuts = etas[1:] / etas[:-1]
    assert len(cuts) >= 1
    assert (cuts >= 1 / 5 - 1e-9).all()
    assert (cuts <= 1 / 2 + 1e-9).all()
    assert known.value < start.value
    assert_array_equal(known.w, moved)


@pytest.mark.parametrize("p", [-2.5, -3.0, -5.0])
def test_the_minimum_of_a_parabola_is_found_by_the_second_step(p):
    # Its minimum along p is known after one step that failed.
    curve = parabola()
    _, moved, _ = search(curve, p)
    assert_allclose(moved, [0.0], atol=1e-12)
    assert len(curve.tried) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_steps_to_a_value_that_is_not_finite_are_shortened(value):
    curve = Curve(lambda w: w**2 / 2 if w > -10 else value, lambda w: w)
    start, moved, known = search(curve, -100.0)
    assert known.value < start.value
    # By as much as is allowed, and from there the parabola leads to its minimum.
    assert_allclose(curve.tried, [-99.0, -19.0, -3.0, 0.0], rtol=1e-12, atol=1e-12)
    assert_array_equal(known.w, moved)


@pytest.mark.parametrize("p", [1.0, 0.0, np.nan])
@pytest.mark.parametrize("curve", [parabola, quartic])
def test_where_the_direction_is_not_downhill_polyaks_step_is_taken(curve, p):
    # w - F / F'^2 F': half of the way to zero for the parabola, three quarters for the quartic.
    curve = curve()
    start, moved, known = search(curve, p)
    expected = start.w - start.value / start.gradient @ start.gradient * start.gradient
    assert_allclose(moved, expected, rtol=1e-15)
    assert_allclose(curve.tried, expected, rtol=1e-15)
    assert known.value < start.value


def test_where_no_step_along_the_direction_helps_polyaks_step_is_taken():
    curve = Curve(lambda w: w**2 / 2 if w in (1.0, 0.5) else np.nan, lambda w: w)
    _, moved, known = search(curve, -3.0)
    assert_array_equal(moved, [0.5])
    assert known.value == 1 / 8
    etas = (np.array(curve.tried[:-1]) - 1) / -3
    assert_allclose(etas, 0.2 ** np.arange(len(etas)), rtol=1e-7)
    assert 1e-8 <= etas[-1] < 5e-8


def test_where_nothing_helps_the_point_stays():
    curve = Curve(lambda w: 1 / 2 if w == 1 else np.nan, lambda w: w)
    start, moved, known = search(curve, -1.0)
    assert known is start
    assert_array_equal(moved, [1.0])
    # Both searches end: steps of at least 1e-8, each at most half of the one before.
    assert len(curve.tried) < 60


def test_at_a_minimum_the_point_stays():
    start, moved, known = search(parabola(), 0.0, w=0.0)
    assert known is start
    assert_array_equal(moved, [0.0])


def test_the_smallest_step_is_still_tried():
    curve = parabola()
    _, moved, _ = search(curve, -1.0, min_step=1.0)
    assert_array_equal(moved, [0.0])
    _, moved, _ = search(curve, -2.5, min_step=1.0)
    # Its only step fails, and Polyak's is taken.
    assert_allclose(curve.tried, [-1.5, 0.5], rtol=1e-15)
    assert_array_equal(moved, [0.5])


@pytest.mark.parametrize("height", [1e6, -1e6])
def test_rounding_does_not_stop_the_search(height):
    # Close to the optimum of a function far from zero, a good step may seem to lead uphill.
    curve = Curve(lambda w: height + (0 if w else 2 * np.spacing(1e6)), lambda w: w)
    start, moved, known = search(curve, -1e-7, w=1e-7)
    assert known.value > start.value
    assert_array_equal(moved, [0.0])
    assert len(curve.tried) == 1


def test_a_step_into_saturation_is_halved():
    # Separated classes and a weak penalty: the end of the step has hardly any loss, and a penalty
    # just below the loss of the start.
    X = np.linspace(-1, 1, 20)[:, None]
    F = objective(X, (X[:, 0] > 0).astype(int), C=100.0, fit_intercept=False)
    start, p = F.at(np.zeros(1)), np.array([50.0])
    best = min(F.at(eta * p).value for eta in np.linspace(0, 1, 2000))
    assert BacktrackingArmijo()(F, start, p, 0)[1].value > 5 * best
    w, end = HalvedFromSaturation(BacktrackingArmijo())(F, start, p, 0)
    assert end.value < 1.2 * best
    assert_allclose(F.at(w).value, end.value, rtol=1e-14)
