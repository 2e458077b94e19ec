"""How much of a Hessian is left after a step, against the Hessians themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

from bce_logistic.objective.self_concordance import hessian_keeps

from ..common import objective, problem

two_and_more_classes = pytest.mark.parametrize("n_classes", [2, 4])


def least_share(F, w, step):
    """The largest share of the Hessian at ``w`` that is below the Hessian after the step."""
    before, after = (F.hessian(v).reshape(w.size, w.size) for v in (w, w + step))
    return scipy.linalg.eigvalsh(after, before)[0]


@two_and_more_classes
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("scale", [0.01, 0.3, 3.0])
def test_the_share_is_kept(n_classes, layout, scale):
    X, y = problem(60, 4, n_classes)
    F = objective(layout(X), y, C=1e6, fit_intercept=False)
    rng = np.random.default_rng(0)
    w, step = rng.normal(size=F.shape), scale * rng.normal(size=F.shape)
    change = X @ step
    change = np.abs(change) if n_classes == 2 else np.ptp(change, axis=1)
    certain = np.exp(-change.max())
    assert hessian_keeps(F, step, 0.999 * certain)
    assert not hessian_keeps(F, step, min(1.001 * certain, 0.9999))
    assert least_share(F, w, step) >= 0.999 * certain


def test_rows_without_weight_do_not_count():
    X, y = problem(60, 4)
    s = np.ones(60)
    s[7] = 0.0
    X[7] *= 1e3
    F = objective(X, y, s, fit_intercept=False)
    step = np.full(4, 0.01)
    assert hessian_keeps(F, step, 0.5)
    assert not hessian_keeps(objective(X, y, fit_intercept=False), step, 0.5)


def test_a_step_may_change_any_hessian():
    X, y = problem(60, 4)
    assert not hessian_keeps(objective(X, y), np.zeros(5), 1.0)
