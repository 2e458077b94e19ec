from sklearn.linear_model import LogisticRegression

from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """scikit-learn's quasi-Newton and Newton solvers, swept over ``tol``."""

    name = "scikit-learn"
    requirements = ["scikit-learn"]
    parameters = {"solver": ["lbfgs", "newton-cg", "newton-cholesky"]}
    parameter_template = "{solver}"

    def skip(self, X, y, C):
        if self.solver == "newton-cholesky" and X.shape[1] > 10_000:
            return True, "factorises a matrix of n_features x n_features"
        return super().skip(X, y, C)

    def build(self, setting):
        return LogisticRegression(C=self.C, solver=self.solver, tol=setting, max_iter=1000)
