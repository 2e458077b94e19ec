from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """The default solver of this project at its default ``tol``: what nobody has tuned."""

    name = "bce_logistic-out-of-the-box"
    requirements = ["pip::bce-logistic"]
    counts_passes = True
    settings = (1e-10,)  # tol="auto" in double precision

    def build(self, setting):
        return CountedPasses(C=self.C)
