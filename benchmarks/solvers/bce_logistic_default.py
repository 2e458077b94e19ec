from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """The default solver of this project, swept over ``tol``."""

    name = "bce_logistic"
    requirements = ["pip::bce-logistic"]
    counts_passes = True

    def build(self, setting):
        return CountedPasses(C=self.C, tol=setting)
