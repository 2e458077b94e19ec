"""Which C is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from bce_logistic.estimators.selection import choose, edge_warnings

CS = np.array([10.0, 1.0, 0.1])


def test_best_is_the_first_of_the_largest_means():
    scores = np.array([[[0.0, 2.0, 2.0]], [[1.0, 0.0, 0.0]]])
    assert choose(scores, CS, "best") == (0, 1)


def test_one_standard_error_takes_the_strongest_penalty_within_it():
    # The mean of the best is 3, its standard error sqrt(2) / sqrt(2) = 1.
    scores = np.array([[[2.0, 2.0, 1.9]], [[4.0, 2.1, 2.0]]])
    assert choose(scores, CS, "best") == (0, 0)
    assert choose(scores, CS, "one_standard_error") == (0, 1)
    assert choose(scores[:1], CS, "one_standard_error") == choose(scores[:1], CS, "best")


def test_one_standard_error_keeps_the_l1_ratio():
    scores = np.array([[[5.0, 5.0, 5.0], [6.0, 0.0, 5.9]], [[5.0, 5.0, 5.0], [6.0, 0.0, 6.1]]])
    assert choose(scores, CS, "one_standard_error") == (1, 2)  # the best: no error
    assert choose(scores, CS[::-1], "one_standard_error")[0] == 1


def test_undefined_scores_are_worst():
    scores = np.array([[[np.nan, -3.0, -2.0]]])
    assert choose(scores, CS, "best") == (0, 2)


@pytest.mark.parametrize(("C", "side"), [(10.0, "largest"), (0.1, "smallest")])
def test_the_edge_of_the_grid_warns(C, side):
    ((message, category),) = edge_warnings(C, CS)
    assert f"the {side} of Cs" in message
    assert category is UserWarning


def test_no_warning_inside_or_of_a_single_c_or_without_penalty():
    assert not [*edge_warnings(1.0, CS)]
    assert not [*edge_warnings(1.0, np.array([1.0, 1.0]))]
    assert not [*edge_warnings(np.inf, np.array([1.0, np.inf]))]
