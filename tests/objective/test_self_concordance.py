"""How much of a Hessian is left after a step, against the Hessians themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from numpy.testing import assert_allclose

from bce_logistic.objective.self_concordance import hessian_share

from ..common import objective, problem

two_and_more_classes = pytest.mark.parametrize("n_classes", [2, 4])


def least_share(F, w, step):
    """The largest share of the Hessian at ``w`` that is below the Hessian after the step."""
    before, after = (F.hessian(v).reshape(w.size, w.size) for v in (w, w + step))
    return scipy.linalg.eigvalsh(after, before)[0]


@two_and_more_classes
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("scale", [0.01, 0.3, 1.5])
def test_the_share_is_kept(n_classes, layout, scale):
    X, y = problem(60, 4, n_classes)
    F = objective(layout(X), y, C=1e6, fit_intercept=False)
    rng = np.random.default_rng(0)
    w, step = rng.normal(size=F.shape), scale * rng.normal(size=F.shape)
    change = X @ step
    change = np.abs(change) if n_classes == 2 else np.ptp(change, axis=1)
    found = hessian_share(F, step)
    assert_allclose(np.log(found), -change.max(), atol=np.log(60) / 50 + 1e-9)
    assert found <= np.exp(-change.max()) * (1 + 1e-12)
    assert least_share(F, w, step) >= found * (1 - 1e-9)


def test_rows_without_weight_do_not_count():
    X, y = problem(60, 4)
    s = np.ones(60)
    s[7] = 0.0
    X[7] *= 1e3
    F = objective(X, y, s, fit_intercept=False)
    step = np.full(4, 0.01)
    others = np.delete(np.arange(60), 7)
    assert_allclose(
        hessian_share(F, step),
        hessian_share(objective(X[others], y[others], fit_intercept=False), step),
        rtol=1e-12,
    )


def test_a_large_change_leaves_nothing():
    X, y = problem(60, 4)
    assert hessian_share(objective(X, y), np.full(5, 100.0)) == 0
