"""Labels and probabilities by class: counts, weights and positions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.rows.label_index import (
    all_labels_possible,
    label_counts,
    label_weights,
    most_probable,
    possible_labels,
    rows_by_class,
    smallest_weight,
)

from ..common import probabilities, weights


def encoded(n_samples, n_classes):
    """Probabilities as rows hold them, and in a column for each class."""
    Y = probabilities(n_samples, n_classes)
    Y[::3] = np.eye(n_classes)[np.arange(len(Y[::3])) % n_classes]
    return (Y[:, 1] if n_classes == 2 else Y), Y


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities_count_for_every_class(n_classes):
    y, Y = encoded(100, n_classes)
    s = weights(100)
    assert_array_equal(most_probable(y), Y.argmax(axis=1))
    counts = np.bincount(Y.argmax(axis=1), minlength=n_classes)
    assert_array_equal(label_counts(y, n_classes), counts)
    assert_allclose(label_weights(y, s, n_classes), (s[:, None] * Y).sum(axis=0), rtol=1e-14)
    products = s[:, None] * Y
    assert_allclose(smallest_weight(y, s), products[products > 0].min(), rtol=1e-13)


def test_the_smallest_weight_of_labels_is_that_of_a_sample():
    s = weights(50)
    assert smallest_weight(np.arange(50) % 3, s) == s[s > 0].min()
    assert smallest_weight(np.arange(50) % 2 * 1.0, s) == s[s > 0].min()


def test_rows_are_found_by_their_most_probable_class():
    y, Y = encoded(200, 3)
    rows = np.random.default_rng(0).permutation(200)[:40]
    label = Y.argmax(axis=1)
    position = np.array([(label[:row] == label[row]).sum() for row in rows])
    assert_array_equal(rows_by_class(y, label[rows], position), rows)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_possible_labels_are_those_with_a_probability(n_classes):
    y, Y = encoded(20, n_classes)
    rows, labels = possible_labels(y)
    found = np.zeros(Y.shape, dtype=bool)
    found[rows, labels] = True
    assert len(rows) == found.sum()
    assert_array_equal(found, Y > 0)
    assert not all_labels_possible(y)
    assert all_labels_possible(y[(Y > 0).all(axis=1)])
    assert not all_labels_possible(np.array([0, 1, 1]))
    hard = np.array([0, 2, 2, 0])
    rows, labels = possible_labels(hard)
    assert_array_equal(hard[rows], hard)
    assert_array_equal(labels, [0, 1, 1, 0])
