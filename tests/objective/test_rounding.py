"""The estimate of rounding errors, against the errors of a computation with more digits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

from bce_logistic.objective.rounding import gradient_rounding, rounding_gap

from ..common import objective, problem


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("offset", [0.0, 30.0])
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
def test_it_bounds_the_errors_of_single_precision(n_classes, offset, layout):
    X, y = problem(300, 12, n_classes, density=1.0)
    X = (X + offset).astype(np.float32)
    single = objective(layout(X), y)
    double = objective(layout(X.astype(np.float64)), y)
    w = np.random.default_rng(0).normal(size=double.shape, scale=0.3).astype(np.float32)
    w = w.astype(np.float64)
    errors = np.abs(single.at(w).gradient - double.at(w).gradient)
    estimate = gradient_rounding(single, w)
    assert (errors <= estimate).all()
    # It is no bound for the worst case, which would be larger by the root of their number.
    assert estimate.max() <= 1000 * errors.max()


def test_it_scales_with_the_unit_roundoff():
    X, y = problem()
    w = np.full(X.shape[1] + 1, 0.1)
    double = gradient_rounding(objective(X, y), w)
    single = gradient_rounding(objective(X.astype(np.float32), y), w)
    assert_allclose(single / double, 2.0**29, rtol=1e-5)


def test_the_gap_is_that_of_the_errors():
    X, y = problem()
    F, w = objective(X, y, C=7.0), np.full(X.shape[1] + 1, 0.1)
    errors = gradient_rounding(F, w)[:-1]
    assert_allclose(rounding_gap(F, w, 1.0), 7.0 / 2 * errors @ errors, rtol=1e-12)
