"""The approximate Hessians: right where they are said to be exact, downhill everywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.preconditioning.choice import (
    COUPLED_COEFFICIENTS,
    HEAVY_COLUMNS,
    column_factors,
    full_factor,
    heavy_columns,
    metrics,
    newton_metric,
    sampled_factor,
    subsample_rows,
)
from bce_logistic.preconditioning.factors import sum_to_zero

from ..common import every_layout, objective, problem

every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3])


def at(F, seed=1):
    """Coefficients and the gradient there; with more than two classes they sum to zero."""
    w = sum_to_zero(np.random.default_rng(seed).normal(size=F.shape))
    return w, F.at(w).gradient


@every_layout
@every_number_of_classes
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_full_factor_gives_newtons_step(layout, n_classes, C):
    X, y = problem(n_samples=200, n_classes=n_classes, density=0.6)
    F = objective(layout(X), y, C=C)
    w, gradient = at(F)
    step = full_factor(F, w).solve(gradient)
    H = F.hessian(w)
    product = np.einsum("kilj,lj->ki", H, np.atleast_2d(step.T))
    assert_allclose(product, np.atleast_2d(gradient.T), rtol=1e-7, atol=1e-8)
    if n_classes == 3:
        assert_allclose(step.sum(axis=1), 0, atol=1e-10)


def test_many_classes_are_solved_apart():
    X, y = problem(n_samples=400, n_features=60, n_classes=4)
    F = objective(X, y)
    assert np.prod(F.shape) > COUPLED_COEFFICIENTS
    w, gradient = at(F)
    step = full_factor(F, w).solve(gradient)
    alone = [np.linalg.solve(H, g) for H, g in zip(F.class_hessians(w), gradient.T, strict=True)]
    assert_allclose(step, sum_to_zero(np.stack(alone, axis=1)), rtol=1e-9, atol=1e-12)


@every_number_of_classes
def test_column_factors_are_the_hessian_on_their_columns(n_classes):
    X, y = problem(n_samples=300, n_features=6, n_classes=n_classes)
    F = objective(scipy.sparse.csr_array(X), y)
    w, gradient = at(F)
    columns = np.array([1, 4])
    step = column_factors(F, w, columns).solve(gradient).reshape(7, -1)
    kept = np.array([1, 4, 6])  # and the intercept
    gradient = gradient.reshape(7, -1)
    diagonal = F.hessian_diagonal(w).reshape(7, -1)
    alone = gradient / diagonal
    for k, H in enumerate(F.class_hessians(w)):
        alone[kept, k] = np.linalg.solve(H[np.ix_(kept, kept)], gradient[kept, k])
    expected = alone if n_classes == 2 else sum_to_zero(alone)
    assert_allclose(step, expected, rtol=1e-9, atol=1e-12)


def test_heavy_columns_are_those_with_most_entries():
    n_features = HEAVY_COLUMNS[-1] * 4
    rng = np.random.default_rng(0)
    X = scipy.sparse.csr_array(
        rng.random((3000, n_features)) < np.geomspace(0.02, 1e-4, n_features)
    )
    y = rng.integers(2, size=3000)
    columns, cost = heavy_columns(objective(X.astype(float), y))
    assert len(columns) in HEAVY_COLUMNS
    counts = (X != 0).sum(axis=0)
    assert counts[columns].min() >= np.delete(counts, columns).max()
    assert_array_equal(columns, np.sort(columns))
    assert cost > 0


SHAPES = {
    "small": (100, 3, 2, np.asarray),
    "small, three classes": (100, 3, 3, np.asarray),
    "long": (50_000, 5, 2, np.asarray),
    "many coefficients": (500, 60, 4, np.asarray),
    "square": (400, 350, 2, np.asarray),
    "sparse": (500, 20, 2, scipy.sparse.csr_array),
    "wide and sparse": (300, 700, 3, scipy.sparse.csr_array),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_metric_leads_downhill_and_the_last_is_made_again(shape):
    n_samples, n_features, n_classes, layout = shape
    X, y = problem(n_samples, n_features, n_classes, density=0.3)
    F = objective(layout(X), y, C=10.0)
    w, gradient = at(F)
    ways = list(itertools.islice(metrics(F, np.random.default_rng(0)), 6))
    assert len(ways) == 6
    assert ways[-1] is ways[-2]
    for way in ways[:4]:
        assert way.cost > 0
        assert np.vdot(gradient, way.build(w).solve(gradient)) > 0
    costs = [way.cost for way in ways]
    assert costs == sorted(costs)


def test_a_factor_of_some_rows_is_near_that_of_all():
    X, y = problem(n_samples=20_000)
    F = objective(X, y)
    w, gradient = at(F)
    some = sampled_factor(F, w, 4000, np.random.default_rng(0)).solve(gradient)
    assert_allclose(some, full_factor(F, w).solve(gradient), rtol=0.3, atol=0.02)


def test_newton_is_for_small_data_and_subsamples_for_large():
    small = objective(*problem(n_samples=200))
    assert newton_metric(small) is not None
    assert subsample_rows(small) == 0
    large = objective(*problem(n_samples=200_000, n_features=10))
    n_rows = subsample_rows(large)
    assert newton_metric(large) is None or n_rows > 0
    assert 64 * 11 <= n_rows <= 100_000
