"""Truncated Newton: steps that solve with the Hessian as well as they are asked to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.linalg import LinearOperator, cg

from bce_logistic.descent.directions import LBFGS, LBFGSState
from bce_logistic.preconditioning.factors import Diagonal
from bce_logistic.solvers.truncated_newton import TruncatedNewton

from ..common import every_layout, objective, problem, weights


def task(layout=np.asarray, n_classes=2):
    X, y = problem(n_samples=300, n_features=12, n_classes=n_classes, density=0.6)
    F = objective(layout(X), y, weights(300), C=2.0)
    w = np.random.default_rng(0).normal(size=F.shape) / 4
    if n_classes > 2:
        w -= w.mean(axis=1, keepdims=True)
    return F, w


def direction(F, w, target, memory=30):
    gradient = F.at(w).gradient
    metric = LBFGS(Diagonal(F.hessian_diagonal(w)), memory)
    return gradient, TruncatedNewton(F, metric, target)(w, gradient, LBFGSState(w, gradient, ()))


def hessian(F, w):
    """The Hessian of all coefficients, as they are laid out."""
    n_coefficients = w.size
    n_columns = F.shape[0]
    return F.hessian(w).transpose(1, 0, 3, 2).reshape(n_coefficients, n_columns * F.n_scores)


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_products_are_those_of_the_hessian(layout, n_classes):
    F, w = task(layout, n_classes)
    product = F.hessian_product(w)
    v = np.random.default_rng(1).normal(size=w.shape)
    for direction_of_scores in (v, 3 * v, np.ones_like(v)):
        expected = hessian(F, w) @ direction_of_scores.ravel()
        found = product(direction_of_scores).ravel()
        assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_step_is_the_first_iterate_of_conjugate_gradients_that_gained_little(n_classes):
    F, w = task(n_classes=n_classes)
    gradient, (p, _) = direction(F, w, target=0.0)
    H, g = hessian(F, w), gradient.ravel()
    solve = Diagonal(F.hessian_diagonal(w)).solve
    P = LinearOperator(H.shape, lambda r: solve(r.reshape(w.shape)).ravel(), dtype=float)
    iterates = [np.zeros_like(g)]
    cg(H, -g, M=P, atol=0, callback=lambda x: iterates.append(x.copy()))
    decreases = [-g @ x - x @ H @ x / 2 for x in iterates]
    squared_norms = [(g + H @ x) @ P.matvec(g + H @ x) for x in iterates]
    j = next(
        j
        for j in range(1, len(iterates))
        if decreases[j] - decreases[j - 1] <= decreases[j] / j / 2
        and squared_norms[j] <= squared_norms[0] / 2
    )
    assert 1 < j < len(iterates) - 2
    assert_allclose(p.ravel(), iterates[j], rtol=1e-7)


def test_a_last_step_brings_the_bound_below_the_target():
    F, w = task()
    w = np.linalg.solve(hessian(F, w), -F.at(w).gradient) + w  # nearly there
    gradient = F.at(w).gradient
    target = F.penalty.gap(w, gradient) / 50
    _, (p, _) = direction(F, w, target)
    residual = gradient + hessian(F, w) @ p
    assert F.penalty.gap(w, residual) <= target / 4 * (1 + 1e-9)


@pytest.mark.parametrize("memory", [2, 30])
def test_steps_become_curvature_pairs(memory):
    F, w = task()
    _, (_, state) = direction(F, w, target=0.0, memory=memory)
    H = hessian(F, w)
    assert 0 < len(state.pairs) <= memory
    for s, y, sy in state.pairs:
        assert_allclose(y, H @ s, rtol=1e-8, atol=1e-10)
        assert_allclose(sy, s @ y, rtol=1e-9)
    for a in state.pairs:  # they are conjugate
        for b in state.pairs:
            if a is not b:
                assert abs(a.s @ b.y) < 1e-6 * (a.sy * b.sy) ** 0.5


def test_where_the_objective_does_not_bend_the_direction_is_downhill():
    F, w = task()
    flat = replace(F, penalty=F.penalty.scaled(0))
    w = 1e4 * w  # every sample is classified for certain
    gradient, (p, _) = direction(flat, w, target=0.0)
    assert np.isfinite(p).all()
    assert np.vdot(gradient, p) <= 0
