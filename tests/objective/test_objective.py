"""The objective against its formula, finite differences and eigenvalues."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.objective.hessians import EXACT_EIGENVALUE_COLUMNS
from bce_logistic.objective.penalties import L2

from ..common import derivative, every_layout, objective, problem, threads, value, weights

every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3])
with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


def coefficients(shape, scale=1.0, seed=1):
    return np.random.default_rng(seed).normal(size=shape, scale=scale)


@every_layout
@every_number_of_classes
@with_and_without_intercept
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(("scale", "C", "seed"), [(1.0, 1.0, 0), (1e-3, 1e-4, 1), (1e3, np.inf, 2)])
@pytest.mark.usefixtures("small_blocks")
def test_value_and_gradient(layout, n_classes, fit_intercept, weighted, scale, C, seed):
    X, y = problem(n_classes=n_classes, n_samples=200, seed=seed, density=0.6)
    X *= scale
    s = weights(len(y), seed) if weighted else np.ones(len(y))
    F = objective(layout(X), y, s, C, fit_intercept)
    # Scores of order one, whatever the scale of the features: w = unit * u.
    u = coefficients(F.shape, seed=seed)
    unit = np.full(F.shape, 1 / scale)
    if fit_intercept:
        unit[-1] = 1

    def formula(u):
        return value(unit * u, X, y, s, C, fit_intercept)

    point = F.at(unit * u)
    assert_allclose(point.value, formula(u), rtol=1e-13)
    numerical = derivative(formula, u)
    assert_allclose(point.gradient * unit, numerical, rtol=1e-6, atol=1e-8 * point.value)
    assert_array_equal(point.w, unit * u)


@every_number_of_classes
def test_scipy_checks_the_gradient(n_classes):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y, weights(len(y)))
    for seed in range(5):
        w = coefficients(F.shape, seed=seed).ravel()
        error = scipy.optimize.check_grad(
            lambda w: F.at(w.reshape(F.shape)).value,
            lambda w: F.at(w.reshape(F.shape)).gradient.ravel(),
            w,
        )
        assert error < 1e-6 * np.linalg.norm(F.at(w.reshape(F.shape)).gradient)


@every_layout
@every_number_of_classes
def test_blocks_and_threads_make_no_difference(layout, n_classes, request):
    X, y = problem(n_classes=n_classes, n_samples=3000, density=0.6)
    s = weights(len(y))
    w = coefficients(objective(X, y).shape)
    whole = objective(layout(X), y, s).at(w)
    request.getfixturevalue("small_blocks")
    cut = objective(layout(X), y, s).at(w)
    assert_allclose(cut.value, whole.value, rtol=1e-13)
    assert_allclose(cut.gradient, whole.gradient, rtol=1e-11)
    for n_threads in (1, 2, 5):
        with threads(n_threads) as pool:
            parallel = objective(layout(X), y, s, run=pool.map).at(w)
        assert parallel.value == cut.value
        assert_array_equal(parallel.gradient, cut.gradient)


@every_layout
@every_number_of_classes
def test_single_precision_rows(layout, n_classes):
    X, y = problem(n_classes=n_classes, density=0.6)
    single = objective(layout(X.astype(np.float32)), y)
    w = coefficients(single.shape)
    point, expected = single.at(w), objective(X, y).at(w)
    assert point.gradient.dtype == np.float64
    assert_allclose(point.value, expected.value, rtol=1e-6)
    assert_allclose(point.gradient, expected.gradient, rtol=1e-5, atol=1e-5)


@every_number_of_classes
def test_penalty_spares_the_intercept(n_classes):
    X, y = problem(n_classes=n_classes)
    penalised, free = objective(X, y, C=0.1), objective(X, y, C=np.inf)
    w = coefficients(free.shape)
    penalty = penalised.at(w).gradient - free.at(w).gradient
    assert_allclose(penalty[:-1], w[:-1] / 0.1, rtol=1e-12)
    assert_array_equal(penalty[-1], 0)
    difference = penalised.at(w).value - free.at(w).value
    assert_allclose(difference, (w[:-1] ** 2).sum() / (2 * 0.1), rtol=1e-12)


@every_layout
@every_number_of_classes
@with_and_without_intercept
@pytest.mark.usefixtures("small_blocks")
def test_smoothness_is_the_largest_eigenvalue(layout, n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes, n_samples=200, density=0.6)
    s = weights(len(y))
    F = objective(layout(X), y, s, 0.5, fit_intercept)
    A = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    bound = {2: 1 / 4, 3: 1 / 2}[n_classes]
    expected = bound * np.linalg.eigvalsh(A.T @ np.diag(s) @ A)[-1] + 1 / 0.5
    assert_allclose(F.smoothness(), expected, rtol=1e-12)


@every_number_of_classes
def test_no_hessian_has_a_larger_eigenvalue_than_the_smoothness(n_classes):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y, C=10.0)
    closest = 0.0
    for scale in (0.0, 0.1, 1.0, 10.0):
        w = coefficients(F.shape, scale)
        hessian = derivative(lambda w: F.at(w).gradient, w).reshape(w.size, w.size)
        closest = max(closest, np.linalg.eigvalsh(hessian).max() / F.smoothness())
    assert closest <= 1 + 1e-9
    # For two classes and zero coefficients nearly all of it is there.
    assert closest > (0.99 if n_classes == 2 else 0.5)


@every_layout
@pytest.mark.parametrize("seed", range(3))
def test_smoothness_of_many_columns(layout, seed):
    n_features = EXACT_EIGENVALUE_COLUMNS + 10
    X, y = problem(n_samples=100, n_features=n_features, seed=seed, density=0.3)
    A = np.column_stack([X, np.ones(len(X))])
    expected = np.linalg.eigvalsh(A @ A.T)[-1] / 4 + 1
    ratio = objective(layout(X), y).smoothness() / expected
    assert 1 <= ratio <= 1.06


@every_layout
@pytest.mark.parametrize("n_features", [3, EXACT_EIGENVALUE_COLUMNS + 10])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_smoothness_of_features_that_are_not_finite(layout, n_features, bad):
    # Not an error of the linear algebra: the step is zero, and the estimator finds the culprit.
    X, y = problem(n_features=n_features)
    X[5, 1] = bad
    assert objective(layout(X), y).smoothness() == np.inf


@every_layout
@pytest.mark.parametrize("n_features", [3, EXACT_EIGENVALUE_COLUMNS + 10])
def test_smoothness_of_zeros(layout, n_features):
    X, y = problem(n_features=n_features)
    F = objective(layout(np.zeros_like(X)), y, C=0.5, fit_intercept=False)
    assert_allclose(F.smoothness(), 1 / 0.5, rtol=1e-12)


@every_number_of_classes
def test_evaluation_reads_the_rows_once_and_changes_nothing(n_classes):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y)
    w = coefficients(F.shape)
    before = X.copy(), w.copy()
    F.at(w)
    assert F.rows.passes == 1
    assert_array_equal(X, before[0])
    assert_array_equal(w, before[1])


@every_layout
@every_number_of_classes
@with_and_without_intercept
@pytest.mark.usefixtures("small_blocks")
def test_hessians_are_derivatives_of_the_gradient(layout, n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes, n_samples=200, density=0.6)
    F = objective(layout(X), y, weights(len(y)), 0.5, fit_intercept)
    w = coefficients(F.shape)
    size, n_columns = w.size, len(w)
    numerical = derivative(lambda w: F.at(w).gradient, w)
    close = {"rtol": 1e-6, "atol": 1e-7 * np.abs(numerical).max()}
    diagonal = numerical.reshape(size, size).diagonal().reshape(w.shape)
    assert_allclose(F.hessian_diagonal(w), diagonal, **close)
    # Class by class: (coefficient, class, ...) becomes (class, coefficient, ...).
    n_scores = size // n_columns
    full = numerical.reshape(n_columns, n_scores, n_columns, n_scores).transpose(1, 0, 3, 2)
    assert_allclose(F.hessian(w), full, **close)
    blocks = [full[k, :, k] for k in range(n_scores)]
    assert_allclose(F.class_hessians(w), blocks, **close)
    columns = np.array([2, 0])
    kept = np.append(columns, n_columns - 1) if fit_intercept else columns
    some = [block[np.ix_(kept, kept)] for block in blocks]
    assert_allclose(F.class_hessians(w, columns), some, **close)


@every_number_of_classes
@with_and_without_intercept
def test_weights_and_frozen_fields(n_classes, fit_intercept):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    F = objective(X, y, s, 0.5, fit_intercept)
    assert F.smallest_weight == s[s > 0].min()
    assert_allclose(F.total_weight, s.sum(), rtol=1e-14)
    assert_array_equal(F.penalty.unpenalised, [False] * X.shape[1] + [True] * fit_intercept)
    assert objective(X, y, C=np.inf, fit_intercept=fit_intercept).penalty.unpenalised.all()
    with pytest.raises(dataclasses.FrozenInstanceError):
        F.n_scores = 5


@every_number_of_classes
def test_the_intercept_alone_is_where_its_derivative_is_zero(n_classes):
    X, y = problem(n_classes=n_classes)
    F = objective(X, y, weights(len(y)))
    w = np.zeros(F.shape)
    w[-1] = F.intercept_alone()
    assert_allclose(F.at(w).gradient[-1], 0, atol=1e-13 * len(y))
    assert_allclose(w[-1].sum() if n_classes > 2 else 0, 0, atol=1e-14)


@every_number_of_classes
def test_a_class_without_weight_counts_as_if_it_had_a_little(n_classes):
    X, y = problem(n_classes=n_classes)
    s = np.where(y == 0, 0.0, 1.0)
    share = np.maximum(np.bincount(y, s) / s.sum(), 1e-6)
    b = objective(X, y, s).intercept_alone()
    b = np.array([0, b]) if n_classes == 2 else b
    assert_allclose(np.exp(b - b[-1]), share / share[-1], rtol=1e-12)


def test_smoothness_is_never_zero():
    X, y = problem()
    F = objective(np.zeros_like(X), y, C=np.inf, fit_intercept=False)
    assert F.smoothness() == np.finfo(np.float64).tiny


def test_smoothness_of_many_columns_with_weights_and_an_empty_column():
    """By the Lanczos method: never below the exact constant, and at most 7 % above it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 520))
    X[:, 7] = 0
    s = rng.exponential(size=60) ** 4
    y = (rng.random(60) < 0.5).astype(int)
    found = objective(X, y, s, C=np.inf, fit_intercept=False).smoothness()
    exact = np.linalg.eigvalsh((X * s[:, None]).T @ X)[-1] / 4
    assert exact <= found <= 1.07 * exact


def test_smoothness_includes_the_strongest_penalty():
    X, y = problem()
    plain = objective(X, y, C=np.inf)
    penalised = replace(plain, penalty=L2(np.array([0.0, 3.0, 50.0, 1.0, 0.0])))
    expected = plain.smoothness() + 50
    assert_allclose(penalised.smoothness(), expected, rtol=1e-12)
