"""The loop, on a function whose descent is known in closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.directions import AcceleratedDescent, HeavyBall, Nesterov, SteepestDescent
from bce_logistic.descent.loop import DescentState, averaged, descend
from bce_logistic.descent.step_sizes import InverseScalingStep
from bce_logistic.objective.objective import Point

from ..common import Unpenalised, steps


class Bowl(Unpenalised):
    """sum(a w^2) / 2: steepest descent multiplies w by 1 - eta a."""

    def __init__(self, a=(0.5, 1.0, 3.0)):
        self.a = np.array(a)
        self.evaluations = 0

    def at(self, w):
        self.evaluations += 1
        return Point(w, self.a @ w**2 / 2, self.a * w)


START = np.array([1.0, -2.0, 0.5])


def test_steepest_descent_in_closed_form():
    bowl, eta = Bowl(), 0.25
    found = steps(
        descend(itertools.repeat(bowl), START, SteepestDescent(), InverseScalingStep(eta)), 40
    )
    assert [iterate.t for iterate in found] == list(range(40))
    for iterate in found:
        w = START * (1 - eta * bowl.a) ** iterate.t
        assert_allclose(iterate.point.w, w, rtol=1e-13)
        assert_allclose(iterate.point.value, bowl.a @ w**2 / 2, rtol=1e-13)
        assert_allclose(iterate.direction, -bowl.a * w, rtol=1e-13)


def test_decaying_steps_in_closed_form():
    bowl = Bowl()
    rule = InverseScalingStep(0.25, 0.5)
    *_, last = steps(descend(itertools.repeat(bowl), START, SteepestDescent(), rule), 40)
    factors = [1 - 0.25 / (1 + t) ** 0.5 * bowl.a for t in range(39)]
    assert_allclose(last.point.w, START * np.prod(factors, axis=0), rtol=1e-13)


def test_one_evaluation_an_iterate_and_none_ahead():
    bowl = Bowl()
    iterates = descend(itertools.repeat(bowl), START, SteepestDescent(), InverseScalingStep(0.1))
    assert bowl.evaluations == 0
    for n in range(1, 6):
        next(iterates)
        assert bowl.evaluations == n


def test_the_loop_ends_where_the_last_objective_led():
    bowls = [Bowl(), Bowl(), Bowl()]
    *before, last = descend(bowls, START, SteepestDescent(), InverseScalingStep(0.1))
    assert [iterate.t for iterate in (*before, last)] == [0, 1, 2, 3]
    assert_allclose(last.point.w, START * (1 - 0.1 * bowls[0].a) ** 3, rtol=1e-14)
    assert np.isnan(last.point.value)
    (nowhere,) = descend([], START, SteepestDescent(), InverseScalingStep(0.1))
    assert_array_equal(nowhere.point.w, START)
    assert nowhere.t == 0


def test_every_update_is_made_for_its_own_objective():
    bowls = [Bowl([a, 1.0, 1.0]) for a in (1.0, 2.0, 3.0, 4.0)]
    found = list(descend(bowls, START, SteepestDescent(), InverseScalingStep(0.1)))
    assert [bowl.evaluations for bowl in bowls] == [1] * 4
    expected = START[0] * np.cumprod([1, 1 - 0.1 * 1, 1 - 0.1 * 2, 1 - 0.1 * 3, 1 - 0.1 * 4])
    assert_allclose([iterate.point.w[0] for iterate in found], expected, rtol=1e-14)


def test_a_point_that_the_step_size_knows_is_not_evaluated_again():
    bowl = Bowl()

    def step_size(objective, point, p, t):
        w = point.w + 0.1 * p
        return w, objective.at(w)

    found = steps(descend(itertools.repeat(bowl), START, SteepestDescent(), step_size), 5)
    assert bowl.evaluations == 5
    assert_allclose(found[-1].point.w, START * (1 - 0.1 * bowl.a) ** 4, rtol=1e-14)
    *_, last = descend([bowl], START, SteepestDescent(), step_size)
    assert last.point.value == bowl.at(last.point.w).value  # known at the end too


def test_a_start_that_is_known_is_not_evaluated_again():
    bowl = Bowl()
    start = bowl.at(START)
    found = steps(
        descend(itertools.repeat(bowl), start, SteepestDescent(), InverseScalingStep(0.1)), 3
    )
    assert found[0].point is start
    assert bowl.evaluations == 3
    assert_allclose(found[-1].point.w, START * (1 - 0.1 * bowl.a) ** 2, rtol=1e-14)
    (nowhere,) = descend([], start, SteepestDescent(), InverseScalingStep(0.1))
    assert nowhere.point is start


@pytest.mark.parametrize(
    "direction",
    [SteepestDescent(), HeavyBall(0.9), Nesterov(0.9), AcceleratedDescent()],
    ids=str,
)
@pytest.mark.parametrize("stop", [0, 1, 7])
def test_a_continued_descent_is_one_long_one(direction, stop):
    def descent(w=START, state=None, t=0):
        rule = InverseScalingStep(0.2, 0.3)
        return descend(itertools.repeat(Bowl()), w, direction, rule, state=state, t=t)

    straight = steps(descent(), 20)
    left = straight[stop]
    resumed = steps(descent(left.point.w, left.state, left.t), 20 - stop)
    for one, other in zip(straight[stop:], resumed, strict=True):
        assert one.t == other.t
        assert_array_equal(one.point.w, other.point.w)
        assert_array_equal(one.direction, other.direction)


def test_the_start_is_not_written_to():
    w = START.copy()
    steps(descend(itertools.repeat(Bowl()), w, HeavyBall(0.9), InverseScalingStep(0.1)), 5)
    assert_array_equal(w, START)


@pytest.mark.parametrize("first", [1, 4, 9, 30])
def test_the_mean_is_that_of_the_iterates_from_the_first_on(first):
    iterates = descend(itertools.repeat(Bowl()), START, HeavyBall(0.5), InverseScalingStep(0.1))
    found = steps(averaged(iterates, first, DescentState(START)), 20)
    path = np.array([iterate.point.w for iterate in found])
    for t, iterate in enumerate(found):
        if t < first:
            assert iterate.average is None
            assert_array_equal(iterate.result, path[t])
        else:
            assert_allclose(iterate.result, path[first : t + 1].mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize("stop", [0, 1, 3, 7])
def test_a_continued_mean_is_one_long_one(stop):
    def descent(start):
        w, state, t, _ = start
        rule = InverseScalingStep(0.2, 0.3)
        forever = itertools.repeat(Bowl())
        iterates = descend(forever, w, HeavyBall(0.5), rule, state=state, t=t)
        return averaged(iterates, 3, start)

    straight = steps(descent(DescentState(START)), 20)
    resumed = steps(descent(straight[stop].start), 20 - stop)
    for one, other in zip(straight[stop:], resumed, strict=True):
        assert_array_equal(one.result, other.result)
