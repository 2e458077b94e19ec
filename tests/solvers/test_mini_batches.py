"""Objectives of mini-batches: against the objective of all rows, and the formula."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.rows.training_data import SampleTotals
from bce_logistic.solvers.mini_batches import MiniBatches

from ..common import every_layout, objective, problem, weights

every_kind = pytest.mark.parametrize("n_classes", [2, 3])


def whole(n_samples=60, n_classes=2, layout=np.asarray, C=0.5, zeros=False):
    X, y = problem(n_samples, n_classes=n_classes)
    s = weights(n_samples) if zeros else 1 + weights(n_samples)
    return objective(layout(X), y, s, C)


def everything(all_rows):
    return SampleTotals(all_rows.rows.n_samples, all_rows.total_weight)


def coefficients(all_rows):
    return np.random.default_rng(1).normal(size=all_rows.shape)


@every_layout
@every_kind
@pytest.mark.parametrize("batch_size", [1, 5, 20, 60])
def test_the_mean_over_the_batches_is_the_mean_objective(layout, n_classes, batch_size):
    all_rows = whole(n_classes=n_classes, layout=layout)
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, batch_size, "mean", n_samples=60)
    order = np.random.default_rng(0).permutation(60)
    points = [batch.at(w) for batch in batches.objectives(order, everything(all_rows))]
    assert len(points) == 60 / batch_size
    _, value, gradient, *_ = all_rows.at(w)
    assert_allclose(np.mean([point.value for point in points]), value / all_rows.total_weight)
    mean = np.mean([point.gradient for point in points], axis=0)
    assert_allclose(mean, gradient / all_rows.total_weight, rtol=1e-12, atol=1e-15)


@every_layout
@every_kind
@pytest.mark.parametrize("batch_size", [1, 7, 60, 100])
def test_the_sum_over_the_batches_is_the_objective(layout, n_classes, batch_size):
    all_rows = whole(n_classes=n_classes, layout=layout)
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, batch_size, "sum", n_samples=60)
    points = [batch.at(w) for batch in batches.objectives(np.arange(60), everything(all_rows))]
    _, value, gradient, *_ = all_rows.at(w)
    assert_allclose(sum(point.value for point in points), value, rtol=1e-12)
    total = sum(point.gradient for point in points)
    assert_allclose(total, gradient, rtol=1e-11, atol=1e-12)


@every_layout
@every_kind
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [1, 7, 20, 60, 100])
def test_scaled_objectives_sum_to_the_objective_of_all_rows(
    layout, n_classes, reduction, batch_size
):
    # With equal weights, so that a batch's share of the rows is its share of the weight.
    X, y = problem(60, n_classes=n_classes)
    all_rows = objective(layout(X), y, np.full(60, 1.7), C=0.5)
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, batch_size, reduction, n_samples=60)
    points = [batch.at(w) for batch in batches.objectives(np.arange(60), everything(all_rows))]
    scales = list(batches.scales(60))
    assert len(scales) == len(points)
    value = sum(scale * point.value for scale, point in zip(scales, points, strict=True))
    gradient = sum(scale * point.gradient for scale, point in zip(scales, points, strict=True))
    expected = all_rows.at(w)
    assert_allclose(value, expected.value, rtol=1e-12)
    assert_allclose(gradient, expected.gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_during_the_first_pass_averages_are_over_the_rows_seen_so_far(reduction):
    all_rows = whole(C=0.5)
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, 25, reduction, n_samples=60)
    order = np.arange(60)[::-1]
    for k, batch in enumerate(batches.objectives(order, SampleTotals())):
        seen, now = order[: 25 * (k + 1)], order[25 * k : 25 * (k + 1)]
        X, y, s = all_rows.rows.X, all_rows.rows.y, all_rows.rows.s
        z = X[now] @ w[:-1] + w[-1]
        residual = s[now] * (1 / (1 + np.exp(-z)) - y[now])
        share = len(now) / len(seen)
        gradient = X[now].T @ residual + share * w[:-1] / 0.5
        if reduction == "mean":
            gradient /= share * s[seen].sum()
        assert_allclose(batch.at(w).gradient[:-1], gradient, rtol=1e-12)
    assert k == 2


def test_the_penalty_is_bounded_during_the_first_pass():
    all_rows = whole(C=1e-6)
    weight = all_rows.total_weight
    batches = MiniBatches(all_rows, 30, "mean", n_samples=60, max_strength=7.0)
    first, second = batches.objectives(np.arange(60), SampleTotals())
    assert_array_equal(first.penalty.strength[:-1], 7.0)
    assert_array_equal(second.penalty.strength[:-1], 7.0)
    for batch in batches.objectives(np.arange(60), everything(all_rows)):
        assert_allclose(batch.penalty.strength[:-1], 1e6 / weight, rtol=1e-12)


@every_layout
@pytest.mark.parametrize("batch_size", [1, 4, 60])
def test_the_number_of_rows_gathered_at_a_time_changes_nothing(layout, batch_size, monkeypatch):
    all_rows = whole(layout=layout)
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, batch_size, "mean", n_samples=60)
    order = np.random.default_rng(0).permutation(60)
    expected = [batch.at(w) for batch in batches.objectives(order, SampleTotals())]
    monkeypatch.setattr("bce_logistic.solvers.mini_batches.GATHERED_NUMBERS", 1)
    for point, batch in zip(expected, batches.objectives(order, SampleTotals()), strict=True):
        assert_array_equal(point.gradient, batch.at(w).gradient)


def test_rows_without_weight_are_in_no_batch():
    all_rows = whole(zeros=True)
    rows = np.flatnonzero(all_rows.rows.s)
    assert len(rows) < 60
    w = coefficients(all_rows)
    batches = MiniBatches(all_rows, 1, "sum", n_samples=len(rows))
    seen = SampleTotals(len(rows), all_rows.total_weight)
    total = sum(batch.at(w).gradient for batch in batches.objectives(rows, seen))
    assert_allclose(total, all_rows.at(w).gradient, rtol=1e-12)
