from glum import GeneralizedLinearRegressor

from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """glum's iteratively reweighted least squares and L-BFGS, swept over ``gradient_tol``."""

    name = "glum"
    requirements = ["pip::glum"]
    parameters = {"solver": ["irls-ls", "lbfgs"]}
    parameter_template = "{solver}"
    several_classes = False

    def skip(self, X, y, C):
        if self.solver == "irls-ls" and X.shape[1] > 5_000:
            return True, "forms a matrix of n_features x n_features, and crashes at 20,000"
        return super().skip(X, y, C)

    def build(self, setting):
        return GeneralizedLinearRegressor(
            family="binomial",
            alpha=1.0 / (self.C * self.X.shape[0]),
            l1_ratio=0.0,
            solver=self.solver,
            gradient_tol=setting,
            max_iter=1000,
        )
