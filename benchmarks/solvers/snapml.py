import os

from snapml import LogisticRegression

from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """Snap ML's dual coordinate descent, swept over the number of epochs.

    It penalises the intercept, like liblinear. ``intercept_scaling`` stays at 1: with 100 the
    solver does not converge.
    """

    name = "snapml-penalised-intercept"
    requirements = ["pip::snapml"]
    several_classes = False

    def build(self, setting):
        return LogisticRegression(
            regularizer=1.0 / self.C,
            dual=True,
            fit_intercept=True,
            tol=1e-12,
            max_iter=setting,
            n_jobs=os.cpu_count(),
            random_state=0,
        )
