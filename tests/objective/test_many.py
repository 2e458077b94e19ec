"""Objectives of many models are those of each."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.objective import many
from bce_logistic.objective.many import ManyObjectives, ManyPoints, Models
from bce_logistic.rows import cells
from bce_logistic.rows.cells import KeptCellRows, Scaling
from bce_logistic.rows.memory import row_blocks

from ..common import derivative, losses, problem, weights


def setting(monkeypatch, *, together, weighted=True, pairs=True, dtype=np.float64):
    """Objectives of 3 folds over 4 cells, one model for each fold and two penalties."""
    monkeypatch.setattr(cells, "MIN_CELL_ROWS", 1000 if together else 1)
    monkeypatch.setattr(cells, "BLOCK_NUMBERS", 100)
    monkeypatch.setattr(many, "CACHED_NUMBERS", 50)
    monkeypatch.setattr(many, "MIN_CACHED_ROWS", 7)
    X, y = problem(120, 3)
    s = weights(120) if weighted else np.ones(120)
    cell = np.random.default_rng(0).integers(0, 4, 120)
    training = np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 2], [1, 1, 1]])
    scaling = Scaling(np.zeros(3), np.ones(3), True, np.dtype(dtype))
    rows = KeptCellRows(row_blocks(X, y, s).with_cells(cell), scaling, pairs)
    fold = np.array([0, 0, 1, 1, 2, 2])
    models = Models(fold, np.tile([[0.5, 1, 2, 0], [0.1, 0.1, 0.1, 0]], (3, 1)))

    def value(w, m):
        z = X @ w[:-1] + w[-1]
        s_m = s * training[cell, fold[m]]
        return s_m @ losses(y, z) + models.strength[m] @ w**2 / 2

    return ManyObjectives(rows, training), models, value


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_values_gradients_and_hessians(together, pairs, weighted, monkeypatch):
    objectives, models, value = setting(
        monkeypatch, together=together, pairs=pairs, weighted=weighted
    )
    objectives = ManyObjectives(objectives.rows, objectives.training, with_hessians=True)
    W = np.random.default_rng(1).normal(size=(6, 4))
    points = objectives.at(W, models)
    for m, w in enumerate(W):
        assert_allclose(points.value[m], value(w, m), rtol=1e-12)
        gradient = derivative(lambda u, m=m: value(u, m), w)
        assert_allclose(points.gradient[m], gradient, rtol=1e-6, atol=1e-6)

        def gradient_at(u, m=m):
            return objectives.at(np.tile(u, (6, 1)), models).gradient[m]

        hessian = points.hessians[m] + np.diag(models.strength[m])
        assert_allclose(hessian, derivative(gradient_at, w), rtol=1e-6, atol=1e-6)


def test_large_scores_do_not_overflow(monkeypatch):
    objectives, models, value = setting(monkeypatch, together=True)
    W = 1e4 * np.random.default_rng(1).normal(size=(6, 4))
    points = objectives.at(W, models)
    assert_allclose(points.value, [value(w, m) for m, w in enumerate(W)], rtol=1e-12)


@pytest.mark.parametrize("together", [True, False])
def test_without_values_the_gradients_are_the_same(together, monkeypatch):
    objectives, models, _ = setting(monkeypatch, together=together)
    W = np.random.default_rng(1).normal(size=(6, 4))
    slim = ManyObjectives(objectives.rows, objectives.training, with_values=False).at(W, models)
    assert np.isnan(slim.value).all()
    assert_allclose(slim.gradient, objectives.at(W, models).gradient, rtol=1e-12)


def test_single_precision_has_its_digits(monkeypatch):
    objectives, models, value = setting(monkeypatch, together=False, dtype=np.float32)
    W = np.random.default_rng(1).normal(size=(6, 4))
    points = objectives.at(W, models)
    assert_allclose(points.value, [value(w, m) for m, w in enumerate(W)], rtol=1e-5)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_first_sums_are_those_of_every_fold_and_start(together, weighted, monkeypatch):
    objectives, models, _ = setting(monkeypatch, together=together, weighted=weighted)
    W = np.random.default_rng(1).normal(size=(2, 4))
    first = objectives.first(W, np.array([1]))
    exact = ManyObjectives(objectives.rows, objectives.training, with_hessians=True)
    for f in range(3):
        models = Models(np.array([f, f]), np.zeros((2, 4)))
        points = exact.at(W, models)
        assert_allclose(first.value[f], points.value, rtol=1e-10)
        assert_allclose(first.gradient[f], points.gradient, rtol=1e-9, atol=1e-10)
        assert_allclose(first.hessians[f, 0], points.hessians[1], rtol=1e-9, atol=1e-10)


def test_some_points_are_replaced():
    points = ManyPoints(np.zeros((3, 2)), np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2, 2)))
    new = ManyPoints(np.ones((2, 2)), np.ones(2), np.ones((2, 2)), np.ones((2, 2, 2)))
    replaced = points.replaced(np.array([2, 0]), new)
    assert replaced.value.tolist() == [1, 0, 1]
    assert replaced.hessians[:, 0, 0].tolist() == [1, 0, 1]
    assert points.value.tolist() == [0, 0, 0]
    assert replaced.take(np.array([1])).gradient.tolist() == [[0, 0]]
