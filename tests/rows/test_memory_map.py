"""Features in a file: they are mapped to memory, and never copied."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic import GDLogisticRegression

from ..common import NumPyMemory

MIB = 1 << 20
N_SAMPLES, N_FEATURES = 500_000, 32
# What a fit may hold: one byte a label, what the threads work on, and the rows drawn.
IN_A_FIT = N_SAMPLES + 32 * MIB


def write(path, dtype):
    """A file of 16,000,000 numbers, and labels in one byte each."""
    rng = np.random.default_rng(0)
    X = np.memmap(path, dtype, "w+", shape=(N_SAMPLES, N_FEATURES))
    X[:] = rng.standard_normal(X.shape, np.float32)
    y = (X @ np.linspace(-1, 1, N_FEATURES) + rng.logistic(size=N_SAMPLES) > 0).astype(np.int8)
    X.flush()
    return y


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["float32", "float64"])
def mapped(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "X"
    y = write(path, request.param)
    return np.memmap(path, request.param, "r", shape=(N_SAMPLES, N_FEATURES)), y


@pytest.fixture(scope="module")
def model(mapped):
    return GDLogisticRegression(n_jobs=2).fit(*mapped)


@pytest.mark.parametrize("params", [{}, {"solver": "gd", "max_iter": 2, "tol": 0.0}])
def test_a_fit_copies_no_features(mapped, params):
    with NumPyMemory() as memory:
        GDLogisticRegression(n_jobs=2, **params).fit(*mapped)
    assert memory.peak < IN_A_FIT


def test_the_result_is_that_in_memory(mapped, model):
    X, y = mapped
    assert_array_equal(GDLogisticRegression().fit(np.array(X), y).coef_, model.coef_)


@pytest.mark.parametrize("coef_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["decision_function", "predict", "predict_proba"])
def test_predicting_copies_no_features(mapped, model, method, coef_dtype):
    X, _ = mapped
    other = GDLogisticRegression(max_iter=0, tol=0.0).fit(np.eye(2, N_FEATURES), [0, 1])
    other.coef_, other.intercept_ = (a.astype(coef_dtype) for a in (model.coef_, model.intercept_))
    with NumPyMemory() as memory:
        result = getattr(other, method)(X)
    # Scores, and a few arrays of that size.
    assert memory.peak < 6 * 8 * N_SAMPLES + 16 * MIB < X.nbytes
    assert_allclose(result, getattr(model, method)(X), rtol=1e-3, atol=1e-5)


def test_what_joblib_maps_is_not_copied(mapped, model, tmp_path):
    X, y = mapped
    joblib.dump(X, tmp_path / "X.joblib")
    again = joblib.load(tmp_path / "X.joblib", mmap_mode="r")
    with NumPyMemory() as memory:
        coef = GDLogisticRegression().fit(again, y).coef_
    assert memory.peak < IN_A_FIT
    assert_array_equal(coef, model.coef_)
