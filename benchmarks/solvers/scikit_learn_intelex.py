from sklearnex.linear_model import LogisticRegression

from benchmark_utils.sweep import tolerances
from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """The L-BFGS of Intel's extension for scikit-learn, swept over ``tol``.

    On dense data the extension compares ``tol`` with the gradient of the sum of the losses, not of
    their mean, so the sweep begins looser. Sparse data it hands on to scikit-learn.
    """

    name = "intelex"
    requirements = ["pip::scikit-learn-intelex"]
    settings = tolerances(4, -10)

    def build(self, setting):
        return LogisticRegression(C=self.C, solver="lbfgs", tol=setting, max_iter=1000)
