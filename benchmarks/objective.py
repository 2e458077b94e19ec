from pathlib import Path

import numpy as np
from benchopt import BaseObjective
from joblib import Memory

from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.reference import Reference

memory = Memory(Path(__file__).parent / "__cache__" / "reference", verbose=0)


@memory.cache
def reference_minimum(X, y, C):
    """The minimum of the objective and a bound on its relative error."""
    minimum = Reference(CrossEntropy(X, y, C)).minimise()
    return minimum.value, minimum.gap


class Objective(BaseObjective):
    """L2-penalised logistic regression with an unpenalised intercept.

    The value of a result is its relative suboptimality ``(F - F*) / F*``. ``F`` is computed here,
    in float64, from the coefficients that the solver returns, and ``F*`` comes from a reference
    that takes no part in the race: no solver grades itself.
    """

    name = "logistic-regression"
    min_benchopt_version = "1.10"
    requirements = ["scipy", "scikit-learn"]
    parameters = {"C": [1, 1000]}
    test_config = {"C": 1, "dataset": {"name": "breast-cancer"}}

    def set_data(self, X, y):
        self.loss = CrossEntropy(X, y, self.C)
        self.reference, self.gap = reference_minimum(X, y, self.C)

    def get_objective(self):
        return {"X": self.loss.X, "y": self.loss.y, "C": self.C}

    def get_one_result(self):
        shape = self.loss.n_scores, self.loss.X.shape[1]
        return {"coef": np.zeros(shape), "intercept": np.zeros(shape[0]), "passes": 0}

    def evaluate_result(self, coef, intercept, passes):
        loss = self.loss.value(coef, intercept)
        return {
            "value": (loss - self.reference) / self.reference,
            "loss": loss,
            "reference": self.reference,
            "reference_gap": self.gap,
            "passes": passes,
        }
