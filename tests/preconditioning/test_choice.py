"""The approximate Hessians: right where they are said to be exact, downhill everywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

from bce_logistic.preconditioning.choice import (
    COUPLED_COEFFICIENTS,
    MAX_SPARSE_FACTOR_COLUMNS,
    Restriction,
    block_factor,
    candidates,
    full_factor,
    newton,
    sampled_factor,
    shared_factor,
    spans_few_dimensions,
    subsample_rows,
)
from bce_logistic.preconditioning.cost_model import Costs
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


def correlated(H):
    """A matrix scaled to a unit diagonal."""
    scale = np.sqrt(np.diagonal(H))
    return H / scale / scale[:, None]


@every_number_of_classes
def test_a_shared_factor_has_the_diagonal_of_each_class_and_the_correlations_of_the_mean(n_classes):
    X, y = problem(n_samples=300, n_features=6, n_classes=n_classes)
    F = objective(scipy.sparse.csr_array(X), y)
    w, gradient = at(F)
    correlations = correlated(np.mean(F.class_hessians(w), axis=0))
    diagonal = F.hessian_diagonal(w).reshape(7, -1)
    expected = np.empty_like(diagonal)
    for k, scale in enumerate(np.sqrt(diagonal.T)):
        right = gradient.reshape(7, -1)[:, k] / scale
        expected[:, k] = np.linalg.solve(correlations, right) / scale
    expected = expected if n_classes == 2 else sum_to_zero(expected)
    step = shared_factor(F, w).solve(gradient).reshape(7, -1)
    assert_allclose(step, expected, rtol=1e-8, atol=1e-12)


@every_number_of_classes
def test_a_block_is_a_factor_on_its_columns_and_the_diagonal_elsewhere(n_classes):
    X, y = problem(n_samples=300, n_features=6, n_classes=n_classes)
    X *= [1, 10, 1, 0.1, 20, 1]
    F = objective(scipy.sparse.csr_array(X), y)
    w, gradient = at(F)
    # Fewer rows than are drawn at least: all are.
    step = block_factor(F, w, 2, np.random.default_rng(0)).solve(gradient).reshape(7, -1)
    kept = np.array([1, 4, 6])  # the heaviest, and the intercept
    gradient = gradient.reshape(7, -1)
    diagonal = F.hessian_diagonal(w).reshape(7, -1)
    expected = gradient / diagonal
    mean = np.mean(F.class_hessians(w), axis=0)
    block = correlated(mean[np.ix_(kept, kept)])
    for k in range(expected.shape[1]):
        scale = np.sqrt(diagonal[kept, k])
        expected[kept, k] = np.linalg.solve(block, gradient[kept, k] / scale) / scale
    expected = expected if n_classes == 2 else sum_to_zero(expected)
    assert_allclose(step, expected, rtol=1e-7, atol=1e-12)


def test_the_bound_of_a_sampled_factor_holds_nothing_back():
    """Without the ridge that keeps rare features from running away, the prediction is larger."""
    X, y = problem(n_samples=4000)
    F = objective(X, y, C=1e4)
    w, gradient = at(F)
    factor = sampled_factor(F, w, 400, np.random.default_rng(0))
    assert factor.squared_decrement(gradient) > np.vdot(gradient, factor.solve(gradient))
    exact = full_factor(F, w)
    assert_allclose(factor.squared_decrement(gradient), exact.squared_decrement(gradient), rtol=0.5)


SHAPES = {
    "small": (100, 3, 2, np.asarray),
    "small, three classes": (100, 3, 3, np.asarray),
    "long": (50_000, 5, 2, np.asarray),
    "many coefficients": (500, 60, 4, np.asarray),
    "square": (400, 350, 2, np.asarray),
    "fewer rows than columns": (60, 90, 2, np.asarray),
    "fewer rows than columns, 4 classes": (60, 90, 4, np.asarray),
    "sparse": (500, 20, 2, scipy.sparse.csr_array),
    "wide and sparse": (300, MAX_SPARSE_FACTOR_COLUMNS + 100, 2, scipy.sparse.csr_array),
    "wide and sparse, three classes": (300, 700, 3, scipy.sparse.csr_array),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_candidate_leads_downhill_and_costs_no_less_than_the_one_before(shape):
    n_samples, n_features, n_classes, layout = shape
    X, y = problem(n_samples, n_features, n_classes, density=0.3)
    F = objective(layout(X), y, C=10.0)
    w, gradient = at(F)
    found = list(itertools.islice(candidates(F, np.random.default_rng(0)), 5))
    assert found
    for candidate in found:
        assert candidate.cost > 0
        if not isinstance(candidate, Restriction):
            assert np.vdot(gradient, candidate.build(w).solve(gradient)) > 0
    if spans_few_dimensions(F):
        return
    costs = [candidate.cost for candidate in found]
    assert costs == sorted(costs)
    if n_classes == 2 and F.rows.is_dense and n_samples > n_features:
        assert found[-1] is found[-2]  # made anew, again and again
        assert found[-1].is_hessian


def test_what_a_block_costs_is_what_its_size_was_chosen_for():
    F = objective(scipy.sparse.csr_array(problem(2000, 500, density=0.1)[0]), np.arange(2000) % 2)
    costs = Costs(F)
    sizes = [costs.block(cost) for cost in (1.0, 8.0)]
    assert_allclose(sizes[1] / sizes[0], 2, rtol=0.05)  # cubic
    assert_allclose(costs.factor(costs.rows(20.0)), 20.0, rtol=0.2)


def test_a_factor_of_some_rows_is_near_that_of_all():
    X, y = problem(n_samples=20_000)
    F = objective(X, y)
    w, gradient = at(F)
    some = sampled_factor(F, w, 4000, np.random.default_rng(0)).solve(gradient)
    assert_allclose(some, full_factor(F, w).solve(gradient), rtol=0.3, atol=0.02)


def test_newton_is_for_small_data_and_subsamples_for_large():
    small = objective(*problem(n_samples=200))
    assert newton(small) is not None
    assert subsample_rows(small) == 0
    large = objective(*problem(n_samples=200_000, n_features=10))
    assert newton(large) is None
    assert 64 * 11 <= subsample_rows(large) <= 50_000
