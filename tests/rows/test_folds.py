"""The cells of folds: sums over cells are sums over training rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import (
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
)

from bce_logistic.rows.folds import Folds

N = 60
SPLITTERS = {
    "consecutive": KFold(4),
    "shuffled": StratifiedKFold(3, shuffle=True, random_state=0),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=25, random_state=0),
    "incomplete": ShuffleSplit(5, train_size=0.5, test_size=0.2, random_state=0),
    "one row": LeaveOneOut(),
}


def folds_of(splitter):
    return Folds.of(splitter.split(np.zeros((N, 1)), np.arange(N) % 2), N)


@pytest.mark.parametrize("splitter", SPLITTERS.values(), ids=SPLITTERS)
def test_sums_over_cells_are_sums_over_training_rows(splitter):
    folds = folds_of(splitter)
    values = np.random.default_rng(0).normal(size=N)
    by_cell = np.bincount(folds.cells, values)
    expected = [values[train].sum() for train, _ in folds.splits]
    assert_allclose(by_cell @ folds.training, expected, rtol=1e-12, atol=1e-12)
    assert len(folds) == folds.training.shape[1] == len(expected)


def test_a_partition_has_one_cell_a_fold():
    assert folds_of(KFold(4)).training.tolist() == (1 - np.eye(4)).tolist()[::-1]


def test_rows_drawn_twice_count_twice():
    folds = Folds.of([([0, 0, 1], [2]), ([1, 2], [0, -1])], 4)
    assert_array_equal(folds.training[folds.cells], [[2, 0], [1, 1], [0, 1], [0, 0]])
    assert_array_equal(folds.splits[1][1], [0, 3])


def test_positions_are_in_order():
    folds = Folds.of([([3, 1, 2], [-1, 0])], 4)
    assert_array_equal(folds.splits[0][0], [1, 2, 3])
    assert_array_equal(folds.splits[0][1], [0, 3])


def test_masks_are_positions():
    mask = np.array([True, True, False, False])
    folds = Folds.of([(mask, ~mask)], 4)
    assert_array_equal(folds.splits[0][0], [0, 1])
    assert_array_equal(folds.splits[0][1], [2, 3])


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], "no folds"),
        ([([], [0])], "Fold 0 of cv trains on no rows"),
        ([([0], [1]), ([0], [])], "Fold 1 of cv holds out no rows"),
        ([([0, 4], [1])], "out of range"),
        ([([0], [-5])], "out of range"),
    ],
)
def test_unusable_folds_are_refused(splits, message):
    with pytest.raises(ValueError, match=message):
        Folds.of(splits, 4)
