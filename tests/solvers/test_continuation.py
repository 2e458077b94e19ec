"""What is handed on along a path, against the same computed anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.loop import DescentState
from bce_logistic.descent.orthant import OrthantState
from bce_logistic.objective.penalties import ElasticNet
from bce_logistic.solvers.continuation import Continuation, WorkingSet
from bce_logistic.solvers.minimize import minimize
from bce_logistic.solvers.path import minimize_along
from bce_logistic.solvers.proximal import ProximalDescent
from bce_logistic.solvers.proximal_newton import ProximalNewton

from ..common import objective, problem

BEFORE, AFTER = (
    ElasticNet(np.append(l2, 0.0), np.append(l1, 0.0))
    for l1, l2 in ((np.full(6, 3.0), np.arange(6.0)), (np.full(6, 2.0), np.ones(6)))
)
every_kind = pytest.mark.parametrize("n_classes", [2, 3])


def elastic(n_classes, penalty=BEFORE):
    X, y = problem(100, 6, n_classes)
    return replace(objective(X, y), penalty=penalty)


def coefficients(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@every_kind
def test_point_and_model_are_those_of_the_new_penalty(n_classes):
    F, G = elastic(n_classes), elastic(n_classes, AFTER)
    point = F.at(coefficients(F.shape))
    _, model = ProximalNewton(F, 0.0)(point.w, point.gradient, None)
    moved, memory = Continuation(point, BEFORE, model).under(AFTER)
    expected = G.at(point.w)
    assert_allclose(moved.value, expected.value, rtol=1e-13)
    assert_allclose(moved.gradient, expected.gradient, rtol=1e-11, atol=1e-11)
    _, new = ProximalNewton(G, 0.0)(expected.w, expected.gradient, None)
    assert_allclose(memory.P, new.P, rtol=1e-12, atol=1e-12)
    assert_allclose(memory.gradient, new.gradient, rtol=1e-11, atol=1e-11)
    assert len(new.P) == np.prod(F.shape)


@every_kind
def test_pairs_are_those_of_the_new_penalty(n_classes):
    F, G = elastic(n_classes), elastic(n_classes, AFTER)
    w, s = coefficients(F.shape), coefficients(F.shape, 1)

    def pair(objective):
        return s, objective.at(w + s).gradient - objective.at(w).gradient

    state = OrthantState(w, F.at(w).gradient, (pair(F),)).under(BEFORE, AFTER)
    assert_allclose(state.gradient, G.at(w).gradient, rtol=1e-11, atol=1e-11)
    assert_allclose(state.pairs[0][1], pair(G)[1], rtol=1e-10, atol=1e-10)


@every_kind
def test_a_copy_of_columns_is_the_objective_of_their_coefficients(n_classes):
    F = elastic(n_classes)
    columns = np.array([1, 2, 4])
    known = WorkingSet.of(F, columns)
    w = coefficients(F.shape)
    w[[0, 3, 5]] = 0
    assert_allclose(known.part.at(known.inner(w)).value, F.at(w).value, rtol=1e-12)
    assert_allclose(known.outer(known.inner(w), F.shape), w, rtol=1e-12, atol=1e-14)
    after = known.under(BEFORE, AFTER)
    value = replace(F, penalty=AFTER).at(w).value
    assert_allclose(after.part.at(known.inner(w)).value, value, rtol=1e-12)


def go_on(*_):
    return False


@pytest.mark.parametrize(("n_features", "n_classes"), [(30, 2), (30, 3), (400, 2)])
def test_handing_on_saves_passes(n_features, n_classes):
    X, y = problem(3000, n_features, n_classes, seed=1)
    l1 = np.append(np.ones(n_features), 0.0)
    F = replace(objective(X, y), penalty=ElasticNet(np.zeros(n_features + 1), l1))
    Cs, solver = np.geomspace(0.01, 0.3, 40), ProximalDescent(1000, 1e-4, 0)
    F.rows.passes = 0
    path = minimize_along(F, Cs, lambda _: solver, go_on, lambda *_: None)
    passes, F.rows.passes = F.rows.passes, 0
    w = np.zeros(F.shape)
    for C, along in zip(Cs, path.w, strict=True):
        penalised = replace(F, penalty=F.penalty.scaled(1 / C))
        fit = minimize(penalised, solver, DescentState(w), None, go_on)
        w, value = fit.w, fit.last.point.value
        # Each is within the tolerance of the same minimum.
        assert_allclose(penalised.at(along.reshape(F.shape)).value, value, rtol=1e-4)
        F.rows.passes -= 1
    assert path.n_iter.mean() < 1.2
    assert passes < 0.75 * F.rows.passes


@every_kind
def test_pairs_of_columns_that_stay_are_kept(n_classes):
    F = elastic(n_classes)
    known, columns = WorkingSet.of(F, np.array([1, 2, 4])), np.array([0, 2, 3, 4])
    w = coefficients(known.part.shape)
    state = OrthantState(w, w, ((w, 2 * w),))
    pairs = known._replace(memory=state).changed(F, columns).memory.pairs
    inner = np.zeros((5, *w.shape[1:]))  # columns 0, 2, 3, 4 and the intercept
    inner[[1, 3, 4]] = w[1:]
    assert_array_equal(pairs[0][0], inner)
    assert_array_equal(pairs[0][1], 2 * inner)
    without = known._replace(memory=None).changed(F, columns)
    assert without.memory is None
    assert_array_equal(without.columns, columns)
