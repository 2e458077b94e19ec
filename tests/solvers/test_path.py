"""Fits along C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.objective.penalties import L2
from bce_logistic.solvers.path import _extrapolated, minimize_along
from bce_logistic.solvers.preconditioned import PreconditionedDescent
from bce_logistic.solvers.proximal import ProximalDescent

from ..common import objective, problem


def go_on(*_):
    return False


def preconditioned(tol):
    return lambda objective: PreconditionedDescent(1000, tol, 0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_c_gets_its_own_optimum_in_the_given_order(n_classes):
    X, y = problem(n_classes=n_classes)
    Cs = np.array([10.0, 0.01, 1.0, 0.1, np.inf])
    base, seen = objective(X, y), []
    path = minimize_along(base, Cs, preconditioned(1e-12), go_on, lambda k, fit: seen.append(k))
    assert seen == [1, 3, 2, 0, 4]
    assert path.converged.all()
    assert (path.n_iter >= 1).all()
    for C, w in zip(Cs, path.w, strict=True):
        penalised = replace(base, penalty=L2.of(C, 4, True))
        gradient = penalised.at(w.reshape(base.shape)).gradient
        assert_allclose(gradient, 0, atol=2e-4)


def test_starts_along_the_path_save_iterations():
    X, y = problem(300, 10)
    Cs, solver = np.logspace(-3, 3, 13), preconditioned(1e-8)
    together = minimize_along(objective(X, y), Cs, solver, go_on, lambda *_: None).n_iter.sum()
    apart = sum(
        minimize_along(objective(X, y), Cs[[k]], solver, go_on, lambda *_: None).n_iter[0]
        for k in range(13)
    )
    assert together < 0.6 * apart


def test_extrapolation_is_exact_for_parabolas_in_log_c():
    def curve(C):
        return np.array([1.0, 2.0, 3.0]) * np.log(C) ** 2 - np.log(C) + 1

    known = [(C, curve(C)) for C in (0.1, 1.0, 5.0, 10.0)]
    assert_allclose(_extrapolated(known, 15.0), curve(15.0), rtol=1e-12)
    assert_allclose(_extrapolated(known, np.inf), curve(20.0), rtol=1e-12)
    assert_array_equal(_extrapolated(known[:1], 2.0), known[0][1])
    assert_array_equal(_extrapolated([known[0], known[0]], 2.0), known[0][1])


def test_a_certificate_is_computed_where_it_is_asked_for():
    X, y = problem(300, 10)
    gaps, passes, base = {}, {}, objective(X, y)
    for certifies in (True, False):
        found, base.rows.passes = [], 0
        minimize_along(
            base,
            np.logspace(-2, 2, 5),
            lambda _: ProximalDescent(100, 1e-6, 0),
            go_on,
            lambda _, fit, found=found: found.append(fit.gap),
            certifies=certifies,
        )
        gaps[certifies], passes[certifies] = np.array(found), base.rows.passes
    assert (gaps[True] < 1e-2).all()
    assert (gaps[False] == np.inf).all()
    assert passes[False] < passes[True]
