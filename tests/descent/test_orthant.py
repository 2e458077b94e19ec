"""The orthant of a point, and the steps that stay in it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.loop import descend
from bce_logistic.descent.orthant import (
    Orthant,
    OrthantArmijo,
    OrthantLBFGS,
    centred_gradient,
)
from bce_logistic.objective.penalties import ElasticNet

from ..common import objective, problem


def test_signs_come_from_the_coefficients_and_else_from_the_slope():
    penalty = ElasticNet(np.zeros(5), np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
    w, g = np.array([2.0, -1.0, 0.0, 0.0, 0.0]), np.array([0.5, 0.5, 3.0, 0.5, -2.0])
    orthant = Orthant.of(penalty, w, g)
    assert_array_equal(orthant.sign, [1, -1, -1, 0, 0])
    assert_array_equal(orthant.free, [True, True, True, False, True])
    assert_array_equal(orthant.gradient, [1.5, -0.5, 2.0, 0.0, -2.0])
    assert_array_equal(orthant.project(np.array([-1.0, 2, 3, 0, -4])), [0, 0, 0, 0, -4])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("offset", [0.0, 10.0, 1e4])
def test_every_step_goes_down_and_zeros_are_exact(n_classes, offset):
    X, y = problem(100, 8, n_classes)
    F = objective(X + offset * np.eye(8)[2], y)
    l1 = np.append(np.full(8, 5.0), 0)
    F = replace(F, penalty=ElasticNet(np.zeros(9), l1))
    w = np.zeros(F.shape)
    w[-1] = F.intercept_alone()
    center, diagonal = F.centred_diagonal(w)
    rule = OrthantLBFGS(F.penalty, diagonal, center, True)
    iterates = descend(itertools.repeat(F), w, rule, OrthantArmijo(center))
    found = list(itertools.islice(iterates, 60))
    values = [iterate.point.value for iterate in found]
    assert np.all(np.diff(values) <= 1e-13 * values[0])
    if n_classes > 2:  # a common shift of the intercepts changes nothing
        assert_allclose([iterate.point.w[-1].sum() for iterate in found], 0, atol=1e-12)
    last = found[-1].point
    assert 0 < np.count_nonzero(last.w[:-1] == 0) < last.w[:-1].size
    gradient = centred_gradient(last.gradient, center, True)
    assert np.abs(F.penalty.subgradient(last.w, gradient)).max() < 1e-4 * 5.0


def test_the_diagonal_is_that_of_centred_features():
    X, y = problem(60, 3)
    s = np.random.default_rng(0).exponential(size=60)
    F = objective(X + 50.0, y, s)
    w = np.zeros(4)
    center, diagonal = F.centred_diagonal(w)
    assert_allclose(center, s @ (X + 50.0) / s.sum(), rtol=1e-12)
    expected = (s / 4) @ (X + 50.0 - center) ** 2 + F.penalty.curvature[:3]
    assert_allclose(diagonal, np.append(expected, s.sum() / 4), rtol=1e-9)


def test_where_no_step_was_accepted_the_pairs_are_dropped():
    X, y = problem(60, 5)
    F = replace(objective(X, y), penalty=ElasticNet(np.zeros(6), np.append(np.ones(5), 0.0)))
    w, ahead = np.linspace(-1, 1, 6), np.linspace(-1, 0.5, 6)
    g = F.at(w).gradient
    pair = ahead - w, F.at(ahead).gradient - g
    center, diagonal = F.centred_diagonal(w)
    rule = OrthantLBFGS(F.penalty, diagonal, center, True)
    plain, _ = rule(w, g, None)
    with_pairs, state = replace(rule, pairs=(pair,))(w, g, None)
    assert not np.allclose(with_pairs, plain, rtol=1e-3)
    assert len(rule(ahead, F.at(ahead).gradient, state)[1].pairs) == 2
    assert_array_equal(rule(w, g, state)[0], plain)


def test_a_step_that_is_far_too_long_is_cut_in_few_passes():
    X, y = problem(100, 5)
    F = replace(objective(X, y), penalty=ElasticNet(np.zeros(6), np.append(np.ones(5), 0.0)))
    w = np.zeros(6)
    center, diagonal = F.centred_diagonal(w)
    p, _ = OrthantLBFGS(F.penalty, diagonal, center, True)(w, F.at(w).gradient, None)
    point, before = F.at(w), F.rows.passes
    _, end = OrthantArmijo(center)(F, point, 1000 * p, 0)
    assert end.value < point.value
    assert F.rows.passes - before <= 7
