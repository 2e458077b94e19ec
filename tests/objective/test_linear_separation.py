"""The linear program for separation against exact arithmetic, and what it says of a design."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris

from bce_logistic import SeparationResult, check_separation
from bce_logistic.objective.linear_separation import Constraints

from ..common import problem
from .separation_designs import layout, random_design, three_class_table


def margins(X, y, W, b):
    """``x_i (w_y - w_k) + b_y - b_k`` of every sample and every class k that it is not of."""
    W, b = (np.vstack([0 * W, W]), np.append(0 * b, b)) if len(W) == 1 else (W, b)
    Z = np.asarray(X @ W.T) + b
    others = np.arange(Z.shape[1]) != y[:, None]
    return (Z[np.arange(len(y)), y][:, None] - Z)[others].reshape(len(y), -1)


def exactly_separated(X, y, fit_intercept):
    """Konis's program, ``max sum(M beta)`` with ``M beta >= 0``, by a simplex of fractions.

    ``beta = p - n`` is bounded by ``sum(p + n) <= 1``, so that all slacks are a basis to start
    from. Bland's rule: the first column that gains, and no cycle.
    """
    A = np.hstack([X, np.ones((len(X), 1))]) if fit_intercept else X
    n_classes = int(y.max()) + 1
    contrast = np.eye(n_classes, dtype=int)[:, 1:]
    M = np.array(
        [
            np.kron(contrast[label] - contrast[k], row)
            for row, label in zip(A, y, strict=True)
            for k in range(n_classes)
            if k != label
        ]
    )
    M = np.unique(M, axis=0)
    n = M.shape[0]
    table = np.vstack([np.hstack([-M, M]), np.ones((1, 2 * M.shape[1]))])
    table = np.hstack([table, np.eye(n + 1), np.append(np.zeros(n), 1)[:, None]])
    gains = np.hstack([M.sum(axis=0), -M.sum(axis=0), np.zeros(n + 2)])
    table, gains = (np.vectorize(Fraction)(numbers) for numbers in (table, gains))
    basis = list(range(2 * M.shape[1], 2 * M.shape[1] + n + 1))
    while gains[-1] == 0 and (gains[:-1] > 0).any():
        entering = int(np.flatnonzero(gains[:-1] > 0)[0])
        rows = np.flatnonzero(table[:, entering] > 0)
        leaving = min(rows, key=lambda i: (table[i, -1] / table[i, entering], basis[i]))
        table[leaving] /= table[leaving, entering]
        for i in np.flatnonzero(table[:, entering] != 0):
            if i != leaving:
                table[i] = table[i] - table[i, entering] * table[leaving]
        gains = gains - gains[entering] * table[leaving]
        basis[leaving] = entering
    return gains[-1] < 0  # minus what was gained


@pytest.mark.parametrize("seed", range(60))
def test_as_exact_arithmetic_decides(seed):
    rng = np.random.default_rng(seed)
    n_classes, n_features = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    n_samples = int(rng.integers(4, 8 * n_classes))
    X = rng.integers(-2, 3, (n_samples, n_features)) * rng.integers(0, 2, (n_samples, 1))
    y = np.append(np.arange(n_classes), rng.integers(0, n_classes, n_samples - n_classes))
    fit_intercept = bool(rng.integers(2))
    found = check_separation(X, y, fit_intercept=fit_intercept)
    assert found.separated == exactly_separated(X, y, fit_intercept)


def test_the_random_designs_are_of_both_kinds():
    X = np.array([[0], [1], [2], [3]])
    assert exactly_separated(X, np.array([0, 0, 1, 1]), True)
    assert not exactly_separated(X, np.array([0, 1, 0, 1]), True)


@pytest.mark.parametrize("seed", range(100))
def test_the_direction_raises_margins_and_lowers_none(seed):
    X, y, s, fit_intercept = random_design(seed)
    found = check_separation(
        layout(random_design(seed), seed), y, sample_weight=s, fit_intercept=fit_intercept
    )
    weighted = np.ones(len(y), dtype=bool) if s is None else s > 0
    X, y = X[weighted].astype(float), y[weighted]
    raised = margins(X, y, found.coef, found.intercept)
    terms = np.abs(X) @ np.abs(found.coef).max(axis=0) + np.abs(found.intercept).max()
    zero = 1e-12 * terms[:, None]
    assert (raised >= -zero).all()
    assert found.separated == bool((raised > zero).any())
    assert (found.kind == "complete") == bool((raised > zero).all())
    assert bool(found.features) == found.separated or not found.coef.any()
    if not fit_intercept:
        assert not found.intercept.any()


def test_kinds_and_features():
    X, y = load_iris(return_X_y=True)
    found = check_separation(X[:, :2], y)
    assert isinstance(found, SeparationResult)
    assert (found.kind, found.features) == ("quasi", ["x0", "x1"])
    assert found.coef.shape == (3, 2)
    assert found.intercept.shape == (3,)
    assert check_separation(X[:100], y[:100]).kind == "complete"
    X, y = load_breast_cancer(return_X_y=True)
    assert check_separation(X, y).kind == "complete"
    none = check_separation(X[:, :4], y)
    assert (none.kind, none.features, none.separated) == ("none", [], False)
    assert not none.coef.any()
    assert none.coef.shape == (1, 4)


@pytest.mark.parametrize("category", range(4))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_of_dummies_only_the_one_that_separates_is_named(category, n_classes):
    rng = np.random.default_rng(category)
    where = np.append(np.repeat(np.arange(4), n_classes), rng.integers(0, 4, 200))
    y = np.append(np.tile(np.arange(n_classes), 4), rng.integers(0, n_classes, 200))
    y[where == category] = 1
    X = np.hstack([np.eye(4)[where], rng.normal(size=(len(y), 1))])
    assert check_separation(X, y).features == [f"x{category}"]
    assert check_separation(X[:, :4], y, fit_intercept=False).features == [f"x{category}"]


def test_three_classes_that_the_standard_errors_missed():
    X, y = three_class_table()
    for layout_of in (np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        assert check_separation(layout_of(X), y).kind == "quasi"
    *columns, labels = np.unique(np.column_stack([X, y]), axis=0).T.astype(int)
    assert exactly_separated(np.transpose(columns), labels, True)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_units_and_origin_do_not_matter(scale):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, (100, 3)).astype(float)
    X[:, 2] = X[:, 2] >= 900
    y = rng.integers(0, 2, 100)
    quasi, complete = np.maximum(y, X[:, 2]), X[:, 0] > X[:, 1]
    for labels, kind in ((y, "none"), (quasi, "quasi"), (complete, "complete")):
        expected = check_separation(X, labels)
        assert expected.kind == kind
        found = check_separation(X * scale, labels)
        assert (found.kind, found.features) == (expected.kind, expected.features)
        found = check_separation(X + 2**45, labels)
        assert (found.kind, found.features) == (expected.kind, expected.features)


@pytest.mark.parametrize("gap", [1e-4, 1e-8, 1e-12])
def test_a_narrow_gap_is_a_gap(gap):
    x = np.append(np.linspace(-1, -gap, 20), np.linspace(gap, 1, 20))
    X = np.column_stack([x, np.random.default_rng(0).normal(size=40)])
    assert check_separation(X, x > 0).kind == "complete"
    overlap = np.append(X, [[-gap / 2, 0], [gap / 2, 0]], axis=0)
    assert check_separation(overlap[:, :1], np.append(x > 0, [True, False])).kind == "none"


def test_weights_decide_which_samples_count():
    X, y = problem(n_samples=100)
    s = (y == (X[:, 0] > 0)).astype(float)
    assert check_separation(X, y, sample_weight=s).kind == "complete"
    assert check_separation(X, y, sample_weight=s + 1e-300).kind == "none"
    X, y = problem(n_samples=100, n_classes=3)
    two = check_separation(X, y, sample_weight=(y < 2).astype(float))
    assert two.kind == check_separation(X[y < 2], y[y < 2]).kind
    assert two.coef.shape == (1, 4)


def test_equal_rows_are_merged():
    X = np.repeat([[0.0, 1.0], [0.0, 1.0], [2.0, 1.0]], 50, axis=0)
    y = np.repeat([0, 1, 1], 50)
    assert Constraints.of(X, y, True).margins.shape[0] == 3
    assert check_separation(X, y).features == ["x0"]
    assert_array_equal(check_separation(X, y).coef[:, 1], 0)


def test_names_of_a_frame_and_labels_of_any_kind():
    X = pandas.DataFrame({"age": [30, 40, 50, 60, 70, 80], "treated": [0, 0, 0, 0, 1, 1]})
    found = check_separation(X, ["ill", "well", "well", "ill", "well", "well"])
    assert (found.kind, found.features) == ("quasi", ["treated"])
    assert_allclose(found.coef[0, 0], 0, atol=1e-12)


def test_the_input_is_untouched():
    X, y = problem(n_samples=50)
    for kept in (X, scipy.sparse.csr_array(X), scipy.sparse.csr_array(X + 1e6)):
        arrays = [kept] if isinstance(kept, np.ndarray) else [kept.data, kept.indices, kept.indptr]
        before = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        check_separation(kept, y)
        for array, copy in zip(arrays, before, strict=True):
            assert_array_equal(array, copy)


def test_invalid_input_is_refused():
    X, y = problem()
    with pytest.raises(ValueError, match="one class"):
        check_separation(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="one class"):
        check_separation(X, y, sample_weight=(y == 0).astype(float))
    with pytest.raises(ValueError, match="NaN"):
        check_separation(np.where(X > 2, np.nan, X), y)
    with pytest.raises(ValueError, match="negative"):
        check_separation(X, y, sample_weight=-np.ones(len(y)))
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="in memory"):
        check_separation(da.from_array(X), y)
