from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """Textbook gradient descent and Nesterov's acceleration, swept over the number of passes."""

    name = "bce_logistic-textbook"
    requirements = ["pip::bce-logistic"]
    counts_passes = True
    parameters = {"method": ["gd", "nesterov"]}
    parameter_template = "{method}"

    def build(self, setting):
        return CountedPasses(
            C=self.C, solver="gd", nesterov=self.method == "nesterov", tol=0.0, max_iter=setting
        )
