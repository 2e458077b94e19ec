"""The descent of many models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.descent.directions import LBFGS
from bce_logistic.descent.many import ManyLBFGS, ManyNewton, descend_many, step
from bce_logistic.objective.many import ManyPoints, Models

RNG = np.random.default_rng(0)


@dataclass
class Quadratics:
    """``(w - c).T H (w - c) / 2`` of each model, its ``strength`` telling which."""

    H: np.ndarray
    c: np.ndarray
    evaluated: int = 0

    def at(self, W, models):
        H, c = self.H[models.fold], self.c[models.fold]
        self.evaluated += len(W)
        gradient = np.einsum("mij,mj->mi", H, W - c)
        return ManyPoints(W, np.einsum("mi,mi->m", gradient, W - c) / 2, gradient, H)


@dataclass(frozen=True)
class Identity:
    def solve(self, gradient, index):
        return gradient


@dataclass(frozen=True)
class Exact:
    H: np.ndarray

    def solve(self, gradient, index):
        return np.linalg.solve(self.H[index], gradient[:, :, None])[:, :, 0]


def quadratics(n_models=5, n=4):
    A = RNG.normal(size=(n_models, n, n))
    return Quadratics(A @ A.swapaxes(1, 2) + np.eye(n), RNG.normal(size=(n_models, n)))


def models_of(objectives):
    n_models, n = objectives.c.shape
    return Models(np.arange(n_models), np.zeros((n_models, n)))


def below(gap):
    return lambda iterate: iterate.points.value <= gap


def test_newton_needs_one_step():
    objectives = quadratics()
    models = models_of(objectives)
    points = objectives.at(np.zeros_like(objectives.c), models)
    newton = ManyNewton(lambda points, models: Exact(points.hessians))
    found = descend_many(objectives, points, models, newton, below(1e-20), 10)
    assert_allclose(found.W, objectives.c, rtol=1e-10)
    assert found.n_iter.tolist() == [1] * 5
    assert found.converged.all()


def test_lbfgs_is_that_of_one_model():
    objectives = quadratics()
    models = models_of(objectives)
    points, state = objectives.at(np.zeros_like(objectives.c), models), None
    many, single, singles = (
        ManyLBFGS(Identity(), memory=2),
        LBFGS(IdentityOfOne(), memory=2),
        [None] * 5,
    )
    for _ in range(4):
        P, state = many(points, models, np.arange(5), state)
        for m in range(5):
            p, singles[m] = single(points.W[m], points.gradient[m], singles[m])
            assert_allclose(P[m], p, rtol=1e-9)
        points = objectives.at(points.W + 0.3 * P, models)


class IdentityOfOne:
    def solve(self, gradient):
        return gradient


def test_lbfgs_converges_and_models_drop_out():
    objectives = quadratics()
    objectives.c[3] = 0  # done at the start
    models = models_of(objectives)
    points = objectives.at(np.zeros_like(objectives.c), models)
    found = descend_many(objectives, points, models, ManyLBFGS(Identity()), below(1e-12), 200)
    assert found.converged.all()
    assert_allclose(found.W, objectives.c, atol=1e-5)
    assert found.n_iter[3] == 0
    assert len(set(found.n_iter.tolist())) > 2
    everyone = 5 * (found.n_iter.max() + 1)
    assert objectives.evaluated < 1.5 * everyone


def test_kept_coefficients_were_evaluated():
    objectives = quadratics()
    models = models_of(objectives)
    seen = [np.zeros_like(objectives.c)]
    points = objectives.at(seen[0], models)
    evaluate = objectives.at
    objectives.at = lambda W, models: seen.append(W) or evaluate(W, models)
    found = descend_many(objectives, points, models, ManyLBFGS(Identity()), below(-1), 3)
    assert not found.converged.any()
    assert found.n_iter.tolist() == [3] * 5
    evaluated = {row.tobytes() for W in seen for row in W}
    assert all(row.tobytes() in evaluated for row in found.W)


@pytest.mark.parametrize("factor", [3.0, 30.0, 1e6])
def test_a_step_that_goes_too_far_is_shortened(factor):
    objectives = quadratics()
    models = models_of(objectives)
    points = objectives.at(np.zeros_like(objectives.c), models)
    P = factor * objectives.c
    P[0] = objectives.c[0]  # the exact step stays
    slope = np.einsum("mi,mi->m", points.gradient, P)
    after = step(objectives, points, models, P, slope)
    assert_array_equal(after.W[0], P[0])
    assert (after.value < points.value).all()
    if factor < 1e6:
        end = np.einsum("mi,mi->m", after.gradient, P)
        assert (end <= -0.5 * slope).all()


def test_models_that_cannot_go_down_stop():
    objectives = quadratics()
    models = models_of(objectives)
    points = objectives.at(objectives.c.copy(), models)
    found = descend_many(objectives, points, models, ManyLBFGS(Identity()), below(-1), 50)
    assert found.n_iter.tolist() == [0] * 5
    assert not found.converged.any()
