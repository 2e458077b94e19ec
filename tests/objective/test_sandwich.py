"""Products of the samples' gradients, against the gradient of each sample alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic.objective.sandwich import cluster_products, sample_products

from ..common import every_layout, objective, problem, weights


def gradients(X, y, w, n_classes):
    """Gradient of each sample in contrasts to the first class, by the whole objective."""
    F = objective(X, np.arange(len(y)) % n_classes, C=np.inf)
    y = y.astype(F.rows.y.dtype)
    rows = []
    for i in range(len(y)):
        only = np.zeros(len(y))
        only[i] = 1.0
        gradient = replace(F, rows=F.rows.reweighted(only, y)).at(w).gradient
        rows.append(gradient if n_classes == 2 else gradient.T[1:].ravel())
    return np.array(rows)


@pytest.mark.usefixtures("small_blocks")
@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_products_of_gradients(layout, n_classes):
    X, y = problem(n_samples=130, n_classes=n_classes, density=0.6)
    s = weights(len(y))
    F = objective(layout(X), y, s, C=np.inf)
    w = np.random.default_rng(0).normal(size=F.shape)
    G = gradients(X, y, w, n_classes)
    assert_allclose(sample_products(F, w), (s[:, None] * G).T @ G, rtol=1e-10, atol=1e-12)
    cluster = np.random.default_rng(1).integers(0, 9, len(y))
    sums = np.zeros((9, G.shape[1]))
    np.add.at(sums, cluster, s[:, None] * G)
    found = cluster_products(F, F.rows, w, cluster)
    assert_allclose(found, sums.T @ sums, rtol=1e-10, atol=1e-12)
