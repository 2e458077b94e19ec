import numpy as np
from scipy import sparse

from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """No solver: one sum over the numbers of X, the least that a look at all the data can cost."""

    name = "one-read-of-X"
    requirements = ["scipy"]
    settings = (1.0,)

    def build(self, setting):
        return self.X.data if sparse.issparse(self.X) else self.X

    def run(self, setting):
        self.model.sum()

    def get_result(self):
        return {
            "coef": np.zeros((self.n_scores, self.X.shape[1])),
            "intercept": np.zeros(self.n_scores),
            "passes": 1.0,
        }
