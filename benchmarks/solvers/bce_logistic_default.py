import numpy as np

from bce_logistic import GDLogisticRegression
from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """The default solver of this project, swept over ``tol``."""

    name = "bce_logistic"
    requirements = ["pip::bce-logistic"]

    def build(self, setting):
        return GDLogisticRegression(C=self.C, tol=setting)

    def passes(self):
        return float(np.max(self.model.n_iter_))
