"""When a model of an L1-penalised objective is believed, and how far a descent goes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.descent.loop import Iterate, descend
from bce_logistic.descent.orthant import OrthantArmijo, OrthantLBFGS
from bce_logistic.descent.step_sizes import BacktrackingArmijo
from bce_logistic.objective.objective import Point
from bce_logistic.objective.penalties import ElasticNet
from bce_logistic.solvers.convergence import SAFETY
from bce_logistic.solvers.proximal_gap import ProximalGap, reached
from bce_logistic.solvers.proximal_newton import ProximalNewton

from ..common import objective, problem


def sparse_objective():
    """An objective with an L1 penalty, and where all but the intercept are zero."""
    X, y = problem(200, 12, seed=1)
    F = objective(X, y)
    F = replace(F, penalty=ElasticNet(np.zeros(13), np.append(np.full(12, 5.0), 0.0)))
    w = np.zeros(13)
    w[-1] = F.intercept_alone()
    return F, w


def minimum(F, w):
    direction = ProximalNewton(F, 0.0)
    iterates = descend(itertools.repeat(F), w, direction, BacktrackingArmijo())
    return next(itertools.islice(iterates, 30, None)).point.value


def test_a_model_is_believed_after_a_step_that_went_as_it_predicted():
    F, w = sparse_objective()
    gap, least = ProximalGap(F, 1e-6), minimum(F, w)
    found = []
    for iterate in descend(itertools.repeat(F), w, ProximalNewton(F, 0.0), BacktrackingArmijo()):
        found.append(gap.judged(iterate, has_model=True))
        target = 1e-6 * iterate.point.value
        if found[-1].gap <= target:
            break
        # Not believed, or not small.
        assert found[-1].gap >= 2 * target
    assert 3 <= len(found) <= 8
    last = found[-1]
    assert_allclose(last.gap, SAFETY * gap.history[-1].half_squared_decrement, rtol=1e-12)
    assert last.point.value - least <= last.gap
    # The first iterate, with no step before it, is not believed whatever its model predicts.
    assert ProximalGap(F, 1e-6).judged(last, has_model=True).gap > 1e-6 * last.point.value


def test_without_a_model_the_certificate_is_the_gap_after_a_start_at_zero_too():
    F, w = sparse_objective()
    least = minimum(F, w)
    center, diagonal = F.centred_diagonal(w)
    direction = OrthantLBFGS(F.penalty, diagonal, center, True)
    gap = ProximalGap(F, 1e-6)
    for iterate in itertools.islice(
        descend(itertools.repeat(F), w, direction, OrthantArmijo(center)), 200
    ):
        judged = gap.judged(iterate)
        if judged.gap <= 1e-6 * judged.point.value:
            break
    assert judged.certificate == judged.gap >= judged.point.value - least
    assert iterate.t < 100


def iterates(*values, gaps=None):
    gaps = itertools.repeat(np.inf) if gaps is None else gaps
    nothing = np.zeros(1)
    return (
        Iterate(t, Point(nothing, value, nothing), nothing, None, gap=gap)
        for t, (value, gap) in enumerate(zip(values, gaps, strict=False))
    )


@pytest.mark.parametrize(
    ("accuracy", "gaps", "t"),
    [
        (0.0, None, 5),  # no gap is known: to the end
        (0.0, [np.inf, np.inf, 8.0, 0.05], 3),
        (0.11, None, 4),  # 112 to 101 in two steps
        (0.1, [5.0, 9.0], 1),  # one step at least
        (1e-9, [1.0, 1.0, 1.0, 0.05], 3),
    ],
)
def test_a_descent_ends_at_a_gap_or_where_steps_are_small(accuracy, gaps, t):
    gaps = None if gaps is None else [*gaps, *[np.inf] * (6 - len(gaps))]
    found = reached(iterates(200.0, 150.0, 112.0, 102.0, 101.0, 100.0, gaps=gaps), 1e-3, accuracy)
    assert found.t == t
