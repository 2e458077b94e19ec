from sklearn.linear_model import LogisticRegression

from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """scikit-learn's stochastic average gradient solvers, swept over the number of epochs."""

    name = "scikit-learn-stochastic"
    requirements = ["scikit-learn"]
    parameters = {"solver": ["sag", "saga"]}
    parameter_template = "{solver}"

    def build(self, setting):
        return LogisticRegression(
            C=self.C, solver=self.solver, tol=1e-12, max_iter=setting, random_state=0
        )
