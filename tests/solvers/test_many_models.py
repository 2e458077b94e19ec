"""Every fold and every C in the same passes: each model is within its promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.model_selection import LeaveOneOut

from bce_logistic.rows.folds import Folds
from bce_logistic.rows.threads import worker_threads
from bce_logistic.solvers import many_models, many_rows
from bce_logistic.solvers.grid import Grid
from bce_logistic.solvers.many_models import minimize_small, minimize_together, shares_passes
from bce_logistic.solvers.many_rows import minimize_tall
from bce_logistic.solvers.newton_stack import MAX_REUSED_STEPS

from ..common import objective, problem, value, weights

CS = np.array([1.0, 1e-3, 1e3, 0.05, 1.0, 20.0])


def random_folds(n_samples, n_folds=4, seed=0):
    fold = np.random.default_rng(seed).integers(0, n_folds, n_samples)
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(n_folds)]
    return Folds.of(splits, n_samples)


def grid_of(X, y, folds, s=None, fit_intercept=True, tol=1e-6, Cs=CS, max_iter=100):
    whole = objective(X, y, s, fit_intercept=fit_intercept)
    whole = replace(whole, rows=whole.rows.with_cells(folds.cells))
    return Grid(whole, folds.training, Cs, tol, max_iter)


def relative_gaps(grid, folds, solution):
    """Gap of each model on the rows of its fold alone, to where Newton's method ends from there."""
    rows, fit_intercept = grid.objective.rows, grid.objective.fit_intercept
    gaps = np.empty(solution.n_iter.shape)
    for f, (train, _) in enumerate(folds.splits):
        X, y, s = rows.X[train], rows.y[train], rows.s[train]
        A = np.c_[X, np.ones(len(X))] if fit_intercept else X
        for k, C in enumerate(grid.Cs):
            scale = np.sqrt(np.square(A).sum(axis=0))
            w = start = solution.W[f, k]
            ridge = np.append(np.full(X.shape[1], 1 / C), 0)[: len(w)]
            for _ in range(6):
                y_hat = expit(A @ w)
                gradient = A.T @ (s * (y_hat - y)) + ridge * w
                H = (A.T * (s * y_hat * (1 - y_hat))) @ A + np.diag(ridge)
                scaled = scipy.linalg.lstsq(H / np.outer(scale, scale), gradient / scale)[0]
                w = w - scaled / scale
            values = [value(u, X, y, s, C, fit_intercept) for u in (start, w)]
            gaps[f, k] = (values[0] - values[1]) / values[1]
    return gaps


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(150, 6), (40, 70)], ids=["rows", "columns"])
def test_small_data(shape, weighted, fit_intercept):
    X, y = problem(*shape)
    X = X * np.geomspace(0.01, 100, shape[1]) + 3
    folds = random_folds(len(y))
    s = weights(len(y)) if weighted else None
    grid = grid_of(X, y, folds, s, fit_intercept)
    solution = minimize_small(grid)
    assert solution.converged.all()
    assert solution.W.shape == (4, 6, shape[1] + fit_intercept)
    assert relative_gaps(grid, folds, solution).max() <= 1e-6
    assert_allclose(solution.W[:, 0], solution.W[:, 4])  # the same C twice


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "streamed"])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_rows(weighted, keeps):
    X, y = problem(12_000, 5)
    X = X * np.geomspace(0.01, 100, 5) + 1000
    folds = random_folds(12_000)
    s = weights(12_000) if weighted else None
    grid = grid_of(X, y, folds, s)
    solution = minimize_tall(grid, np.random.default_rng(0), keeps)
    assert solution.converged.all()
    assert relative_gaps(grid, folds, solution).max() <= 1e-6
    assert solution.n_iter.max() <= 4


def test_many_rows_without_intercept():
    X, y = problem(6000, 4)
    folds = random_folds(6000)
    grid = grid_of(X, y, folds, fit_intercept=False)
    solution = minimize_tall(grid, np.random.default_rng(0), True)
    assert relative_gaps(grid, folds, solution).max() <= 1e-6


def test_folds_that_differ_much():
    X, y = problem(8000, 4)
    order = np.argsort(X[:, 0])
    X, y = X[order], y[order]
    block = np.repeat(np.arange(4), 2000)
    splits = [(np.flatnonzero(block != f), np.flatnonzero(block == f)) for f in range(4)]
    folds = Folds.of(splits, 8000)
    grid = grid_of(X, y, folds)
    solution = minimize_tall(grid, np.random.default_rng(0), True)
    assert solution.converged.all()
    assert relative_gaps(grid, folds, solution).max() <= 1e-6


def rare_columns(n_samples=8000, n_features=20):
    """Columns of a few ones: without a fold, some have one label alone."""
    rng = np.random.default_rng(0)
    frequency = np.geomspace(5e-4, 0.1, n_features)
    X = (rng.random((n_samples, n_features)) < frequency).astype(float)
    y = (rng.random(n_samples) < expit(X @ rng.normal(size=n_features) * 2)).astype(np.uint8)
    return X, y


def dependent_columns(n_samples=8000):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_samples, 5))
    X = factors @ rng.normal(size=(5, 20))
    return X, (rng.random(n_samples) < expit(factors.sum(axis=1))).astype(np.uint8)


@pytest.mark.parametrize("make", [rare_columns, dependent_columns])
def test_nothing_is_called_converged_that_is_not(make):
    X, y = make()
    folds = random_folds(len(y))
    grid = grid_of(X, y, folds, Cs=np.logspace(-2, 6, 9))
    solution = minimize_tall(grid, np.random.default_rng(0), True)
    gaps = relative_gaps(grid, folds, solution)
    assert gaps[solution.converged].max() <= 1e-6
    assert solution.converged[:, 0].all()
    assert solution.n_iter.max() <= MAX_REUSED_STEPS


def test_double_precision_where_single_is_not_enough(monkeypatch):
    X, y = problem(6000, 4)
    X = np.c_[X, X[:, 0] + 1e-4 * np.random.default_rng(0).normal(size=6000)]
    folds = random_folds(6000)
    used = []
    tall = many_rows._tall
    monkeypatch.setattr(
        many_rows, "_tall", lambda *args: used.append(args[2].dtype.name) or tall(*args)
    )
    grid = grid_of(X, y, folds, tol=1e-9, Cs=np.array([1.0, 1e8]))
    solution = minimize_tall(grid, np.random.default_rng(0), True)
    assert used == ["float32", "float64"]
    assert solution.converged.all()


def test_which_data_share_passes(monkeypatch):
    folds = random_folds(300)
    assert shares_passes(grid_of(*problem(300, 5), folds))
    wide = grid_of(*problem(300, 900), folds)
    monkeypatch.setattr(many_models, "MAX_NEWTON_WORK", 1000)
    assert not shares_passes(wide)
    monkeypatch.setattr(many_models, "MIN_TALL_SIZE", 100)
    tall = grid_of(*problem(6000, 3), random_folds(6000), Cs=CS[:2])
    assert shares_passes(tall)
    solution = minimize_together(tall, 0)
    assert solution.converged.all()


def test_too_few_iterations_are_not_called_converged():
    X, y = problem(150, 6)
    solution = minimize_small(grid_of(X, y, random_folds(150), max_iter=1, Cs=np.array([1e3])))
    assert not solution.converged.any()
    assert (solution.n_iter == 1).all()


def test_the_result_does_not_depend_on_threads():
    X, y = problem(12_000, 5)
    folds = random_folds(12_000)
    found = []
    for n_jobs in (1, 3):
        with worker_threads(n_jobs) as run:
            whole = objective(X, y, run=run)
            whole = replace(whole, rows=whole.rows.with_cells(folds.cells))
            grid = Grid(whole, folds.training, CS, 1e-6, 100)
            found.append(minimize_tall(grid, np.random.default_rng(0), True).W)
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("shape", [(60, 4), (30, 40)])
def test_folds_in_groups_are_those_of_one_stack(shape, monkeypatch):
    X, y = problem(*shape)
    folds = Folds.of(LeaveOneOut().split(X), len(y))
    together = minimize_small(grid_of(X, y, folds, tol=1e-12, Cs=CS[:2]))
    monkeypatch.setattr(many_models, "MAX_STACK_NUMBERS", 10_000)
    grouped = minimize_small(grid_of(X, y, folds, tol=1e-12, Cs=CS[:2]))
    assert_allclose(grouped.W, together.W, rtol=1e-6, atol=1e-8)
    assert grouped.converged.shape == (len(y), 2)
