"""A subsample stands for all rows: its weights, its classes, its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.preconditioning.subsample import Subsample

from ..common import every_layout, objective, problem, weights


def draw(F, n_rows, seed=0):
    return Subsample.draw(F, n_rows, np.random.default_rng(seed))


def fit_encode_foreign(n_classes=2, n_samples=1000, layout=np.asarray):
    """An objective of rows that hold their number in the first feature, starting with one."""
    X, y = problem(n_samples=n_samples, n_classes=n_classes)
    X[:, 0] = np.arange(1, n_samples + 1)
    return X, y, objective(layout(X), y, weights(n_samples) + 0.1)


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_are_drawn_evenly_with_their_labels_and_weights(layout, n_classes):
    X, y, F = fit_encode_foreign(n_classes, layout=layout)
    rows = draw(F, 200).rows
    number = rows.X[:, 0].astype(int) - 1
    assert type(rows.X) is np.ndarray
    assert abs(rows.n_samples - 200) <= n_classes
    assert_array_equal(rows.X, X[number])
    assert_array_equal(rows.y, y[number])
    factor = rows.s / (weights(len(y)) + 0.1)[number]
    for k in range(n_classes):
        drawn = y[number] == k
        # Each stands for as many as its class has for every one drawn,
        stretch = (y == k).sum() / drawn.sum()
        assert_allclose(factor[drawn], stretch, rtol=1e-12)
        # and the class is cut into stretches of that many rows, with one row from each.
        position = np.searchsorted(np.flatnonzero(y == k), np.sort(number[drawn]))
        assert (np.abs(position + 0.5 - (np.arange(drawn.sum()) + 0.5) * stretch) < stretch).all()


@pytest.mark.parametrize("n_samples", [10, 1000])
def test_all_rows_are_drawn_once(n_samples):
    X, _, F = fit_encode_foreign(n_samples=n_samples)
    assert_array_equal(np.sort(draw(F, 2 * n_samples).rows.X[:, 0]), X[:, 0])


class AlmostOne:
    """A generator whose numbers are as close to one as numbers below one can be."""

    def random(self, size):
        return np.full(size, np.nextafter(1.0, 0.0))

    def permutation(self, n):
        return np.arange(n)


def test_no_row_behind_the_last_is_drawn():
    X, y, F = fit_encode_foreign(n_samples=1000)
    for n_rows in range(100, 1000, 7):
        rows = Subsample.draw(F, n_rows, AlmostOne()).rows
        assert np.isin(rows.X[:, 0], X[:, 0]).all()
        assert_array_equal(rows.y, y[rows.X[:, 0].astype(int) - 1])


def test_rare_classes_are_not_missed():
    X, _ = problem(n_samples=10_000)
    y = np.zeros(10_000, dtype=int)
    y[:30], y[30:2000] = 2, 1
    rows = draw(objective(X, y), 600).rows
    assert (rows.y == 2).sum() == 30  # all there are
    assert (rows.y == 1).sum() >= 100  # half of a third
    for k in range(3):
        assert_allclose(rows.s[rows.y == k].sum(), (y == k).sum(), rtol=1e-12)


def test_rows_come_in_random_order():
    # So that the first few are a subsample too.
    _, y, F = fit_encode_foreign()
    rows = draw(F, 400).rows
    number = rows.X[:, 0]
    assert abs(np.corrcoef(number, np.arange(len(number)))[0, 1]) < 0.2
    shares = [rows.y[:100].mean(), rows.y[100:].mean()]
    assert_allclose(shares, y.mean(), atol=0.15)


def test_the_draw_is_that_of_the_generator():
    _, _, F = fit_encode_foreign()
    assert_array_equal(draw(F, 100).rows.X, draw(F, 100).rows.X)
    assert not np.array_equal(draw(F, 100).rows.X, draw(F, 100, seed=1).rows.X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_of_subsamples_are_that_of_all_on_average(n_classes):
    X, y = problem(n_samples=2000, n_classes=n_classes)
    F = objective(X, y, C=np.inf)
    w = np.random.default_rng(1).normal(size=F.shape)
    gradients = []
    for seed in range(200):
        rows = draw(F, 100, seed).rows
        part = objective(rows.X, rows.y.astype(int), rows.s, C=np.inf)
        gradients.append(part.at(w).gradient)
    error = np.mean(gradients, axis=0) - F.at(w).gradient
    assert (np.abs(error) < 4 * np.std(gradients, axis=0) / 200**0.5).all()


@pytest.mark.parametrize("n_rows", [50, 120, 200, 10_000])
def test_objective_of_the_first_rows(n_rows):
    X, y = problem(n_samples=2000)
    X[:, 1] = 0
    F = objective(X, y, C=0.5)
    sample = draw(F, 200)
    part = sample.objective(n_rows)
    n_rows = min(n_rows, sample.rows.n_samples)
    first = slice(0, n_rows)
    assert_array_equal(part.rows.X, sample.rows.X[first])
    assert_array_equal(part.rows.y, sample.rows.y[first])
    scale = sample.rows.n_samples / n_rows
    assert_allclose(part.rows.s, sample.rows.s[first] * scale, rtol=1e-12)
    # The penalty, and what holds back a feature that few rows tell of.
    centred = part.rows.X - part.rows.X[:256].mean(axis=0)
    with np.errstate(invalid="ignore"):
        square = np.nan_to_num((centred**4).sum(axis=0) / (centred**2).sum(axis=0))
    extra = part.rows.s.mean() / 4 * square
    assert_allclose(part.penalty.curvature[:-1], 1 / 0.5 + extra, rtol=1e-12)


def test_a_rare_feature_is_held_back():
    # A feature that one row of the subsample has would otherwise have no optimum.
    X, y = problem(n_samples=500)
    X[:, 2] = 0
    X[np.flatnonzero(y)[0], 2] = 1
    part = draw(objective(X, y, C=np.inf), 500).objective(500)
    assert part.penalty.curvature[2] > 0
    assert part.hessian(np.zeros(5))[0, 2, 0, 2] >= 2 * 0.25
