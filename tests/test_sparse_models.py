"""The search for broken promises of sparse models: what it found, and that it finds."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from bce_logistic import GDLogisticRegression
from sparse_models import promise
from sparse_models.promise import Problem, faults

# A warning is a fault that the search tells.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_nearly_separated_samples_leave_a_small_curvature_that_counts():
    assert faults(Problem(5497)) == []


@pytest.mark.parametrize("seed", range(12))
def test_every_kind_of_problem_has_a_value_between_the_bounds(seed):
    problem = Problem(seed)
    W = np.zeros((problem.X.shape[1], 1 if problem.n_classes == 2 else problem.n_classes))
    b = np.zeros(W.shape[1])
    # Without any feature the probabilities are equal.
    assert_allclose(problem.value(W, b), problem.s.sum() * np.log(problem.n_classes), rtol=1e-12)
    model = problem.fit(1e-8)
    W, b = model.coef_.T, model.intercept_
    value, least = problem.value(W, b), problem.polished(W, b)
    assert problem.dual_bound(W, b) <= least * (1 + 1e-9)
    assert least <= value <= least * (1 + 1e-7)
    assert problem.violation(W, b) < 1e-5 * value < problem.violation(W + 1.0, b)


class Liar(GDLogisticRegression):
    """Stops early, and says that it converged, with a gap of zero."""

    def fit(self, X, y, sample_weight=None):
        super().fit.__func__(self.set_params(solver="gd", max_iter=3, tol=0), X, y, sample_weight)
        self.converged_, self.gap_ = True, 0.0
        return self


def test_it_notices_what_is_broken(monkeypatch, capsys):
    honest = promise.GDLogisticRegression
    seed = next(seed for seed in range(100) if Problem(seed).kind == "plain")

    def first_lies(**params):
        return (Liar if params["tol"] != 1e-15 else honest)(**params)

    monkeypatch.setattr(promise, "GDLogisticRegression", first_lies)
    found = [fault.split(":")[0] for fault in faults(Problem(seed))]
    assert found == ["broken", "gap_ too small"]
    monkeypatch.setattr(promise, "GDLogisticRegression", Liar)
    assert "no optimum" in [fault.split(":")[0] for fault in faults(Problem(seed))]
    monkeypatch.setattr(sys, "argv", ["promise", str(seed), str(seed + 1)])
    promise.main()
    assert f"{Problem(seed)}: " in capsys.readouterr().out
