"""The samples of a cross-validation in memory and in mapped files."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import KFold

from bce_logistic import GDLogisticRegressionCV
from bce_logistic.solvers import many_models

from ..common import NumPyMemory, problem

pytestmark = pytest.mark.filterwarnings("ignore:C_=.* is the .* of Cs:UserWarning")


def mapped(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("min_tall_size", [1000, 10**9], ids=["many rows", "few rows"])
def test_a_mapped_file_gives_the_same(n_classes, min_tall_size, tmp_path, monkeypatch):
    monkeypatch.setattr(many_models, "MIN_TALL_SIZE", min_tall_size)
    X, y = problem(1000, 4, n_classes=n_classes)
    params = {"Cs": [0.01, 1.0], "cv": KFold(3, shuffle=True, random_state=0), "tol": 1e-12}
    memory = GDLogisticRegressionCV(**params).fit(X, y)
    model = GDLogisticRegressionCV(**params).fit(mapped(X, tmp_path), y)
    assert_allclose(model.scores_, memory.scores_, rtol=1e-6)
    assert_allclose(model.coef_, memory.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("n_classes", "shape"), [(2, (40_000, 100)), (3, (40_000, 20))])
def test_a_mapped_file_is_not_copied(n_classes, shape, tmp_path, monkeypatch):
    monkeypatch.setattr(many_models, "MIN_TALL_SIZE", 1000)
    monkeypatch.setattr("bce_logistic.rows.memory.DENSE_BLOCK_BYTES", 1 << 18)
    X, y = problem(*shape, n_classes=n_classes)
    model = GDLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, tol=1e-4, n_jobs=1, refit=False)
    X = mapped(X, tmp_path)
    with NumPyMemory() as memory:
        model.fit(X, y)
    assert memory.peak < 0.75 * X.nbytes
