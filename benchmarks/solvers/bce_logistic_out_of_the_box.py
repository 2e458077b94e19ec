from bce_logistic import GDLogisticRegression
from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """The default solver of this project at its default ``tol``: what nobody has tuned."""

    name = "bce_logistic-out-of-the-box"
    requirements = ["pip::bce-logistic"]
    counts_passes = True
    settings = (GDLogisticRegression().tol,)

    def build(self, setting):
        return GDLogisticRegression(C=self.C)
